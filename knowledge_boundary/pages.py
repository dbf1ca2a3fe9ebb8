"""The report page of a comparison, with what other stages' files add to it."""

import json
from pathlib import Path

from .models import loading
from .reporting import report
from .running.errors import UserError
from .running.results import read_json


def write_page(page, result, evals, included) -> None:
    """The report of a comparison, with what other stages' files add to it."""
    of = {}
    for file in included:
        of.setdefault(file["meta"]["stage"], []).append(file)
    states = of.get("run_query_state", [])
    report.write_report(
        page,
        result,
        boundary=next(iter(of.get("run_MMLU", [])), None),
        state_init=next((s for s in states if not is_rehearsed(s)), None),
        state_rehearsal=next((s for s in states if is_rehearsed(s)), None),
        selections=of.get("build_rait_data", []),
        evaluations=evals,
        trainings=[*of.get("run_rehearsal", []), *of.get("finetune", [])],
    )


def read_any(path) -> dict:
    """A result file of any stage, as its own ``meta.stage`` says."""
    try:
        stage = json.loads(Path(path).read_text(encoding="utf-8"))["meta"]["stage"]
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise UserError(f"--include {path}: not a result file ({type(e).__name__}); give a stage's JSON") from e
    return read_json(path, stage, "--include")


def is_rehearsed(state) -> bool:
    """Whether a state file is of a model that run_rehearsal.py trained."""
    path = state["meta"]["model"]["path"]  # of a served model there is none
    trained = loading.trained_here(path) if path else None
    return trained is not None and trained["meta"]["stage"] == "run_rehearsal"
