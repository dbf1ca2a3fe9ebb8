"""A training's output folder: its JSON beside the weights, and the checkpoints of what is unfinished beside it."""

import shutil
from pathlib import Path

from ..models.loading import ABOUT
from ..running import ranks
from ..running.errors import UserError
from ..running.journal import Run


def open_run(stage: str, out: Path, settings, arguments: dict, about: dict, inputs) -> Run:
    """The ``Run`` of a training: its JSON lies beside the weights, its journal beside the checkpoints.

    Args:
        stage: the stage's name.
        out: folder of the weights.
        settings: ``TrainingSettings``.
        arguments: all of the run's, for ``meta.args``; ``overwrite`` discards what another run left.
        about: ``meta.model`` of the model that it begins with.
        inputs: the files that it reads.

    Raises:
        UserError: the output folder holds something that is not this program's, or a setting is out of range.
    """
    settings.check()
    if settings.batch_size % ranks.world():
        raise UserError(
            f"--batch_size {settings.batch_size}: the examples of a step are divided among {ranks.world()} processes; "
            f"give a multiple of that"
        )
    if arguments.get("overwrite") and ranks.rank() == 0:
        remove_checkpoints(out)
    ranks.exchange()  # the others look at what is left
    run = Run(stage, out / ABOUT, arguments, about, inputs=inputs)
    run.partial = checkpoints(out) / "run.partial"
    if out.is_dir() and any(out.iterdir()) and not run.path.exists() and not run.partial.exists():
        raise UserError(f"{out} is not empty and holds no {ABOUT}; give another output folder")
    return run


def checkpoints(out: Path) -> Path:
    """The folder of an unfinished training's checkpoints."""
    return out.with_name(out.name + ".checkpoints")


def remove_checkpoints(out: Path) -> None:
    """Remove the checkpoints of a training that has written its result."""
    shutil.rmtree(checkpoints(out), ignore_errors=True)
