"""The HTML page: result JSON in, one self-contained file out.

The page needs no network. Its figures are inline SVG that follow the reader's light or dark setting; text from the data
is escaped by Jinja2 in the page and by matplotlib in the figures (and never read as mathematics). One script, which the
page's Content-Security-Policy names by its hash, draws the table of questions; all else can be read without it.
"""

from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from jinja2 import ChainableUndefined, Environment, FileSystemLoader
from markupsafe import Markup

from ..knowledge.state import flow
from ..running.results import write_text
from . import charts, curves, figures, findings, question_table
from .columns import OTHER_SCORES, UNANSWERABLE, metric, with_values
from .drawing import METHODS, OUTCOMES, label, number, svg
from .names import BASELINES, KINDS, MODELS, kind_of, meanings, place, row_place, rule, seedless

# The columns of the comparison's table, and their heads.
METRICS = {f"p_{o}": Markup(f"P<sub>{c}</sub> %") for o, c in (("correct", "c"), ("wrong", "w"), ("refused", "r"))}
METRICS |= {
    "p_unparsed": "unparsed %",
    "p_incomplete": "incomplete %",
    "ths": "THS × 100",
    "ths_refuse": Markup("THS vs<br>refusal<br>prompt × 100"),
    "over_refusal": "over-refusal %",
    "ap": "AP %",
    "auroc_all": Markup("AUROC<br>over all<br>× 100"),
    "aurc_all": Markup("AURC<br>over all<br>× 100"),
}
OPTIONAL = ("p_unparsed", "p_incomplete", "ths_refuse", "ap", "auroc_all", "aurc_all")
FEWEST = 5  # a cell of fewer questions has no arrow


def write_report(
    path, comparison, boundary=None, state_init=None, state_rehearsal=None, selections=(), evaluations=(), trainings=()
) -> None:
    """Write the report: one HTML file, replaced atomically; the same input gives the same bytes.

    Args:
        path: the file to write.
        comparison: the content of ``comparison.json``: THS at every coverage, tables, outcome bars, THS figure, paired
            tests. What a file of an older version lacks is left out.
        boundary: of ``boundary.json`` (accuracy by subject), or None.
        state_init: of ``state_init.json`` (map of Cor and Cer), or None.
        state_rehearsal: of ``state_rehearsal.json`` (the map after rehearsal, knowledge flow), or None.
        selections: of any number of ``selection_METHOD.json`` (pools, CRSS curves, knowledge flow).
        evaluations: of any number of ``eval_NAME.json`` (outcomes by subject, risk against coverage, questions).
        trainings: of any number of ``knowledge_boundary.json`` beside trained weights (loss by step).

    Raises:
        KeyError: an input lacks a key that its stage always writes.
        OSError: the file cannot be written.
    """
    selections = sorted(selections or (), key=lambda s: place(s["summary"]["method"], METHODS))
    in_order = sorted(evaluations or (), key=lambda e: e["summary"]["model"])  # seeds of one method among themselves
    evaluations = sorted(in_order, key=lambda e: place(seedless(e["summary"]["model"]), MODELS))
    threshold = next((s["meta"]["args"]["threshold"] for s in selections if s["meta"]["args"].get("threshold")), 0.5)
    files = [("comparison.json", comparison), ("boundary.json", boundary)]
    files += [("state_init.json", state_init), ("state_rehearsal.json", state_rehearsal)]
    files += [(f"selection_{s['summary']['method']}.json", s) for s in selections]
    files += [(f"eval_{e['summary']['model']}.json", e) for e in evaluations]
    evaluations = _first_seeds(evaluations, comparison["records"])
    trainings = [(Path(t["meta"]["args"]["output_model"]).name, t) for t in trainings or ()]
    files += [(f"{name}/knowledge_boundary.json", t) for name, t in trainings]
    losses = [(name, t["summary"]["losses"]) for name, t in trainings if t["summary"].get("losses")]
    similar = any(s["summary"].get("crss") for s in selections)
    tests = comparison["summary"].get("paired_tests") or []
    base = comparison["summary"].get("base", "init_basic")
    table = question_table.question_table(base, state_init, state_rehearsal, selections, evaluations)
    other_curves = comparison["summary"].get("baseline_curves") or []
    untrained = [{"model": c["name"], "kind": "baseline"} for c in other_curves]
    script, digest = question_table.script()
    context = {
        "model": next((r["meta"]["model"]["name"] for _, r in files if r and r["meta"].get("model")), None),
        "curves": _curves(comparison, base, tests),
        "coverages": curves.COVERAGES,
        "height": curves.height,
        "names": meanings(comparison["records"], MODELS, ("native", "calibrated")),
        "baselines": meanings(comparison["records"] + untrained, BASELINES, ("baseline",)),
        "several_seeds": any((r.get("n_seeds") or 1) > 1 for r in comparison["records"]),
        "datasets": _datasets(comparison["records"]),
        "tests": tests,
        "verdicts": _verdicts(tests),
        "boundary": boundary and boundary["summary"],
        "subjects": boundary and figures.ranked(boundary["summary"]["subjects"]),
        "boundary_drawing": boundary and svg(figures.boundary_drawing(boundary["summary"])),
        "maps": _maps(state_init, state_rehearsal, threshold),
        "threshold": threshold,
        "arrows": _arrows(state_init, state_rehearsal, threshold),
        "flow_drawing": _flow(state_init, state_rehearsal, selections, threshold),
        "flows": [s["summary"] for s in selections if s["summary"].get("flow")],
        "selections": [s["summary"] | {"weights": _weights(s["records"])} for s in selections],
        "crss_sentence": findings.crss_sentence([s["summary"] for s in selections]),
        "crss_drawing": similar and svg(charts.crss_drawing(selections)),
        "losses": losses,
        "loss_drawing": losses and svg(charts.loss_drawing(losses)),
        "risks": _risks(evaluations),
        "fewest_covered": charts.FEWEST,
        "table": table,
        "table_json": table and Markup(question_table.embedded(table)),
        "unanswerable_columns": UNANSWERABLE,
        "outcome_colors": [color for _, color in OUTCOMES.values()],
        "script": Markup(script),
        "script_hash": digest,
        "by_subject": _by_subject(evaluations),
        "missing": _missing(boundary, state_init, state_rehearsal, selections, evaluations, losses),
        "sources": [(name, r["meta"]) for name, r in files if r],
    }
    write_text(Path(path), _pages().get_template("report.html.j2").render(context))


