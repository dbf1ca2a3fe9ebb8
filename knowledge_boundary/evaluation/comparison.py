"""Several evaluations of the same questions beside each other, with paired tests."""

import itertools

from ..running.errors import UserError
from . import caution, scores


def records_of(evaluated: dict | None, label: str, ids, where: str) -> list | None:
    """The records of one test set in the order of ``ids``, out of an evaluation's file; None without a file.

    Args:
        evaluated: the content of ``eval_NAME.json``, or None.
        label: of the test set, as in ``summary.datasets``.
        ids: of its questions.
        where: the flag and file that errors name.

    Raises:
        UserError: it was not evaluated on the same questions.
    """
    if evaluated is None:
        return None
    own = {r["id"]: r for r in evaluated["records"] if r["dataset"] == label}
    if own.keys() != set(ids):
        raise UserError(f"{where}: not evaluated on the same questions of {label}; evaluate all models alike")
    return [own[i] for i in ids]


def check_judged_alike(own: dict, arguments: dict, where: str, other: str) -> None:
    """UserError if an evaluation's open answers were not matched as another's.

    Args:
        own: its ``meta.args``.
        arguments: the other's.
        where: the flag and file that errors name.
        other: whose ``arguments`` are, in errors.
    """
    for name in ("match", "match_threshold"):
        if own.get(name) != arguments.get(name):
            raise UserError(
                f"{where}: evaluated with --{name} {own.get(name)}, {other} with {arguments.get(name)}; judge all alike"
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
        UserError: they were not evaluated on the same questions.
    """
    evals = list(evaluations.values())
    names = [e["summary"]["model"] for e in evals]
    wording = same_model_refusing(base, evals)
    thinking = {e["summary"]["model"]: e["meta"]["args"].get("thinking", "off") for e in evals}
    records, tests = [], []
    for label in evals[0]["summary"]["datasets"]:
        ids = [r["id"] for r in evals[0]["records"] if r["dataset"] == label]
        own = {
            name: records_of(e, label, ids, where) for name, (where, e) in zip(names, evaluations.items(), strict=True)
        }
        initial = records_of(base, label, ids, base_where)
        for name, rows in own.items():
            found = scores.metrics(rows, initial, seed, own.get(wording))
            warnings = caution.of_base(initial) + caution.of_evaluation(rows, thinking[name])
            records.append({"model": name, "dataset": label, **found, "warnings": warnings})
        for a, b in itertools.combinations(reversed(names), 2):
            tested = scores.paired_test(own[a], own[b], initial, seed)
            tests.append({"dataset": label, "model_a": a, "model_b": b, **tested})
    return records, tests
