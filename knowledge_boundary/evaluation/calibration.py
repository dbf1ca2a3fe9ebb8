"""A threshold of a signal chosen on a calibration split, and what it is applied to: ``calibration_NAME.json``."""

import math
from fractions import Fraction

import numpy as np

from ..running.errors import UserError
from ..running.results import read_json, sha256_file
from . import alike, curve, promise
from .pools import ASKED, Pool, asked_as, is_number, question_key
from .rates import right_wrong
from .signals import FLAGS, SIGNALS, signal_of

STAGE = "calibrate"
DELTA = 0.05
CAUTIOUS = "cautious"  # the prompt that is a baseline of its own


def parse_target(text: str) -> tuple[str, Fraction | None]:
    """(kind, value) of ``ths``, ``risk=R`` (0 < R < 1) or ``coverage=C`` (0 < C ≤ 1), the value exact.

    Raises:
        UserError: it is none of these.
    """
    kind, _, number = text.partition("=")
    if text == "ths":
        return kind, None
    try:
        value = Fraction(number)
    except (ValueError, ZeroDivisionError):
        value = None
    if value is not None and (
        (kind == "risk" and 0 < value < 1 and 0 < float(value) < 1) or (kind == "coverage" and 0 < value <= 1)
    ):
        return kind, value
    raise UserError(f"{text!r} is not ths, risk=R with R between 0 and 1, or coverage=C with C above 0 and at most 1")


# ---- the threshold ----


def calibrations(pools, names, target: str, delta: float | None, name: str | None = None) -> tuple[list, list]:
    """What ``calibrate`` finds for every pool and signal.

    Args:
        pools: of ``pools.pools``.
        names: of ``signals.SIGNALS``; ["all"]: of one pool every signal that its records have, of several those of
            their ``rows_of``.
        target: see ``calibrate``.
        delta: see ``calibrate``.
        name: of the one calibration; None: ``name_of``.

    Returns:
        ``[(Pool, {name, …})]``, and of "all" a line for each that is left out: no threshold is as the target asks.

    Raises:
        UserError: there is none; of named signals: one has no such threshold; or two would have one name.
    """
    found, left_out = [], []
    everything = list(names) == ["all"]
    for pool in pools:
        try:
            signals = chosen_signals(pool, names, len(pools) == 1)
        except UserError as e:
            if not everything:
                raise
            left_out.append(str(e))
            continue
        for signal in signals:
            again = any(s["name"] == signal and of.model["fingerprint"] == pool.initial for of, s in found)
            if again and everything:
                continue  # the initial model was evaluated twice in this way: with and without samples, for one
            try:
                found.append((pool, {"name": name or name_of(pool, signal), **calibrate(pool, signal, target, delta)}))
            except UserError as e:
                if not everything:
                    raise
                left_out.append(str(e))
    if not found:
        raise UserError(left_out[0])
    if name and len(found) > 1:
        raise UserError(f"--name {name}: names one calibration, and these are {len(found)}; leave it out")
    own = [summary["name"] for _, summary in found]
    twice = next((name for name in own if own.count(name) > 1), None)
    if twice:
        raise UserError(
            f"--calibrate: two calibrations would be named {twice}; calibrate these one by one, each with a --name"
        )
    return found, left_out


def rows_of(pool: Pool, available) -> list:
    """Of the signals ``available`` those that make a row beside other models: each baseline once.

    Of the initial model by the plain prompt all but ``refusal_prompt``, which is its evaluation's with the refusal
    prompt; of any other evaluation its score.
    """
    initial = pool.model["fingerprint"] == pool.initial
    if initial and pool.model["prompt"] in alike.BASE_PROMPTS:
        return [name for name in available if name != "refusal_prompt"]
    own = (curve.SIGNAL, "refusal_prompt") if initial and pool.model["prompt"] == "refuse" else (curve.SIGNAL,)
    return [name for name in available if name in own]


def chosen_signals(pool: Pool, names, alone: bool) -> list:
    """The signals that are calibrated of a pool, of several or ``alone``; UserError if no record has one of them."""
    available = curve.available(pool.records)
    wanted = list(dict.fromkeys(names))
    if wanted == ["all"]:
        wanted = (available if alone else rows_of(pool, available)) or [curve.SIGNAL]
    lacking = next((name for name in wanted if name not in available), None)
    if lacking:
        raise UserError(
            f"{pool.where}: no question has both the signal `{lacking}` and a forced answer; "
            f"it has {', '.join(available) or 'none'}"
        )
    return wanted