# What the page shows: the template gets the JSON itself, and figures.


def _pages() -> Environment:
    """The template's environment: everything escaped, what is null or absent a dash, numbers with a true minus."""
    pages = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=ChainableUndefined,
        finalize=lambda x: "–" if x is None or isinstance(x, ChainableUndefined) else x,
        trim_blocks=True,
    )
    pages.filters |= {"number": number, "metric": metric, "rule": rule}
    return pages


def _value(record, metric):
    return (record.get(metric) or {}).get("value")


def _shown(record, metric) -> bool:
    """Whether an optional metric has something to say: a value, and for what is no answer one above 0."""
    return (
        bool(_value(record, metric)) if metric in ("p_unparsed", "p_incomplete") else _value(record, metric) is not None
    )


def _has_answer(record) -> bool:
    return not record.get("should_abstain")


def _first_seeds(evaluations, records) -> list:
    """The evaluations that are shown question by question: of a method with several seeds the first."""
    seeds = [r["seeds"] for r in records if r.get("seeds")]
    seen = {name for names in seeds for name in names[1:]} - {names[0] for names in seeds}
    return [e for e in evaluations if not (e["summary"]["model"] in seen or seen.add(e["summary"]["model"]))]


def _weights(records) -> dict | None:
    """The mean weight in training of the answers and of the refusals that a selection takes; None where all are 1.

    A question with a ``target`` is taught both ways: its answer with this weight, the refusal with the rest.
    """
    taken = [r for r in records if r["label"] != "dropped"]
    if any("target" in r for r in taken):
        answers = [r["target"] for r in taken]
        return {"van": np.mean(answers), "idk": 1 - np.mean(answers)}
    if not any("weight" in r for r in taken):
        return None
    sides = {side: [r.get("weight", 1) for r in taken if r["label"] == side] for side in ("van", "idk")}
    return {side: np.mean(weights) if weights else None for side, weights in sides.items()}


