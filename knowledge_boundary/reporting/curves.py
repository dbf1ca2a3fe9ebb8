"""THS at every coverage: the lines of a comparison's first figure."""

import numpy as np

from .names import BASELINES, bare, kind_of, place, row_place

COVERAGES = (0.25, 0.5, 0.75)  # where curves are compared in words
INITIAL = ("init_basic", "init_refuse")


def lines(records, baseline_curves=(), base: str | None = None) -> list[dict]:
    """The curves of one data set: models in their order, then what needs no training.

    A baseline whose curve a native row has already (the initial model's own score) gives that line its mark alone.

    Args:
        records: the comparison's, of the data set; those without a curve are left out.
        baseline_curves: ``summary.baseline_curves``, of the data set: the initial model's by its other signals.
        base: the name of the initial model.

    Returns:
        ``[{name, signal, curve, points, native, calibrated, trained, grey}]``: ``points`` [(coverage, THS)] from (0, 0)
        on as fractions, ``native`` and ``calibrated`` such a point or None, ``grey`` whether it stands for a baseline.
    """
    found = {"native": [], "calibrated": [], "baseline": []}
    for record in sorted(records, key=row_place):
        kind, name = kind_of(record), record["model"]
        if kind == "native":
            initial = record.get("initial", name in (base, *INITIAL))  # older files don't say
            line = _line(name, record, not initial, native=_own(record.get("native")))
        else:
            line = _line(name, record, kind == "calibrated", calibrated=_calibrated(record))
            if _joined(line, found["native"], kind):
                continue
        found[kind].append(line)
    calibrated = [(line["signal"], line["curve"]) for line in found["baseline"]]
    for other in baseline_curves:
        line = _line(other["name"], other, False)
        again = (line["signal"], line["curve"]) in calibrated or _joined(line, found["native"], "baseline")
        found["baseline"] += [line] * (not again)
    found["baseline"].sort(key=lambda line: place(bare(line["name"]), BASELINES))
    return [line | {"grey": kind == "baseline"} for kind, own in found.items() for line in own if line["points"]]


def _line(name, source, trained, native=None, calibrated=None) -> dict:
    curve = source.get("curve") or []
    points = sorted((p["coverage"], p["ths"]) for p in curve if p.get("ths") is not None)
    points = [(0.0, 0.0), *points] if points and points[0][0] > 0 else points  # who answers nothing has THS 0
    return {
        "name": name,
        "signal": source.get("signal"),
        "curve": curve,
        "points": points,
        "native": native,
        "calibrated": calibrated,
        "trained": trained,
    }


def _joined(line, natives, kind) -> bool:
    """Whether a native row has this line already; it then gets its mark, and counts as untrained if this one does."""
    for own in natives:
        model = bare(line["name"]) == own["name"]
        same = line["signal"] == "score" and line["curve"] == own["curve"]
        if own["points"] and (model if kind == "calibrated" else same):
            own["calibrated"] = own["calibrated"] or line["calibrated"]
            own["trained"] = own["trained"] and line["trained"]
            return True
    return False


def _own(native) -> tuple | None:
    known = native and native.get("coverage") is not None and native.get("ths") is not None
    return (native["coverage"], native["ths"]) if known else None


def _calibrated(record) -> tuple | None:
    """(coverage, THS) of a row: what it does not refuse it answers."""
    refused, ths = ((record.get(m) or {}).get("value") for m in ("p_refused", "ths"))
    return None if refused is None or ths is None else (1 - refused, ths)


def height(line, coverage: float) -> float | None:
    """THS where the fraction ``coverage`` is answered, between two thresholds in proportion; None beyond the line."""
    coverages, values = zip(*line["points"], strict=True)
    if not coverages[0] <= coverage <= coverages[-1] + 1e-9:
        return None
    return float(np.interp(coverage, coverages, values))


def mean_height(line) -> float | None:
    """The mean THS at ``COVERAGES``; None for a line that does not reach them all."""
    heights = [height(line, c) for c in COVERAGES]
    return None if None in heights else sum(heights) / len(heights)
