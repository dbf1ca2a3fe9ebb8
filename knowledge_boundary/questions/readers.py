"""A reader for each layout of question files, and the loading of a data set by name or path.

Every reader turns a file into ``Question`` objects or stops with the file and line of the first record that cannot be
asked; with ``skip_invalid`` such records are left out and counted.
"""

import csv
import io
import json
from pathlib import Path

from ..running.errors import UserError
from . import hub, mmlu
from .records import (
    LETTERS,
    Invalid,
    Question,
    QuestionSet,
    answer_letter,
    by_subject,
    check_set,
    chosen_subjects,
    collect,
    labelled_question,
    make_question,
    spread,
)

VALIDATION = ("val", "dev", "validation")
EMBEDDED = Path(__file__).resolve().parents[2] / "data" / "world_facts"


def read_text(path: Path) -> str:
    """A file's text (UTF-8, a byte order mark allowed); UserError where it is in another encoding."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as e:
        line = path.read_bytes()[: e.start].count(b"\n") + 1
        raise UserError(f"{path} line {line}: not UTF-8 ({e.reason}); save the file as UTF-8") from e


def read_csv(path: Path, subject: str, split: str, skip_invalid: bool) -> tuple[list, int]:
    """An MMLU file: ``question, A, B, C, D, answer`` without a header line, or any order with one."""
    reader = csv.reader(io.StringIO(read_text(path), newline=""))
    try:
        lines = [(f"{path} line {reader.line_num}", row) for row in reader if row]
    except csv.Error as e:
        raise UserError(f"{path} line {reader.line_num}: not CSV ({e})") from e
    header = None
    if lines and "question" in [c.strip() for c in lines[0][1]]:
        header = [c.strip() for c in lines.pop(0)[1]]
        missing = {"question", "A", "B"} - set(header)
        if missing or not {"answer", "target"} & set(header):
            raise UserError(
                f"{path} line 1: the header has no {', '.join(sorted(missing)) or 'answer or target'} column"
            )
    counts = {}

    def build(row):
        width = len(header) if header else 6
        if len(row) != width:
            raise Invalid(f"{len(row)} columns; there must be {width}")
        named = dict(zip(header or ["question", "A", "B", "C", "D", "answer"], row, strict=True))
        own = named.get("subject") or subject
        index = counts[own] = counts.get(own, -1) + 1
        choices = [named[letter] for letter in LETTERS if letter in named]
        answer, given_id = named.get("answer", named.get("target")), named.get("id") or None
        return make_question(own, split, index, named["question"], choices, answer, given_id=given_id)

    return collect(lines, build, skip_invalid)


def read_mmlu(folder: Path, split: str, subjects, skip_invalid: bool) -> tuple[list, dict, int]:
    """MMLU's folder: ``SPLIT/SUBJECT_SPLIT.csv``, and ``dev/SUBJECT_dev.csv`` for the shots."""
    available = sorted(p.name for p in folder.iterdir() if p.is_dir())
    if split not in available:
        raise UserError(f"--split {split}: {folder} has {', '.join(available)}")
    files = {p.name[: -len(f"_{split}.csv")]: p for p in sorted((folder / split).glob(f"*_{split}.csv"))}
    if not files:
        raise UserError(f"{folder / split}: no *_{split}.csv in it")
    questions, shots, skipped = [], {}, 0
    for subject in chosen_subjects(files, subjects):
        found, left_out = read_csv(files[subject], subject, split, skip_invalid)
        questions += found
        skipped += left_out
        dev = folder / "dev" / f"{subject}_dev.csv"
        if dev.is_file():
            shots[subject] = read_csv(dev, subject, "dev", skip_invalid)[0]
    return questions, shots, skipped