def _verdicts(tests) -> list[tuple]:
    """(data set, sentence on its paired tests): on those of native rows, then on those of the others."""
    parts = {}
    for t in tests:
        parts.setdefault((t["dataset"], t.get("kind") == "calibrated"), []).append(t)
    start = {False: "", True: "At calibrated thresholds: "}
    return [(name, start[kind] + findings.tests_sentence(t)) for (name, kind), t in parts.items()]


def _of(items, dataset) -> list:
    return [item for item in items or () if item["dataset"] == dataset]


def _curves(comparison, base, tests) -> list[dict]:
    """Per data set that has curves: the figure of THS at every coverage, what it shows, and its lines."""
    records, found = comparison["records"], []
    for name in dict.fromkeys(r["dataset"] for r in records):
        rows, baselines = _of(records, name), _of(comparison["summary"].get("baseline_curves"), name)
        lines = curves.lines(rows, baselines, base)
        if lines:
            drawing = svg(charts.curve_drawing(lines))
            sentences = findings.boundary_sentences(lines, rows, _of(tests, name))
            found.append({"name": name, "drawing": drawing, "sentences": sentences, "lines": lines})
    return found


def _datasets(records) -> list[dict]:
    """Per data set: its records by kind in the models' order, the metrics shown, its outcome bars, its THS figure.

    A set without answerable questions has no bars; ``other`` are the columns of other scores, ``unanswerable`` the
    records with unanswerable questions.
    """
    found = []
    for name in dict.fromkeys(r["dataset"] for r in records):
        rows = sorted(_of(records, name), key=row_place)
        labels = [label(r["model"], keep=True) for r in rows]
        kinds = [kind_of(r) for r in rows]
        shares = [{o: _value(r, f"p_{o}") or 0 for o in OUTCOMES} for r in rows]
        scored = any(_value(r, "ths") is not None for r in rows)
        found.append(
            {
                "name": name,
                "metrics": {m: t for m, t in METRICS.items() if m not in OPTIONAL or any(_shown(r, m) for r in rows)},
                "records": rows,
                "groups": [(k, KINDS[k], [r for r in rows if kind_of(r) == k]) for k in dict.fromkeys(kinds)],
                "seeds": any(r.get("n_seeds") for r in rows),
                "rules": any(map(rule, rows)),
                "costs": any(r.get("cost") for r in rows),
                "outcomes": any(r["n"] for r in rows) and svg(charts.stacked_drawing(labels, shares, kinds)),
                "ths": scored and svg(charts.ths_drawing(labels, rows)),
                "other": with_values(OTHER_SCORES, rows),
                "unanswerable": [r for r in rows if r.get("n_unanswerable")],
                "warnings": [f"{r['model']}: {text}" for r in rows for text in r.get("warnings") or ()],
            }
        )
    return found


def _maps(state_init, state_rehearsal, threshold) -> list[dict]:
    """The maps of Cor and Cer, on the same axes and the same scale of counts."""
    given = [(t, s) for t, s in (("Before rehearsal", state_init), ("After rehearsal", state_rehearsal)) if s]
    maps = []
    for (title, state), found in zip(given, figures.density([s for _, s in given]), strict=True):
        points = found[0]
        facts = {"title": title, "n": len(points), "cor": points[:, 0].mean(), "cer": points[:, 1].mean()}
        facts["warnings"] = state["summary"].get("warnings")
        maps.append(facts | {"drawing": svg(figures.state_drawing(*found, threshold))})
    return maps


def _flow(state_init, state_rehearsal, selections, threshold) -> Markup | None:
    """The histogram of ΔCor among the questions below the threshold; None if the files do not tell."""
    if state_init and state_rehearsal:
        after = {r["id"]: r for r in state_rehearsal["records"] if r["cor"] is not None}
        before = {r["id"]: r for r in state_init["records"] if r["cor"] is not None}
        pairs = [(r["cor"], flow(r, after[i])) for i, r in before.items() if i in after]
    else:
        records = next((s["records"] for s in selections if s["summary"].get("flow")), [])
        pairs = [(r["cor_init"], r["delta_cor"]) for r in records if r.get("delta_cor") is not None]
    delta = np.array([d for cor, d in pairs if cor < threshold])
    return svg(figures.flow_drawing(delta)) if len(delta) else None


