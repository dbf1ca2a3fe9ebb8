"""Data sets of the Hugging Face hub, by name or as ``owner/name[/config]``: their rows, through ``datasets``."""

import re
from pathlib import Path

from ..running.errors import UserError
from . import columns
from .files import Table, ending, named
from .folders import VALIDATION
from .sets import DATASETS, LEARN_AND_EVALUATE, MULTIPLE_CHOICE, DataSet, of_repository  # noqa: F401

ID = re.compile(r"(?P<repository>[A-Za-z0-9][\w.-]*/[\w.-]+)(/(?P<config>[\w.-]+))?")


def parted(name: str) -> tuple[str, str | None] | None:
    """(repository, configuration) of ``owner/name[/config]``; None for a path, or for anything else."""
    found = ID.fullmatch(name)
    return None if found is None or ending(name) or Path(name).exists() else (found["repository"], found["config"])


def own_split(name: str, own: DataSet, split: str) -> str:
    """The set's own name of a split: val, dev and validation are one where it has only one of them.

    Raises:
        UserError: it has no such split, or keeps its answers back.
    """
    if split in own.splits:
        return split
    matching = [s for s in own.splits if s in VALIDATION and split in VALIDATION]
    if split == "val" and "validation" in matching:
        matching = ["validation"]
    if len(matching) == 1:
        return matching[0]
    have = ", ".join(own.splits)
    if split in own.withheld:
        raise UserError(f"--split {split}: the answers of {name}'s {split} are withheld; it has those of {have}")
    raise UserError(f"--split {split}: {name} has {have}; give one of them with --split")


def table(repository: str, config: str | None, split: str, mapping=None, data_files=None, flag: str = "") -> Table:
    """The rows of one split of a data set of the hub; of its columns those that can mean something.

    Raises:
        UserError: it cannot be reached, is a program or gated, or has no such configuration or split.
    """
    import datasets

    more = {"data_files": data_files} if data_files else {}
    try:
        builder = datasets.load_dataset_builder(repository, config, **more)
        if hasattr(builder.config, "keep_default_na"):  # CSV: the text "None" is a text
            more["keep_default_na"] = False
        found = datasets.load_dataset(repository, config, split=split, **more)
    except Exception as e:
        raise UserError(f"--dataset {flag or repository}: {_why(repository, config, split, e)}") from e
    names = list(getattr(found, "column_names", None) or (found[0] if len(found) else {}))
    kept = columns.wanted(names, mapping)
    classes = {}
    if hasattr(found, "select_columns"):
        features = found.features
        classes = {n: features[n].names for n in kept if isinstance(features[n], datasets.ClassLabel)}
        found = found.select_columns(kept)
    where = "/".join(filter(None, (repository, config)))
    rows = [(f"{where} {split} row {i}", named(dict(row), classes)) for i, row in enumerate(found)]
    return Table(f"{where} {split}", names, rows)


def _why(repository, config, split, e: Exception) -> str:
    """One line for whatever ``datasets`` ends with, and what to do."""
    said = " ".join(str(e).split())[:300]
    what = f"{repository} {config + ' ' if config else ''}split {split} cannot be loaded from the hub"
    if re.search(r"gated|authenticat|401|403", said, re.IGNORECASE) and not re.search("Couldn't reach", said):
        todo = "it is gated: accept its terms on its page, log in with `hf auth login`, or give a copy with --data_dir"
    elif re.search(r"trust_remote_code|loading script|Dataset scripts", said, re.IGNORECASE):
        todo = "it is a program, which is not run: give its files as a local copy"
    elif re.search(r"Config name is missing|BuilderConfig|Unknown split|Bad split", said):
        todo = "name what there is: --dataset owner/name/CONFIG, --split SPLIT"
    else:
        todo = "set HF_ENDPOINT to a mirror, or give a local copy with --data_dir"
        if of_repository(repository) is None:
            todo = f"if a file or folder was meant: there is none of this name; else {todo}"
    return f"{what} ({type(e).__name__}: {said}); {todo}"


def config_names(own: DataSet, name: str) -> list:
    """The configurations of a set that has one for each subject."""
    import datasets

    try:
        return sorted(c for c in datasets.get_dataset_config_names(own.repository) if c not in ("all", "default"))
    except Exception as e:
        raise UserError(f"--dataset {name}: {_why(own.repository, None, own.splits[0], e)}") from e
