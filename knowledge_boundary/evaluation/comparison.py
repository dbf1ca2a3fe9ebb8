"""Several evaluations of the same questions beside each other, with paired tests."""

import itertools

from ..running.errors import UserError
from . import caution, scores
from .rates import OUTCOMES, answerable

FIELDS = ("id", "subject", "dataset", "output", "outcome", "given", "confidence")  # what a comparison reads of a record


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


def initial_model(evaluations) -> dict:
    """The evaluation that THS is measured against: the one with no leave to refuse and no base of its own.

    Raises:
        UserError: there is none, or more than one.
    """
    initial = [e for e in evaluations if e["meta"]["args"]["prompt"] != "refuse" and not e["meta"]["inputs"]]
    if len(initial) != 1:
        raise UserError("--compare: name the initial model's file with --base_eval; THS is measured against it")
    return initial[0]


def same_model_refusing(base: dict, evaluations) -> str | None:
    """The name of the one evaluation of the initial model with the refusal prompt: THS without the wording's share."""
    fingerprint = base["meta"]["model"]["fingerprint"]
    own = [e for e in evaluations if e["meta"]["model"]["fingerprint"] == fingerprint]
    names = [e["summary"]["model"] for e in own if e["meta"]["args"]["prompt"] == "refuse"]
    return names[0] if len(names) == 1 else None


def compare(evaluations: dict, base: dict, seed: int = 0, base_where: str = "--base_eval") -> tuple[list, list]:
    """The comparison's records and paired tests, over the test sets of the first evaluation.

    Args:
        evaluations: {where it comes from, for errors: the content of ``eval_NAME.json``}.
        base: the initial model's, which THS is measured against.
        seed: of the bootstrap.
        base_where: where ``base`` comes from.

    Returns:
        ``[{model, dataset, n, …}]`` (``scores.metrics``) and ``[{dataset, model_a, model_b, difference, ci95, p}]``.

    Raises:
        UserError: they were not evaluated on the same questions, or a record lacks something.
    """
    evals = list(evaluations.values())
    check_records(evals[0], next(iter(evaluations)))
    names = [e["summary"]["model"] for e in evals]
    wording = same_model_refusing(base, evals)
    thinking = {e["summary"]["model"]: e["meta"]["args"].get("thinking", "off") for e in evals}
    records, tests = [], []
    for label in evals[0]["summary"]["datasets"]:
        asked = {r["id"]: bool(r.get("should_abstain")) for r in evals[0]["records"] if r["dataset"] == label}
        own = {
            name: records_of(e, label, asked, where)
            for name, (where, e) in zip(names, evaluations.items(), strict=True)
        }
        initial = records_of(base, label, asked, base_where)
        of_base = caution.of_base(answerable(initial)[0])
        for name, rows in own.items():
            found = scores.metrics(rows, initial, seed, own.get(wording))
            warnings = of_base + caution.of_evaluation(rows, thinking[name])
            records.append({"model": name, "dataset": label, **found, "warnings": warnings})
        for a, b in itertools.combinations(reversed(names), 2):
            tested = scores.paired_test(own[a], own[b], initial, seed)
            tests.append({"dataset": label, "model_a": a, "model_b": b, **tested})
    return records, tests
