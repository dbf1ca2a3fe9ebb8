"""Several evaluations of the same questions beside each other, with paired tests."""

import itertools

from . import curve, row_figures, seeds
from .alike import records_of, same_model_refusing
from .pools import check_file, check_forced
from .rates import answerable
from .row_figures import Figures
from .rows import Member, calibrated_rows, native_rows

EQUAL_COVERAGES = (0.25, 0.5, 0.75)  # where the curves of two models are tested, besides where each of them answers
UNTESTED = {"difference": None, "ci95": None, "p": None}


def compare(
    evaluations: dict,
    base: dict,
    seed: int = 0,
    base_where: str = "--base_eval",
    calibrations: dict | None = None,
) -> tuple[list, list]:
    """The comparison's records and paired tests, over the test sets of the first evaluation.

    Args:
        evaluations: {where it comes from, for errors: the content of ``eval_NAME.json``}; those of one method and
            several seeds (``rows.native_rows``) are one row.
        base: the initial model's, which THS is measured against.
        seed: of the bootstrap.
        base_where: where ``base`` comes from.
        calibrations: {where it comes from: the content of ``calibration_NAME.json``}, each a further row.

    Returns:
        ``[{model, dataset, n, …}]``: ``scores.metrics``, ``auroc_all``, ``aurc_all``, ``spread``, ``warnings`` and what
        ``row_figures.about`` and ``row_figures.placed`` say. ``[{dataset, kind, model_a, model_b, n_seeds, difference,
        ci95, p, at_coverage}]``: all pairs of native rows, and all of rows with a threshold.

    Raises:
        UserError: they were not evaluated on the same questions, a record lacks something, seeds or calibrations don't
            fit each other.
    """
    everything = evaluations | {base_where: base}
    for where, evaluation in everything.items():
        check_evaluation(evaluation, where)
    natives = native_rows(evaluations, base)
    rows = natives + calibrated_rows(calibrations or {}, natives, Member(base_where, base))
    refusing = same_model_refusing(base, evaluations)
    records, tests = [], []
    for label, asked in questions_by_set(evaluations).items():
        own = {where: records_of(e, label, asked, where) for where, e in everything.items()}
        of_rows = [[own[m.where] for m in row.members] for row in rows]
        shares = {row.name: row_figures.coverage([own[m.where] for m in row.members]) for row in natives}
        coverages = sorted({*EQUAL_COVERAGES, *shares.values()} - {0})
        found = [
            row_figures.figures(row, label, of_row, own[base_where], own.get(refusing), coverages, seed)
            for row, of_row in zip(rows, of_rows, strict=True)
        ]
        records += [f.record | {"initial": is_of(f.row, base)} for f in found]
        for kinds in (("native",), ("calibrated", "baseline")):
            of_kind = [f for f in found if f.row.kind in kinds]
            tests += [tested(label, a, b, shares) for a, b in itertools.combinations(reversed(of_kind), 2)]
    return records, tests


def is_of(row, base: dict) -> bool:
    """Whether a row is of the initial model itself."""
    return row.members[0].fingerprint == base["meta"]["model"]["fingerprint"]


def check_evaluation(evaluation: dict, where: str) -> None:
    """UserError if a file lacks what a comparison reads, or has a forced answer or signals that are none."""
    check_file(evaluation, where)
    if any("forced" in record for record in evaluation["records"]):  # older files have none, and no curve
        check_forced(evaluation, where)


def questions_by_set(evaluations: dict) -> dict:
    """{label: {id: whether it ``should_abstain``}} of the test sets of the first evaluation."""
    first = next(iter(evaluations.values()))
    return {
        label: {r["id"]: bool(r.get("should_abstain")) for r in first["records"] if r["dataset"] == label}
        for label in first["summary"]["datasets"]
    }


def tested(label: str, a: Figures, b: Figures, shares: dict) -> dict:
    """The paired test of two rows' THS, and at equal coverage (``shares``: what each native row answers)."""
    native = a.row.kind == "native"
    both = (a.row.name, b.row.name)
    found = {"dataset": label, "kind": "native" if native else "calibrated", "model_a": both[0], "model_b": both[1]}
    found["n_seeds"] = [len(x.row.members) for x in (a, b)]
    found |= seeds.paired_test(a.ths, b.ths) if a.ths and b.ths else UNTESTED
    wanted = sorted({*EQUAL_COVERAGES, *((shares[name] for name in both) if native else ())} - {0})
    found["at_coverage"] = [
        {"coverage": c, **at_coverage(a.at_coverages[c], b.at_coverages[c])}
        for c in wanted
        if c in a.at_coverages and c in b.at_coverages
    ]
    return found


def at_coverage(a: seeds.Sample, b: seeds.Sample) -> dict:
    """THS of two rows where both answer the same share of the questions, those of highest score; their paired test."""
    values = [seeds.interval(x)["value"] for x in (a, b)]
    return {"ths_a": values[0], "ths_b": values[1], **seeds.paired_test(a, b)}


def baseline_curves(evaluations: dict, base: dict, seed: int = 0, base_where: str = "--base_eval") -> list:
    """The initial model's curves by every signal that its evaluation has, which no threshold was chosen on.

    Args:
        evaluations: as of ``compare``, for their test sets.
        base: the initial model's.
        seed: of the bootstrap.
        base_where: where ``base`` comes from.

    Returns:
        ``[{name, dataset, signal, curve, auroc_all, aurc_all}]`` (``curve.ranking``); ``name`` is the signal's, and the
        evaluation's own for ``score``.
    """
    found = []
    for label, asked in questions_by_set(evaluations).items():
        (kept,) = answerable(records_of(base, label, asked, base_where))
        for signal in curve.available(kept):
            if signal == "refusal_prompt":  # is the evaluation's that gives leave to refuse
                continue
            name = base["summary"]["model"] if signal == curve.SIGNAL else signal
            about = {"name": name, "dataset": label, "signal": signal}
            found.append(about | curve.ranking(kept, kept, seed, signal))
    return found
