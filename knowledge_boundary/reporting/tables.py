"""The stages' closing tables, as text for the terminal."""

from .columns import OTHER_SCORES, UNANSWERABLE, metric, with_values
from .names import kind_of, rule


def boundary_table(summary) -> str:
    """The boundary as text for the terminal: subjects by accuracy, MMLU's categories, all; what is above chance."""

    def line(name, s):
        interval, known = "{:.1%} – {:.1%}".format(*s["ci95"]), "yes" if s["known"] else "no"
        return f"{name:<36}{s['n']:>6}{s['accuracy']:>10.1%}{interval:>17}{s['chance']:>9.1%}  {known}"

    subjects, categories = summary["subjects"], summary["categories"]
    lines = []
    for heading, rows in (("subject", subjects), ("MMLU's category", categories)):
        if rows:
            lines.append(f"{heading:<36}{'n':>6}{'accuracy':>10}{'95 % interval':>17}{'chance':>9}  known")
            lines += [line(*item) for item in sorted(rows.items(), key=lambda item: -item[1]["accuracy"])]
            lines.append("")
    lines.append(line("all", summary))
    known = f"{summary['subjects_known']} of {len(subjects)} subjects"
    if summary["chance"]:  # a 95 % interval lies above the true value once in 40 times
        lines.append(f"{known} are above chance (known); about {len(subjects) / 40:.2g} would be by luck alone.")
    else:
        lines.append(f"{known} have a right answer (known): nobody guesses an open one.")
    if summary["should_abstain"]:
        lines.append(f"{summary['should_abstain']} of {summary['n']} questions are unanswerable: no answer is right")
    if summary["chance"] and not summary["known"]:
        lines.append(f"The model is at chance ({summary['chance']:.1%}) on the whole set.")
    lines += mass_lines(summary)
    return "\n".join(lines)


def mass_lines(summary) -> list:
    """How much of the probability the letters hold, and the summary's warnings, a line each."""
    held = summary["letter_mass"]
    lines = [] if held is None else [f"The letters hold {held:.1%} of the probability where they are compared"]
    return lines + [f"Warning: {text}" for text in summary["warnings"]]


def state_table(summary) -> str:
    """A state's summary as text for the terminal: subjects by mean Cor, then all."""
    rows = sorted(summary["subjects"].items(), key=lambda item: -item[1]["mean_cor"])
    lines = [f"{'subject':<36}{'n':>6}{'mean Cor':>10}{'95 % interval':>16}{'mean Cer':>10}{'Cor >= 0.5':>12}"]
    for name, s in [*rows, ("all", summary)]:
        interval = "{:.3f} – {:.3f}".format(*s["ci95"]) if s["ci95"] else "–"
        lines.append(
            f"{name:<36}{s['n']:>6}{s['mean_cor']:>10.3f}{interval:>16}{s['mean_cer']:>10.3f}{s['share_cor_half']:>12.1%}"
        )
    lines.append("(interval of mean Cor over questions, by normal approximation)")
    lines.append(f"Questions by Cor, in tenths from 0 to 1: {' '.join(map(str, summary['cor_tenths']))}")
    if summary["should_abstain"]:
        lines.append(f"{summary['should_abstain']} of {summary['n']} questions are unanswerable: their Cor is 0")
    if summary["empty_samples"]:
        lines.append(f"{summary['empty_samples']:.1%} of the sampled answers are empty")
    lines += mass_lines(summary)
    return "\n".join(lines)


def percent(metric) -> str:
    """``{value, ci95}`` × 100 for the terminal: "28.3 [23.5, 33.4]"."""
    if metric["value"] is None:
        return "–"
    value, low, high = (round(100 * x, 1) + 0.0 for x in (metric["value"], *metric["ci95"]))  # no "-0.0"
    return f"{value:.1f} [{low:.1f}, {high:.1f}]"


def evaluation_tables(records) -> str:
    """All that is said of models: comparison, ranking and costs, other scores, unanswerable questions, warnings."""
    found = [comparison_table(records), ranking_table(records), other_scores_table(records)]
    found.append(unanswerable_table(records))
    found.append("\n".join(warning_lines(records)))
    return "\n\n".join(table for table in found if table)


