"""The figures of one row of a comparison on one test set: of its one evaluation, or means over its seeds."""

from dataclasses import dataclass

import numpy as np

from . import abstention, caution, curve, intervals, scores, seeds
from .calibration import overlap
from .intervals import bootstrap
from .rates import answerable, rate_measure
from .rows import Row
from .seeds import Sample
from .signals import FLAGS

COVERAGES = np.arange(101) / 100  # where the curves of several seeds are averaged
AREAS = ("auroc_all", "aurc_all")
UNBOUNDED = ("ths", "ths_refuse", "truthfulness", "omniscience", "confidence_target", "e_aurc")  # the rest: 0 to 1
SEEN = "Its threshold was chosen on {} of these very questions, so its figures are too good: calibrate on others"
# What an answer costs by each signal, besides the answers themselves: parts of ``meta.costs``.
PARTS = {"num_samples": "samples", "probe_state": "probe"}  # of ``meta.costs``, by the flag that a signal needs


@dataclass(frozen=True)
class Figures:
    """A row's figures on one test set.

    Attributes:
        row: the row.
        record: the comparison's record of them.
        ths: THS of each seed, as a ``Sample``; None where no question has an answer.
        at_coverages: {coverage: THS of each seed at it}; empty where the row has no curve.
    """

    row: Row
    record: dict
    ths: Sample | None
    at_coverages: dict


def decided(row: Row, own: list) -> list:
    """The records of each of a row's seeds as the row decides: the model's own, or by the threshold."""
    if row.kind == "native":
        return own
    return [curve.at_threshold(records, row.signal, m.threshold) for records, m in zip(own, row.members, strict=True)]


def coverage(own: list) -> float:
    """The share of the answerable questions that is not refused, the mean over seeds' records; 0 without any."""
    kept = [answerable(records)[0] for records in own]
    shares = [sum(r["outcome"] != "refused" for r in records) / len(records) for records in kept if records]
    return sum(shares) / len(shares) if shares else 0.0


def figures(row: Row, label: str, own: list, initial, wording, coverages, seed: int) -> Figures:
    """A row's figures on the test set ``label``.

    Args:
        row: of ``rows``.
        label: of the test set.
        own: the records of each of its seeds, as they were evaluated.
        initial: the initial model's records of the same questions.
        wording: the initial model's with the refusal prompt, or None.
        coverages: where THS on its curve is wanted.
        seed: of the bootstrap.
    """
    several = len(row.members) > 1
    outcomes = decided(row, own)
    found, values, draws = [], [], []
    for as_evaluated, records in zip(own, outcomes, strict=True):
        sampled = one_seed(row, as_evaluated, records, initial, wording, coverages, seed)
        found.append(scores.metrics(records, initial, seed, wording, sampled))
        if several:
            apart = of_unanswerable(records, seed)
            sampled = tuple(a | b for a, b in zip(sampled, apart, strict=True))
        values.append(sampled[0])
        draws.append(sampled[1])

    def sample(name) -> Sample:
        missing = np.full(intervals.RESAMPLES, np.nan)
        return Sample(
            np.array([v.get(name, np.nan) for v in values]),
            np.stack([d.get(name, missing) for d in draws]),
            row.key,
            seed,
        )

    metrics = mean_metrics(found, sample) if several else found[0]
    metrics |= {name: seeds.interval(sample(name), (0, 1)) for name in AREAS}
    spread = spreads(metrics, sample) if several else None
    record = {"model": row.name, "dataset": label, **metrics, **about(row), "spread": spread}
    kept = [answerable(records)[0] for records in own]
    base = answerable(initial)[0]
    record |= placed(row, kept, base)
    record["warnings"] = warnings(row, outcomes, base)
    at = {c: sample(("at", c)) for c in coverages if any(("at", c) in v for v in values)}
    return Figures(row, record, sample("ths") if metrics["n"] else None, at)


def one_seed(row: Row, own, records, initial, wording, coverages, seed: int) -> tuple[dict, dict]:
    """``scores.sampled`` of one seed, with its curve's areas, THS at coverages, and its rates if there are others."""
    records, own, initial, wording = answerable(records, own, initial, wording)
    more = [curve.measure(own, row.signal)]
    if len(row.members) > 1 and records:
        more.append(rate_measure(scores.rates(records, initial)))
    if len(curve.levels(own, row.signal)[0]):
        more.append(curve.at_coverage_measure(own, initial, row.signal, {("at", c): c for c in coverages}))
    return scores.sampled(records, initial, seed, wording, more)


def of_unanswerable(records, seed: int) -> tuple[dict, dict]:
    """Values and draws of what ``abstention.unanswerable`` says; empty where every question has an answer."""
    if not abstention.shunned(records).any():
        return {}, {}
    return bootstrap([rate_measure(abstention.rates(records)), abstention.f1_of(records)], len(records), seed)