def read_jsonl(path: Path, name: str, split: str, skip_invalid: bool) -> tuple[list, int]:
    """JSON Lines: AI2's ARC, or generic ``question``, ``answer``, optional ``choices, aliases, subject, id``."""
    rows = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if line.strip():
            try:
                rows.append((f"{path} line {number}", json.loads(line)))
            except json.JSONDecodeError as e:
                raise UserError(f"{path} line {number}: not JSON ({e}); one object a line is expected") from e
    counts = {}
    return collect(rows, lambda row: question_from_row(row, name, split, counts), skip_invalid)


def read_rtuning(path: Path, name: str, split: str, skip_invalid: bool) -> tuple[list, int]:
    """R-Tuning's JSON: ``{subject: [[question, choices…, letter], …]}`` (MMLU) or ``[[question, answer, …], …]``."""
    try:
        content = json.loads(read_text(path))
    except json.JSONDecodeError as e:
        raise UserError(f"{path}: not valid JSON ({e})") from e
    if isinstance(content, dict):
        for s, items in content.items():
            if not isinstance(items, list):
                raise UserError(f"{path} {s}: not a list of questions")
        rows = [(f"{path} {s}[{i}]", (s, i, row)) for s, items in content.items() for i, row in enumerate(items)]
    elif isinstance(content, list):
        rows = [(f"{path} [{i}]", (name, i, row)) for i, row in enumerate(content)]
    else:
        raise UserError(f"{path}: neither an object of subjects nor a list of questions")

    def build(item):
        subject, index, row = item
        if not isinstance(row, list) or len(row) < 2:
            raise Invalid("not a list of a question and its answer")
        if isinstance(content, dict):
            return make_question(subject, split, index, row[0], row[1:-1], row[-1])
        return make_question(subject, split, index, row[0], None, row[1])

    return collect(rows, build, skip_invalid)


def question_from_row(row: dict, name: str, split: str, counts: dict) -> Question:
    """A Question from an ARC or a generic object; ``counts`` numbers each subject's questions."""
    if not isinstance(row, dict) or "question" not in row:
        raise Invalid("no `question`")
    subject = str(row.get("subject") or name)
    index = counts[subject] = counts.get(subject, -1) + 1
    if isinstance(row["question"], dict):  # ARC: the answer key is a label, not always a letter
        choices = row["question"].get("choices")
        if not isinstance(choices, list) or not all(
            isinstance(c, dict) and {"label", "text"} <= c.keys() for c in choices
        ):
            raise Invalid("`choices` is not a list of objects with `label` and `text`")
        return labelled_question(
            subject, split, index, row["question"].get("stem"), [c["label"] for c in choices],
            [c["text"] for c in choices], row.get("answerKey"),
        )  # fmt: skip
    choices, answer = row.get("choices"), row.get("answer")
    if isinstance(choices, list) and isinstance(answer, (str, int, float)):
        answer = answer_letter(choices, answer)
    aliases = row.get("aliases") or ()
    return make_question(subject, split, index, row["question"], choices, answer, aliases, row.get("id"))


def split_name(path: Path) -> str:
    """The split that a file's name ends in: "test" for ``ARC-Easy-Test.jsonl``."""
    return path.stem.lower().replace("_", "-").split("-")[-1]


def split_files(folder: Path) -> list:
    """The files of a folder that can each hold a split."""
    return sorted([*folder.glob("*.jsonl"), *folder.glob("*.json")])


def split_file(folder: Path, split: str) -> Path:
    """The JSON Lines file of ``split`` in a folder: ``train.jsonl``, ``ARC-Easy-Test.jsonl``, …

    Publishers call one split val, dev or validation: where there is no file of that very name, another of them is read.
    """
    files = split_files(folder)
    matching = [p for p in files if split_name(p) == split.lower()]
    if not matching and split in VALIDATION:
        matching = [p for p in files if split_name(p) in VALIDATION]
        if len(matching) == 1:
            print(f"--split {split}: {matching[0]} is read")
    if len(matching) != 1:
        have = ", ".join(p.name for p in files) or "no .jsonl or .json file"
        raise UserError(f"--split {split}: {len(matching)} files of {folder} end in it; it has {have}")
    return matching[0]


