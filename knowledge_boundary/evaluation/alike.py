"""Evaluations beside each other: the same questions, judged alike? Which is the initial model's?"""

from ..running.errors import UserError
from .rates import OUTCOMES

FIELDS = ("id", "subject", "dataset", "output", "outcome", "given", "confidence")  # what a comparison reads of a record
BASE_PROMPTS = ("basic", "probe")  # of the initial model: what gives no leave to refuse and asks for an answer


def check_records(evaluated: dict, where: str) -> None:
    """UserError if a record of an evaluation's file lacks what a comparison reads, or has an outcome that is none."""
    for i, record in enumerate(evaluated["records"], 1):
        name = f"record {i} ({record['id']})" if "id" in record else f"record {i}"
        lacking = next((field for field in FIELDS if field not in record), None)
        if lacking:
            raise UserError(f"{where}: {name} has no `{lacking}`; evaluate again with eval_refusal.py")
        if record["outcome"] not in OUTCOMES:
            raise UserError(
                f"{where}: {name} has the outcome {record['outcome']!r}; it is one of {', '.join(OUTCOMES)}"
            )


def only(evaluated: dict, labels, where: str) -> dict:
    """An evaluation's file with some of its test sets alone, by their labels ("NAME/SPLIT"); all of it for none.

    Raises:
        UserError: it has no such test set.
    """
    sets = evaluated["summary"].get("datasets") or {}
    missing = next((label for label in labels or () if label not in sets), None)
    if missing:
        raise UserError(f"{where}: has no test set {missing}; --sets takes {', '.join(sets)}")
    if not labels:
        return evaluated
    summary = evaluated["summary"] | {"datasets": {label: sets[label] for label in labels}}
    return evaluated | {"summary": summary, "records": [r for r in evaluated["records"] if r.get("dataset") in labels]}


def records_of(evaluated: dict | None, label: str, asked: dict, where: str) -> list | None:
    """The records of one test set in the order of ``asked``, out of an evaluation's file; None without a file.

    Args:
        evaluated: the content of ``eval_NAME.json``, or None.
        label: of the test set, as in ``summary.datasets``.
        asked: {id: whether it ``should_abstain``} of its questions.
        where: the flag and file that errors name.

    Raises:
        UserError: it was not evaluated on the same questions, or a record lacks something.
    """
    if evaluated is None:
        return None
    check_records(evaluated, where)
    own = {r["id"]: r for r in evaluated["records"] if r["dataset"] == label}
    if own.keys() != asked.keys():
        raise UserError(f"{where}: not evaluated on the same questions of {label}; evaluate all models alike")
    other = next((i for i, r in own.items() if bool(r.get("should_abstain")) != asked[i]), None)
    if other is not None:
        raise UserError(
            f"{where}: {other} of {label} is unanswerable (`should_abstain`) in one evaluation and not in another; "
            f"evaluate all models alike"
        )
    return [own[i] for i in asked]


def check_judged_alike(own: dict, second: dict, where: str, other: str) -> None:
    """UserError if an evaluation's open answers were not judged as another's.

    Args:
        own: its ``meta``: ``args``, and ``judge`` where a model has judged.
        second: the other's.
        where: the flag and file that errors name.
        other: whose ``second`` is, in errors.
    """
    for name in ("match", "match_threshold"):
        first, last = own["args"].get(name), second["args"].get(name)
        if first != last:
            raise UserError(f"{where}: evaluated with --{name} {first}, {other} with {last}; judge all alike")
    for name in ("fingerprint", "prompt_sha256"):  # a judge is compared by content, not by where it lies
        first, last = (meta.get("judge") or {} for meta in (own, second))
        if first.get(name) != last.get(name):
            what = "--judge_model" if name == "fingerprint" else "the judge's prompt of another version, --judge_model"
            raise UserError(
                f"{where}: evaluated with {what} {first.get('name')} ({first.get(name)}), {other} with "
                f"{last.get('name')} ({last.get(name)}); judge all alike"
            )


def is_initial(evaluation: dict) -> bool:
    """Whether it is the initial model's: by the basic or the probe's prompt, and with no base of its own."""
    own = evaluation["meta"]["args"]
    return own.get("prompt") in BASE_PROMPTS and not own.get("base_eval") and not own.get("calibration")


def initial_model(evaluations) -> dict:
    """The evaluation that THS is measured against: the one that ``is_initial``.

    Raises:
        UserError: there is none, or more than one.
    """
    initial = [e for e in evaluations if is_initial(e)]
    if len(initial) != 1:
        raise UserError("--compare: name the initial model's file with --base_eval; THS is measured against it")
    return initial[0]


def same_model_refusing(base: dict, evaluations: dict) -> str | None:
    """The key of the one evaluation of the initial model with the refusal prompt: THS without the wording's share."""
    fingerprint = base["meta"]["model"]["fingerprint"]
    own = {key: e["meta"] for key, e in evaluations.items() if e["meta"]["model"]["fingerprint"] == fingerprint}
    found = [key for key, meta in own.items() if meta["args"]["prompt"] == "refuse"]
    return found[0] if len(found) == 1 else None
