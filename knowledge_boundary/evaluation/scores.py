"""A test set's figures: rates, THS, over-refusal and all other scores, each with a 95 % interval."""

import numpy as np

from . import caution, confidence, curve, truthfulness
from .abstention import f1_measure, unanswerable
from .intervals import bootstrap, wilson, with_interval
from .rates import OUTCOMES, answerable, refusals, right_wrong, ths

NESTED = {"confidence_target": truthfulness.TARGET_NAMES, "coverage_at_risk": confidence.RISK_NAMES}


def ths_measure(records, base, name: str = "ths"):
    """THS of ``records`` against ``base`` (the same questions in the same order) as ``name``, for ``bootstrap``."""
    rates = np.stack([*right_wrong(records), *right_wrong(base)], axis=1)

    def measure(counts):
        return {name: ths(*(counts @ rates / counts.sum(1, keepdims=True)).T)}

    return measure


def metrics(records, base, seed: int, refuse_base=None, drawn=None) -> dict:
    """All metrics of one test set.

    Args:
        records: ``[{outcome, given, confidence, …}]``; ``given`` is the outcome of the answer's own text, which the
            measures of confidence judge (``outcome`` may be a refusal by ``--refuse_unsure``); ``should_abstain`` where
            no answer exists.
        base: the initial model's records of the same questions in the same order, or None (what is measured against
            it is then null).
        seed: of the bootstrap.
        refuse_base: the initial model's records with the refusal prompt, or None (``ths_refuse`` is then null).
        drawn: ``sampled`` of the same, where it is known already.

    Returns:
        Over the answerable questions ``n`` and, each as ``{value, ci95}`` and as a fraction, ``p_correct, p_wrong,
        p_refused, p_unparsed, p_incomplete, over_refusal, refusal_precision, refusal_recall, refusal_f1, ths,
        ths_refuse``, those of ``confidence.NAMES`` and ``truthfulness.NAMES``, ``correct_given_attempted``, and by
        their targets and risks ``confidence_target`` and ``coverage_at_risk``; and ``abstention.unanswerable``.
        ``ths_refuse`` is THS measured against ``refuse_base``: what is left of it once the wording of the prompt is the
        same on both sides.
    """
    apart = unanswerable(records, seed)
    records, base, refuse_base = answerable(records, base, refuse_base)
    values, draws = drawn or sampled(records, base, seed, refuse_base)
    found = {name: wilson(int(hits.sum()), int(among.sum())) for name, (hits, among) in rates(records, base).items()}

    def metric(name):
        return with_interval(values.get(name, np.nan), draws.get(name, np.zeros(0)))

    for name in ("ths", "ths_refuse", "refusal_f1", *confidence.NAMES, *truthfulness.NAMES):
        found[name] = metric(name)
    for name, keys in NESTED.items():
        found[name] = {key: metric((name, key)) for key in keys}
    return {"n": len(records), **found, **apart}


def sampled(records, base, seed: int, refuse_base=None, more=()) -> tuple[dict, dict]:
    """Values and draws (``bootstrap``) of what has no interval by formula, arguments as ``metrics``; empty without any.

    Args:
        records: of answerable questions, and so ``base`` and ``refuse_base``.
        base: as of ``metrics``.
        seed: as of ``metrics``.
        refuse_base: as of ``metrics``.
        more: further measures.
    """
    found = [*measures(records, base, refuse_base), *more] if records else []
    return bootstrap(found, len(records), seed) if found else ({}, {})


def measures(records, base, refuse_base) -> list:
    """What is bootstrapped of answerable questions, arguments as ``metrics``."""
    found = [confidence.measure(records), truthfulness.measure(records, base)]
    if base:
        refused, known = refusals(records), right_wrong(base)[0] > 0
        found += [ths_measure(records, base), f1_measure(refused, ~known, "refusal_f1")]
    if refuse_base:
        found.append(ths_measure(records, refuse_base, "ths_refuse"))
    return found


def summarise(records, base=None, seed: int = 0, thinking: str = "off") -> dict:
    """A test set's part of ``summary.datasets``: ``metrics``, curves (``curve.summary``), metrics by subject, warnings.

    ``thinking``: whether the model was asked to think, for what the warnings advise.
    """
    subjects = {}
    for i, r in enumerate(records):
        subjects.setdefault(r["subject"], []).append(i)
    by_subject = {
        name: metrics([records[i] for i in rows], base and [base[i] for i in rows], seed)
        for name, rows in subjects.items()
    }
    whole = metrics(records, base, seed)
    with_answer, base_with_answer = answerable(records, base)
    by_confidence = {"points": confidence.risk_coverage(with_answer), "aurc": whole["aurc"]}
    warnings = caution.of_base(base_with_answer) + caution.of_evaluation(records, thinking)
    held = caution.mean_letter_mass(records)
    return {
        **whole,
        **curve.summary(records, base, seed),
        "risk_coverage": by_confidence,
        "subjects": by_subject,
        "letter_mass": held,
        "warnings": warnings,
    }


def rates(records, base) -> dict:
    """The rates of answerable questions: {name: (which questions count, of which)}, boolean arrays [records] each.

    Refusing is also judged as a classifier of what the initial model gets wrong: precision and recall, null without it.
    """
    right, wrong = (x > 0 for x in right_wrong(records))
    refused, every = refusals(records), np.ones(len(records), dtype=bool)
    known = right_wrong(base)[0] > 0 if base else None
    nothing = (~every, ~every)
    return {
        **{f"p_{o}": (np.array([r["outcome"] == o for r in records], dtype=bool), every) for o in OUTCOMES},
        "over_refusal": nothing if known is None else (refused & known, known),
        "refusal_precision": nothing if known is None else (refused & ~known, refused),
        "refusal_recall": nothing if known is None else (refused & ~known, ~known),
        "correct_given_attempted": (right, right | wrong),
    }