def calibrate(pool: Pool, signal: str, target: str, delta: float | None) -> dict:
    """The threshold of a signal that a target asks for, and what it gives on the calibration questions.

    ``ths``: of the distinct thresholds, and of refusing everything (``threshold`` null), the one of highest THS; of
    equal ones that which answers most. ``coverage=C``: the highest threshold that answers at least the share C.
    ``risk=R``: the lowest that ``promise.promised`` rejects, so that of the answers given the share wrong is at most R
    with probability 1 − delta.

    Args:
        pool: the calibration questions.
        signal: of ``signals.SIGNALS``.
        target: ``parse_target``'s text.
        delta: how often the promise of a risk may be broken; None for the other targets.

    Returns:
        ``summary`` of a calibration without its name: ``{signal, target, delta, threshold, n, coverage, p_correct,
        p_wrong, ths, risk, curve, model}``; ``risk`` is the share wrong of the answers given, null without any.

    Raises:
        UserError: no threshold is as the target asks, or THS is undefined.
    """
    kind, value = parse_target(target)
    thresholds, hits, misses = curve.levels(pool.records, signal)
    if kind == "ths":
        at = best_ths(pool, hits, misses)
    elif kind == "coverage":
        at = enough_answers(pool, signal, hits + misses, value)
    else:
        at = promised_risk(pool, signal, hits, misses, float(value), delta)
    right, wrong = (0, 0) if at is None else (int(hits[at]), int(misses[at]))
    n = len(pool.records)
    return {
        "signal": signal,
        "target": target,
        "delta": delta,
        "threshold": None if at is None else float(thresholds[at]),
        "n": n,
        **curve.shares(right / n, wrong / n, pool.base),
        "risk": wrong / (right + wrong) if at is not None else None,
        "curve": curve.curve(pool.records, pool.base, signal),
        "model": pool.model | of_signal(signal, pool.meta),
        "questions": sorted({question_key(r) for r in pool.records}),
    }


def in_words(summary: dict) -> str:
    """What ``calibrate`` has found, in one line."""
    given = f"{summary['name']}: {summary['signal']}, --target {summary['target']}"
    if summary["threshold"] is None:
        return f"{given}: nothing is answered; no threshold has a THS of 0 or more"
    ths = "" if summary["ths"] is None else f", THS {100 * summary['ths']:.1f}"
    promise = "" if summary["delta"] is None else f" (promised with probability {1 - summary['delta']:g})"
    return (
        f"{given}: from {summary['threshold']:.4g} on, {100 * summary['coverage']:.1f} % of {summary['n']} questions "
        f"answered, {100 * summary['risk']:.1f} % of these wrong{promise}{ths}"
    )


def best_ths(pool: Pool, hits, misses) -> int | None:
    """Which threshold has the highest THS, by whole numbers: n W⁰ THS = right W⁰ − wrong C⁰; None: all are below 0."""
    if pool.base is None:
        raise UserError(
            f"{pool.where}: THS is measured against the initial model; name its evaluation of the same questions with "
            f"--base_eval, or take another --target"
        )
    right, wrong = (int(x.sum()) for x in right_wrong(pool.base))
    if not wrong:
        raise UserError(
            f"{pool.where}: the initial model is never wrong here, so THS is undefined; give another --target"
        )
    worth = hits * wrong - misses * right
    return int(np.flatnonzero(worth == worth.max())[-1]) if worth.max() >= 0 else None


def enough_answers(pool: Pool, signal: str, kept, share: Fraction) -> int:
    """The highest threshold at which at least ``share`` of the questions is answered."""
    wanted = math.ceil(share * len(pool.records))
    if kept[-1] < wanted:
        raise UserError(
            f"{pool.where}: only {kept[-1]} of {len(pool.records)} questions have `{signal}` and an answer that is no "
            f"refusal; {wanted} are wanted for --target coverage={float(share):g}"
        )
    return int(np.flatnonzero(kept >= wanted)[0])


def promised_risk(pool: Pool, signal: str, hits, misses, risk: float, delta: float) -> int:
    """The lowest threshold at which the risk is promised; UserError with how many questions it would take for one."""
    n = len(pool.records)
    at = promise.promised(hits + misses, misses, n, risk, delta)
    if at is not None:
        return at
    seen = misses / (hits + misses)
    lowest = np.flatnonzero(seen == seen.min())[-1]
    enough = promise.questions_needed(hits + misses, misses, n, risk, delta)
    mend = (
        f"if the curve holds, about {enough:,} calibration questions would do"
        if enough
        else "no number of calibration questions would do"
        if seen.min() >= risk
        else f"more than {promise.MOST:,} calibration questions would be needed"
    )
    raise UserError(
        f"{pool.where}: no threshold of `{signal}` keeps the share wrong at {risk:g} with probability {1 - delta:g}, "
        f"by {n} questions; the lowest seen is {seen[lowest]:.3g}, of {hits[lowest] + misses[lowest]} answers; {mend}"
    )