def splits_of(name: str, data_dir=None) -> list:
    """The names of a local data set's splits; empty for a single file, which is one set, and for a set of the hub.

    Raises:
        UserError: no such data set.
    """
    path, _ = local_path(name, data_dir)
    if path is None:
        return []
    if path.is_dir() and any(path.glob("*/*.csv")):
        return sorted(p.name for p in path.iterdir() if any(p.glob("*.csv")))
    return sorted(split_name(p) for p in split_files(path)) if path.is_dir() else []


def load(name, split, data_dir=None, subjects=None, limit=None, skip_invalid=False, domain="all") -> QuestionSet:
    """The questions of a data set, by name or path, cut to ``domain``, ``subjects`` and ``limit`` per subject.

    Raises:
        UserError: no such data set, split or subject; a record that cannot be asked; nothing left to ask.
    """
    questions, shots, skipped, label = read(name, split, data_dir, subjects, skip_invalid)
    groups = by_subject(mmlu.domain_part(questions, domain))
    groups = {s: groups[s] for s in chosen_subjects(groups, subjects)}
    if limit is not None:
        groups = {s: spread(qs, limit) for s, qs in groups.items()}
    questions = [q for qs in groups.values() for q in qs]
    check_set(questions, f"{name} split {split}" + f" domain {domain}" * (domain != "all"))
    return QuestionSet(label, split, questions, {s: qs for s, qs in shots.items() if s in groups}, skipped)


def local_path(name: str, data_dir=None) -> tuple[Path | None, str]:
    """(folder or file, the set's name) of a data set given by name or path; no path for one of the hub.

    Raises:
        UserError: no such data set.
    """
    if name == "world_facts":
        return EMBEDDED, name
    if name == "world_facts_mc":
        return EMBEDDED / "mc", name
    if data_dir and not Path(name).is_absolute() and (Path(data_dir) / name).exists():
        return Path(data_dir) / name, name
    if Path(name).exists():
        return Path(name), Path(name).stem
    if name == "pararel":
        raise UserError(
            "--dataset pararel: not on the hub; give R-Tuning's file, --dataset R-Tuning-data/pararel/….json"
        )
    if name in hub.DATASETS:
        return None, name
    known = ", ".join([*hub.DATASETS, "world_facts", "world_facts_mc"])
    raise UserError(f"--dataset {name}: no such file or folder, and not one of {known}")


def read(name, split, data_dir, subjects, skip_invalid) -> tuple[list, dict, int, str]:
    """(questions, shots, skipped, the set's name) of a data set given by name, local folder or file."""
    path, label = local_path(name, data_dir)
    if path is None:
        return (*hub.read(name, split, subjects, skip_invalid), name)
    if path.is_dir() and any(path.glob("*/*.csv")):
        return (*read_mmlu(path, split, subjects, skip_invalid), label)
    file = split_file(path, split) if path.is_dir() else path
    readers = {".jsonl": read_jsonl, ".json": read_rtuning, ".csv": read_csv}
    if file.suffix not in readers:
        raise UserError(f"--dataset {file}: {file.suffix or 'no'} ending; .jsonl, .json or .csv is expected")
    questions, skipped = readers[file.suffix](file, label, split, skip_invalid)
    shots = open_shots(path, label, skip_invalid) if path.is_dir() else {}
    return questions, shots, skipped, label


def open_shots(folder: Path, label: str, skip_invalid: bool) -> dict:
    """Few-shot examples of a folder of JSON Lines: the first of each subject in its dev (or val) file.

    Six of them, so that five are left for a question that is one itself.
    """
    for split in ("dev", "val"):
        files = [p for p in folder.glob("*.jsonl") if split_name(p) == split]
        if files:
            return {s: qs[:6] for s, qs in by_subject(read_jsonl(files[0], label, split, skip_invalid)[0]).items()}
    return {}