def fitted(rows, texts: int = 2) -> list:
    """Lines of a table whose columns are as wide as their widest cell, the first ``texts`` of them flush left."""
    columns = []
    for i, cells in enumerate(zip(*rows, strict=True)):
        width = max(map(len, cells))
        columns.append([cell.ljust(width) if i < texts else cell.rjust(width) for cell in cells])
    return ["  ".join(row) for row in zip(*columns, strict=True)]


def comparison_table(records) -> str:
    """The comparison as text: a row per data set and model, every figure × 100 with its 95 % interval.

    Over the answerable questions; empty where there are none. What kind each row is stands there where not all are the
    models' own decisions, and how many seeds it has, with the spread of THS between them, where one has several.
    """
    columns = {
        "p_correct": "P_c",
        "p_wrong": "P_w",
        "p_refused": "P_r",
        "p_unparsed": "unparsed",
        "p_incomplete": "incomplete",
        "ths": "THS",
        "ths_refuse": "THS, refuse⁰",
        "over_refusal": "over-refusal",
        "ap": "AP",
    }
    records = [r for r in records if r["n"]]
    if not records:
        return ""
    if all(r["ths_refuse"]["value"] is None for r in records):
        del columns["ths_refuse"]
    if not any(r["p_incomplete"]["value"] for r in records):
        del columns["p_incomplete"]
    kinds = any(kind_of(r) != "native" for r in records)
    seeds = any(n_seeds(r) > 1 for r in records)
    rows = [["data set", "model", *["row"] * kinds, *["n seeds"] * seeds, "n", *columns.values()]]
    for r in records:
        about = [r["dataset"], r["model"], *[kind_of(r)] * kinds, *[str(n_seeds(r))] * seeds, str(r["n"])]
        rows.append(about + [percent(r[c]) + (between_seeds(r, c) if c == "ths" else "") for c in columns])
    lines = fitted(rows, texts=2 + kinds)
    if kinds:
        lines.append(
            "(native: the model's own decision; calibrated: a threshold of its score decides; baseline: one of the "
            "initial model's, untrained)"
        )
    if seeds:
        lines.append(
            "(of several seeds: their mean, an interval over seeds and questions, ± standard deviation of seeds)"
        )
    if "ths_refuse" in columns:
        lines.append("(THS, refuse⁰: against the initial model with the refusal prompt)")
    return "\n".join(lines)


def n_seeds(record) -> int:
    """How many evaluations a row is the mean of."""
    return record.get("n_seeds") or 1


def between_seeds(record, name) -> str:
    """The standard deviation of a metric between seeds × 100, as " ± 2.1"; empty where there is none."""
    spread = (record.get("spread") or {}).get(name)
    return "" if spread is None else f" ± {100 * spread:.1f}"


def ranking_table(records) -> str:
    """How well a signal puts right answers above wrong ones, over all questions, and what it costs, as text.

    AUROC and AURC × 100; empty where no record has them. Columns that no record has are left out.
    """
    records = [r for r in records if metric(r, ["auroc_all"])["value"] is not None]
    if not records:
        return ""
    rules = any(rule(r) for r in records)
    costs = any(r.get("cost") for r in records)
    head = ["data set", "model", "by", *["answers where"] * rules, "AUROC, all", "AURC, all"]
    rows = [head + ["seconds", "passes"] * costs]
    for r in records:
        row = [r["dataset"], r["model"], r.get("signal") or "score", *[rule(r) or "it decides so"] * rules]
        row += [percent(r["auroc_all"]), percent(r["aurc_all"])]
        cost = r.get("cost")
        rows.append(row + [f"{cost[unit]:.1f}" if cost else "–" for unit in ("seconds", "forward_passes")] * costs)
    lines = ["Right above wrong by a signal, over all questions, refused or not (AUROC: higher, AURC: lower is better)"]
    lines += fitted(rows, texts=3 + rules)
    if costs:
        lines.append("(seconds: evaluating one model on all its sets; passes: sequences run per question)")
    return "\n".join(lines)


def other_scores_table(records) -> str:
    """Scores of other lines of work as text, every figure × 100 and without its interval; empty if there are none."""
    records = [r for r in records if r["n"]]
    columns = with_values(OTHER_SCORES, records)
    if not columns:
        return ""
    rows = [["data set", "model", *(head for _, head, _ in columns)]]
    rows += [[r["dataset"], r["model"], *(plain_percent(metric(r, place)) for place, *_ in columns)] for r in records]
    lines = ["Other scores, × 100 (docs/evaluation.md; their intervals are in the file and on the report page)"]
    return "\n".join(lines + fitted(rows))


