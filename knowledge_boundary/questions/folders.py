"""The files of a folder's splits: one for each, in parts, by subject, or as tools fetch a data set from the hub."""

import json
import re
from pathlib import Path

from ..running.errors import UserError
from .files import FORMATS, ending, stem

VALIDATION = ("val", "dev", "validation", "valid")
SPLITS = ("train", "test", *VALIDATION, "eval", "ood", "auxiliary_train")
# What tools write beside a set's rows.
NO_DATA = re.compile(r"(dataset_infos?|dataset_dict|state|croissant|config|metadata|meta|info)\.json")
PART = re.compile(r"-(\d{5})-of-(\d{5})(-\w+)?$")


def snapshot(path: Path) -> Path:
    """The files of a folder in the hub's cache (``datasets--owner--name``): those of its main branch."""
    revisions = path / "snapshots"
    if not revisions.is_dir():
        return path
    main = path / "refs" / "main"
    named = revisions / main.read_text().strip() if main.is_file() else None
    if named and named.is_dir():
        return named
    found = sorted(p for p in revisions.iterdir() if p.is_dir())
    if len(found) != 1:
        raise UserError(f"{revisions}: {len(found)} revisions and none is the main one; give the folder of one of them")
    return found[0]


def data_files(folder: Path) -> list:
    """The files below a folder that can hold rows; of the same rows in several formats, the one with types."""
    found = {}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if len(parts) > 4 or any(part.startswith((".", "_")) for part in parts) or NO_DATA.fullmatch(path.name):
            continue
        if ending(path) and path.is_file():
            key = (path.parent, stem(path))
            if key not in found or FORMATS.index(ending(path)) < FORMATS.index(ending(found[key])):
                found[key] = path
    return sorted(found.values())


def split_name(path: Path) -> str:
    """The split that a file's name tells: "test" for ``ARC-Easy-Test.jsonl`` and ``test-00000-of-00002.parquet``."""
    name = PART.sub("", stem(path))
    parts = re.split(r"[-_.\s]", name.lower())
    if parts[-1] not in SPLITS:
        known = [part for part in parts if part in SPLITS]
        if len(known) == 1:
            return known[0]
    return parts[-1]


def layout(folder: Path) -> dict:
    """{configuration: {split: [(file, subject)]}} of a folder; "" is the folder's own.

    By the README's ``configs``, as the hub keeps them, else by the files' names: ``SPLIT.jsonl``,
    ``data/SPLIT-….parquet``, ``SPLIT/SUBJECT_SPLIT.csv`` (MMLU's, C-Eval's and CMMLU's releases),
    ``CONFIGURATION/SPLIT-….parquet``.
    """
    files = data_files(folder)
    found = _by_readme(folder, files)
    if found:
        return found
    for path in files:
        *above, _ = path.relative_to(folder).parts
        above = [part for part in above if part != "data"] if above != ["data"] else []
        parent = above[-1].lower() if above else ""
        name = stem(path)
        if parent in SPLITS or (parent and name.lower().endswith(f"_{parent}")):
            config, split = "/".join(above[:-1]), above[-1]
            subject = re.sub(rf"(?i)_{re.escape(split)}$", "", PART.sub("", name))
            subject = None if subject.lower() == split.lower() or subject.isdigit() else subject
        else:
            config, split, subject = "/".join(above), _saved_split(path) or split_name(path), None
        found.setdefault(config, {}).setdefault(split, []).append((path, subject))
    for config, splits in found.items():
        if len(splits) == 1 and not {*splits} & {*SPLITS}:
            ((split, own),) = splits.items()
            found[config] = {"train": own, split: own}  # as the hub calls the only file of a set
    return found


def _saved_split(path: Path) -> str | None:
    """The split that ``save_to_disk`` has written beside an arrow file."""
    state = path.parent / "state.json"
    if ending(path) != ".arrow" or not state.is_file():
        return None
    try:
        return json.loads(state.read_text(encoding="utf-8")).get("_split")
    except (ValueError, AttributeError):
        return None


def _by_readme(folder: Path, files) -> dict:
    """The same by the ``configs`` of the README's front matter, which the hub writes; {} where there are none."""
    from huggingface_hub.repocard import metadata_load

    readme, found = folder / "README.md", {}
    if not readme.is_file():
        return {}
    try:
        configs = (metadata_load(readme) or {}).get("configs") or []
    except Exception:  # no YAML, or not UTF-8: the files' names say it then
        return {}
    for config in configs if isinstance(configs, list) else []:
        given = config.get("data_files") or []
        given = [{"split": "train", "path": given}] if isinstance(given, str) else given
        for entry in given:
            entry = {"split": "train", "path": entry} if isinstance(entry, str) else entry
            paths = entry.get("path") or []
            for pattern in [paths] if isinstance(paths, str) else paths:
                matching = [(p, None) for p in files if p in {*folder.glob(pattern)}]
                if matching:
                    name = str(config.get("config_name", "default"))
                    found.setdefault(name, {}).setdefault(str(entry.get("split", "train")), []).extend(matching)
    return found


def configured(folder: Path, wanted=None) -> tuple[dict, str]:
    """({split: [(file, subject)]}, its configuration's name) of a folder, of the ``wanted`` configuration.

    Raises:
        UserError: no data files, no such configuration, or several and none is named.
    """
    found = layout(folder)
    if not found:
        raise UserError(f"--dataset {folder}: no file in it that ends in one of {' '.join(FORMATS)}")
    if wanted in found:
        return found[wanted], wanted
    for usual in ("", "default"):
        if usual in found and (wanted is None or len(found) == 1):
            return found[usual], usual
    if len(found) == 1:
        return next((splits, name) for name, splits in found.items())
    names = ", ".join(name or "its own files" for name in sorted(found))
    raise UserError(f"--dataset {folder}: it has the configurations {names}; name one: --dataset {folder}/NAME")


def choose(splits: dict, split: str, where) -> tuple[str, list]:
    """(the split's own name, its files) of ``split``: val, dev, valid and validation are one where only one is there,
    but MMLU's dev, and those of sets made like it.

    Raises:
        UserError: no such split, or parts of it are not there.
    """
    own = next((name for name in splits if name.lower() == split.lower()), None)
    if own is None and split.lower() in VALIDATION:
        matching = [name for name in splits if name.lower() in VALIDATION]
        if matching and "dev" in (split.lower(), *matching) and any(subject for _, subject in splits[matching[0]]):
            matching = []  # MMLU's dev is for few-shot examples
        if len(matching) == 1:
            own = matching[0]
    if own is None:
        raise UserError(f"--split {split}: {where} has {', '.join(sorted(splits))}")
    files = splits[own]
    for path, _ in files:
        part = PART.search(stem(path))
        if part and sum(bool(PART.search(stem(p))) and p.parent == path.parent for p, _ in files) < int(part[2]):
            raise UserError(f"{path}: not all {int(part[2])} parts of its split are there; fetch the others too")
    whole = [p for p, subject in files if subject is None and not PART.search(stem(p)) and not stem(p).isdigit()]
    if len(whole) > 1 and len({p.parent for p in whole}) < len(whole):
        raise UserError(f"--split {split}: {len(whole)} files of {where} end in it: {', '.join(p.name for p in whole)}")
    return own, files