def mean_metrics(found: list, sample, place: tuple = ()) -> dict:
    """``scores.metrics`` of several seeds in one: every ``{value, ci95}`` is that of their mean.

    Args:
        found: of each seed.
        sample: the ``Sample`` of a measure's name.
        place: where in the metrics ``found`` stands.
    """
    pooled = {}
    for key, first in found[0].items():
        if not isinstance(first, dict):
            pooled[key] = first  # numbers of questions, which are the same for all
        elif "ci95" in first:
            pooled[key] = seeds.interval(
                sample(measure_name(*place, key)), None if {*place, key} & {*UNBOUNDED} else (0, 1)
            )
        else:
            pooled[key] = mean_metrics([f[key] for f in found], sample, (*place, key))
    return pooled


def spreads(metrics: dict, sample, place: tuple = ()) -> dict:
    """The standard deviation between seeds of everything in ``metrics`` that has a ``ci95``, at the same place."""
    found = {}
    for key, first in metrics.items():
        if isinstance(first, dict):
            inner = (*place, key)
            found[key] = sample(measure_name(*inner)).spread() if "ci95" in first else spreads(first, sample, inner)
    return found


def measure_name(*place):
    """What a measure is called that stands at a place of the metrics: its key, or the keys on the way to it."""
    return place[0] if len(place) == 1 else place


def about(row: Row) -> dict:
    """What a row is: ``kind, signal, threshold, target, n_seeds, seeds, cost``; of several seeds their thresholds."""
    thresholds = [m.threshold for m in row.members]
    return {
        "kind": row.kind,
        "signal": row.signal,
        "threshold": None if row.kind == "native" else thresholds if len(thresholds) > 1 else thresholds[0],
        "target": row.target,
        "n_seeds": len(row.members),
        "seeds": [m.name for m in row.members],
        "cost": cost(row),
    }


def cost(row: Row) -> dict | None:
    """``{seconds, forward_passes}`` of evaluating one model so, means over the seeds; None where one doesn't say.

    Seconds are of all its test sets together, on the machine it ran on; ``forward_passes`` the sequences run per
    question. More seeds make the measurement dearer, not the method, so nothing is summed over them.
    """
    found = []
    for m in row.members:
        costs = m.evaluation["meta"].get("costs") or {}
        further = [PARTS[FLAGS[row.signal]]] if row.signal in FLAGS else []
        parts = [costs.get(part) for part in ("answers", *further)]
        if not all(part and part["seconds"] is not None for part in parts):
            return None
        seconds, passes = (sum(part[unit] for part in parts) for unit in ("seconds", "forward_passes"))
        found.append([seconds, passes + (row.signal == "sure")])  # R-Tuning's question is a prompt of its own
    seconds, passes = np.mean(found, axis=0)
    return {"seconds": float(seconds), "forward_passes": float(passes)}


def placed(row: Row, kept: list, base) -> dict:
    """``curve`` of a row's signal, and for a native row ``native``: where its own decision stands on it.

    Of several seeds both are means: the curve at each of COVERAGES that all of them reach, with what a coverage answers
    right and wrong as ``curve.expected_rates`` has it. No threshold belongs to a mean: it is null.

    Args:
        row: the row.
        kept: the answerable questions' records of each seed, as they were evaluated.
        base: the initial model's of the same.
    """
    own = [curve.native(records, base) for records in kept] if row.kind == "native" else [None]
    if len(kept) == 1:
        return {"curve": curve.curve(kept[0], base, row.signal) or None, "native": own[0]}
    return {"curve": mean_curve(kept, base, row.signal), "native": None if None in own else mean_native(own, base)}


def mean_curve(kept: list, base, signal: str) -> list | None:
    """The mean curve of several seeds; None where one of them can't answer any question."""
    reached = [hits[-1] + misses[-1] if len(hits) else 0 for _, hits, misses in (curve.levels(k, signal) for k in kept)]
    if not min(reached):
        return None
    at = COVERAGES[COVERAGES * len(base) <= min(reached) + 1e-9]
    once = np.ones((1, len(base)), dtype=np.int64)
    right, wrong = np.mean([curve.expected_rates(records, signal, at)(once)[:, 0] for records in kept], axis=0)
    return [
        {"threshold": None} | curve.shares(float(r), float(w), base) | {"coverage": float(c)}
        for c, r, w in zip(at, right, wrong, strict=True)
    ]


def mean_native(own: list, base) -> dict:
    """The mean of several seeds' ``curve.native``."""
    right, wrong = (sum(one[name] for one in own) / len(own) for name in ("p_correct", "p_wrong"))
    on_curve = [one["ths_on_curve"] for one in own]
    mean = None if None in on_curve else sum(on_curve) / len(on_curve)
    return curve.shares(right, wrong, base) | {"threshold": None, "ths_on_curve": mean}


def warnings(row: Row, outcomes: list, base) -> list:
    """What to know of a row's answers to a test set; of several seeds, which one it is of."""
    found = caution.of_base(base)
    for m, records in zip(row.members, outcomes, strict=True):
        own = caution.of_evaluation(records, m.evaluation["meta"]["args"].get("thinking", "off"))
        seen = overlap(m.calibration, records) if m.calibration else 0
        own = ([SEEN.format(seen)] if seen else []) + own
        found += [f"{m.name}: {text}" if len(row.members) > 1 else text for text in own]
    return found