def unanswerable_table(records) -> str:
    """What models do with unanswerable questions, as text, × 100 with 95 % intervals; empty if there are none."""
    records = [r for r in records if r.get("n_unanswerable")]
    if not records:
        return ""
    rows = [["data set", "model", "n", *(head for _, head, _ in UNANSWERABLE)]]
    rows += [
        [r["dataset"], r["model"], str(r["n_unanswerable"]), *(percent(metric(r, place)) for place, *_ in UNANSWERABLE)]
        for r in records
    ]
    lines = ["Unanswerable questions, where refusing is right (precision, recall, F1 of refusing: over all questions)"]
    return "\n".join(lines + fitted(rows))


def plain_percent(metric) -> str:
    """``{value, ci95}`` × 100 without its interval: "28.3"."""
    return "–" if metric["value"] is None else f"{round(100 * metric['value'], 1) + 0.0:.1f}"


def warning_lines(records) -> list:
    """The warnings of a comparison's records, a line each."""
    return [f"Warning: {r['dataset']}, {r['model']}: {text}" for r in records for text in r["warnings"]]


def tests_table(tests, untrained) -> str:
    """Paired tests as text: the difference in THS × 100, its 95 % interval, p; below it those at equal coverage.

    The models' own decisions first, then, under a line that says so, those at thresholds: these without equal
    coverages, and without pairs of rows that are both ``untrained``.
    """
    own = [t for t in tests if t.get("kind") != "calibrated"]
    lines = [line for t in own for line in lines_of_test(t)]
    chosen = [t for t in tests if t.get("kind") == "calibrated"]
    if chosen:
        lines += [
            *[""] * bool(lines),
            "At thresholds that were chosen on other questions:",
        ]
        lines += [lines_of_test(t)[0] for t in chosen if not {t["model_a"], t["model_b"]} <= {*untrained}]
    return "\n".join(lines)


def lines_of_test(test) -> list:
    """The lines of one paired test."""
    result = "undefined"
    if test["p"] is not None:
        result = "{:+.1f} [{:+.1f}, {:+.1f}], p = {:.3f}".format(
            *(100 * x for x in (test["difference"], *test["ci95"])), test["p"]
        )
    seeds = test.get("n_seeds") or [1, 1]
    behind = f" ({seeds[0]} and {seeds[1]} seeds)" if max(seeds) > 1 else ""
    lines = [f"{test['dataset']}: THS of {test['model_a']} − {test['model_b']} = {result}{behind}"]
    at = [t for t in test.get("at_coverage") or () if t["p"] is not None]
    if at:
        found = (f"{100 * t['coverage']:.0f} %: {100 * t['difference']:+.1f} (p = {t['p']:.3f})" for t in at)
        lines.append(f"    where both answer {', '.join(found)}")
    return lines


def flow_line(counts: dict, threshold: float) -> str:
    """What rehearsal did to the questions below the threshold (``selection.count_flow``)."""
    directions = ", ".join(f"{n} {direction}" for direction, n in counts.items())
    return f"Of {sum(counts.values())} questions with Cor < {threshold}, in rehearsal: {directions}"


def selection_head(tau_sim: float) -> str:
    """The head of the selections' closing table."""
    return f"{'method':<10}{'D_van':>12}{'D_idk':>12}{'CRSS':>8}{'similarity':>12}  (taken/pool; tau_sim {tau_sim})"


def selection_row(summary, tau_sim: float) -> str:
    """One selection's line of that table."""
    method, taken, pools = summary["method"], summary["taken"], summary["pools"]
    crss, similarity = summary["crss"][f"{tau_sim:.2f}"], summary["mean_max_similarity"]
    # Van-Tuning draws from all questions that have an answer.
    pool_van = pools["van"] + pools["idk"] - summary["should_abstain"] if method == "van" else pools["van"]
    van, idk = f"{taken['van']}/{pool_van}", f"{taken['idk']}/{pools['idk_after_flow']}"
    shown = "" if crss is None else f"{crss:>8.3f}{similarity:>12.3f}"
    return f"{method:<10}{van:>12}{idk:>12}{shown}"