def _arrows(state_init, state_rehearsal, threshold) -> dict | None:
    """The flow on the Cor × Cer plane, and how many questions its arrows stand for; None without both states."""
    if not (state_init and state_rehearsal):
        return None
    before, after = ({r["id"]: (r["cor"], r["cer"]) for r in s["records"]} for s in (state_init, state_rehearsal))
    ids = [i for i in before if i in after and None not in (*before[i], *after[i])]
    start, end = (np.array([s[i] for i in ids], float).reshape(-1, 2) for s in (before, after))
    edges = figures.density([state_init, state_rehearsal])[0][1]
    fewest = max(FEWEST, len(ids) // 200)
    cells = [c for c in figures.displacements(start, end, edges) if c[0] >= fewest]
    if not cells:
        return None
    drawing = svg(figures.arrows_drawing(cells, edges, threshold))
    return {"drawing": drawing, "fewest": fewest, "n": len(ids), "shown": sum(n for n, _, _ in cells)}


def _risks(evaluations) -> list[dict]:
    """Per data set: risk against coverage of the models that have it, and the area under each curve."""
    found = []
    for name in dict.fromkeys(d for e in evaluations for d in e["summary"]["datasets"]):
        sets = {e["summary"]["model"]: e["summary"]["datasets"].get(name, {}) for e in evaluations}
        having = {m: s for m, s in sets.items() if s.get("risk_coverage") and s["risk_coverage"]["points"]}
        if not having:
            continue
        counts = Counter(
            (e["summary"]["model"], r["dataset"]) for e in evaluations for r in e["records"] if _has_answer(r)
        )
        curves = {m: (s["risk_coverage"]["points"], counts[m, name]) for m, s in having.items()}
        rows = [(m, s["risk_coverage"].get("aurc"), s["risk_coverage"]["points"][-1]) for m, s in having.items()]
        found.append({"name": name, "drawing": svg(charts.risk_drawing(curves)), "rows": rows})
    return found


def _missing(boundary, state_init, state_rehearsal, selections, evaluations, losses) -> list[tuple]:
    """(what, file, stage) that would add to the page."""
    wanted = (
        (boundary, "Accuracy by subject", "boundary.json", "run_MMLU.py"),
        (state_init, "The map of Cor and Cer", "state_init.json", "run_query_state.py"),
        (state_rehearsal, "The map after rehearsal and the knowledge flow", "state_rehearsal.json",
         "run_query_state.py on the model that run_rehearsal.py wrote"),
        (selections, "The selected questions and CRSS", "selection_METHOD.json", "build_rait_data.py"),
        (losses, "Training loss", "knowledge_boundary.json beside the weights", "run_rehearsal.py and finetune.sh"),
        (evaluations, "Outcomes by subject, and the questions themselves", "eval_NAME.json", "eval_refusal.py"),
    )  # fmt: skip
    return [what for given, *what in wanted if not given]


def _by_subject(evaluations) -> list[dict]:
    """Per evaluation, on its first data set: outcomes by subject, all in the order of the first evaluation's P_c.

    Of the answerable questions alone.
    """
    drawings, order = [], {}
    for evaluation in evaluations:
        dataset = next(iter(evaluation["summary"]["datasets"]), None)
        outcomes = defaultdict(Counter)
        for record in evaluation["records"]:
            if record["dataset"] == dataset and _has_answer(record):
                outcomes[record["subject"]][record["outcome"]] += 1
        if not outcomes:
            continue
        shares = {s: {o: c[o] / c.total() for o in OUTCOMES} for s, c in outcomes.items()}
        ranked = sorted(shares, key=lambda s: (-shares[s]["correct"], s))
        order.setdefault(dataset, ranked)
        ranked = sorted(ranked, key=lambda s: place(s, order[dataset]))
        labels = [f"{label(s)} ({outcomes[s].total()})" for s in ranked]
        drawing = svg(charts.stacked_drawing(labels, [shares[s] for s in ranked]))
        drawings.append({"model": evaluation["summary"]["model"], "dataset": dataset, "drawing": drawing})
    return drawings
