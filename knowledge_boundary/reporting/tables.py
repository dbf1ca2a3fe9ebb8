"""The stages' closing tables, as text for the terminal."""


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
    # A 95 % interval lies above the true value once in 40 times.
    lines.append(
        f"{summary['subjects_known']} of {len(subjects)} subjects are above chance (known); "
        f"about {len(subjects) / 40:.2g} would be by luck alone."
    )
    if not summary["known"]:
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


def comparison_table(records) -> str:
    """The comparison as text: a row per data set and model, every figure × 100 with its 95 % interval."""
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
    if all(r["ths_refuse"]["value"] is None for r in records):
        del columns["ths_refuse"]
    if not any(r["p_incomplete"]["value"] for r in records):
        del columns["p_incomplete"]
    rows = [["data set", "model", "n", *columns.values()]]
    rows += [[r["dataset"], r["model"], str(r["n"]), *(percent(r[c]) for c in columns)] for r in records]
    fitted = []
    for i, texts in enumerate(zip(*rows, strict=True)):
        width = max(map(len, texts))
        fitted.append([text.ljust(width) if i < 2 else text.rjust(width) for text in texts])
    lines = ["  ".join(row) for row in zip(*fitted, strict=True)]
    if "ths_refuse" in columns:
        lines.append("(THS, refuse⁰: against the initial model with the refusal prompt)")
    for r in records:
        lines += [f"Warning: {r['dataset']}, {r['model']}: {text}" for text in r["warnings"]]
    return "\n".join(lines)


def tests_table(tests) -> str:
    """Paired tests as text: the difference in THS × 100, its 95 % interval, p."""
    lines = []
    for t in tests:
        result = "undefined"
        if t["p"] is not None:
            result = "{:+.1f} [{:+.1f}, {:+.1f}], p = {:.3f}".format(
                *(100 * x for x in (t["difference"], *t["ci95"])), t["p"]
            )
        lines.append(f"{t['dataset']}: THS of {t['model_a']} − {t['model_b']} = {result}")
    return "\n".join(lines)


def flow_line(counts: dict, threshold: float) -> str:
    """What rehearsal did to the questions below the threshold (``selection.count_flow``)."""
    directions = ", ".join(f"{n} {direction}" for direction, n in counts.items())
    return f"Of {sum(counts.values())} questions with Cor < {threshold}, in rehearsal: {directions}"


def selection_head(tau_sim: float) -> str:
    """The head of the selections' closing table."""
    return f"{'method':<8}{'D_van':>12}{'D_idk':>12}{'CRSS':>8}{'similarity':>12}  (taken/pool; tau_sim {tau_sim})"


def selection_row(summary, tau_sim: float) -> str:
    """One selection's line of that table."""
    method, taken, pools = summary["method"], summary["taken"], summary["pools"]
    crss, similarity = summary["crss"][f"{tau_sim:.2f}"], summary["mean_max_similarity"]
    pool_van = pools["van"] + pools["idk"] if method == "van" else pools["van"]  # Van-Tuning draws from all questions
    van, idk = f"{taken['van']}/{pool_van}", f"{taken['idk']}/{pools['idk_after_flow']}"
    shown = "" if crss is None else f"{crss:>8.3f}{similarity:>12.3f}"
    return f"{method:<8}{van:>12}{idk:>12}{shown}"