def name_of(pool: Pool, signal: str) -> str:
    """A calibration's name: the evaluation's for its score, else the signal's; of the cautious prompt its own."""
    if signal != curve.SIGNAL:
        return signal
    cautious = pool.model["prompt"] == CAUTIOUS and pool.model["fingerprint"] == pool.initial
    return "cautious_prompt" if cautious else pool.model["name"]


# ---- its file, and where it applies ----


def read(path, flag: str = "--calibration") -> dict:
    """The content of a ``calibration_NAME.json``.

    Raises:
        UserError: it is none, or lacks what applying it reads.
    """
    found = read_json(path, STAGE, flag)
    summary = found["summary"]
    model = summary.get("model")
    threshold = summary.get("threshold", "absent")
    lacking = next((k for k in ("name", "signal", "target") if not isinstance(summary.get(k), str)), None)
    if lacking is None and not (threshold is None or is_number(threshold)):
        lacking = "threshold"
    if lacking is None and not isinstance(summary.get("questions") or [], list):
        lacking = "questions"
    if lacking is None and not (isinstance(model, dict) and isinstance(model.get("fingerprint"), str)):
        lacking = "model"
    if lacking is None and not ASKED.keys() <= model.keys():
        lacking = f"model.{next(k for k in ASKED if k not in model)}"
    if lacking is not None:
        raise UserError(f"{flag} {path}: its summary has no usable `{lacking}`; calibrate again")
    if summary["signal"] not in SIGNALS:
        raise UserError(f"{flag} {path}: its signal is {summary['signal']!r}, not one of {', '.join(SIGNALS)}")
    return found


def misfit(calibration: dict, meta: dict) -> str | None:
    """What differs between the model that was calibrated and an evaluation's, as a text; None: it applies.

    Args:
        calibration: of ``read``.
        meta: of an evaluation: ``model.fingerprint`` and ``args``.
    """
    model = calibration["summary"]["model"]
    if model["fingerprint"] != meta["model"]["fingerprint"]:
        return f"is of another model, {model.get('name')}"
    asked = asked_as(meta) | of_signal(calibration["summary"]["signal"], meta)
    key = next((k for k in asked if model.get(k) != asked[k]), None)
    return key and f"was asked with --{key} {model.get(key)}, this evaluation with {asked[key]}"


def of_signal(signal: str, meta: dict) -> dict:
    """What a signal is made with, by an evaluation's ``meta``: how many samples, the probe's state file by content."""
    flag = FLAGS.get(signal)
    if flag is None:
        return {}
    value = meta["args"].get(flag)
    if flag == "probe_state" and value:
        hashes = {one.get("path"): one.get("sha256") for one in meta.get("inputs") or ()}
        value = hashes.get(value) or sha256_file(value)
    return {flag: value}


def overlap(calibration: dict, records) -> int:
    """How many of an evaluation's questions the threshold was chosen on, by their texts."""
    chosen = set(calibration["summary"].get("questions") or ())
    return sum(question_key(r) in chosen for r in records)


def fits(calibration: dict, evaluation_meta: dict) -> bool:
    """Whether a calibration is of an evaluation's model, asked alike; arguments as of ``misfit``."""
    return misfit(calibration, evaluation_meta) is None


def apply(records, calibration: dict) -> list:
    """Copies of a new evaluation's records whose ``outcome`` and ``output`` are those at a calibration's threshold.

    ``given`` and ``confidence`` stay the model's own (compare ``curve.at_threshold``).

    Args:
        records: evaluation records.
        calibration: of ``read``.

    Raises:
        UserError: no record has its signal.
    """
    summary = calibration["summary"]
    if not np.isfinite(signal_of(records, summary["signal"])).any():
        raise UserError(f"--calibration: no question of this evaluation has the signal `{summary['signal']}`")
    decided = curve.at_threshold(records, summary["signal"], summary["threshold"])
    return [new | {key: old[key] for key in ("given", "confidence")} for old, new in zip(records, decided, strict=True)]
