"""Questions: one record, a reader for each layout on disk, and which of a set's questions are asked.

Every reader turns a file into ``Question`` objects or stops with the file and line of the first record that cannot be
asked; with ``skip_invalid`` such records are left out and counted.
"""

import csv
import dataclasses
import io
import json
from dataclasses import dataclass, field
from pathlib import Path

from .results import UserError, sha256_json

LETTERS = "ABCDEFGHIJ"
EMBEDDED = Path(__file__).resolve().parent.parent / "data" / "world_facts"


@dataclass
class Question:
    """One question.

    ``choices`` is None for an open question; ``answer`` is then its text and ``aliases`` are other accepted texts. With
    ``choices``, ``answer`` is the letter of the right one.
    """

    id: str
    subject: str
    question: str
    choices: list | None
    answer: str
    aliases: list = field(default_factory=list)

    @property
    def letters(self) -> str:
        """The letters of the choices: "ABCD" for four."""
        return LETTERS[: len(self.choices)]

    def record(self) -> dict:
        """The fields that every stage's records begin with."""
        return dataclasses.asdict(self)


@dataclass
class QuestionSet:
    """The questions of one split, the few-shot examples of each subject, and what was left out.

    ``name`` and ``split`` say where they come from; ``skipped`` counts the invalid records left out.
    """

    name: str
    split: str
    questions: list
    shots: dict = field(default_factory=dict)
    skipped: int = 0

    @property
    def multiple_choice(self) -> bool:
        """Whether the questions have choices (a set never mixes both kinds)."""
        return self.questions[0].choices is not None

    def describe(self) -> dict:
        """``meta.dataset``: what was asked, and its hash."""
        content = [q.record() for q in self.questions]
        return {
            "name": self.name,
            "split": self.split,
            "n": len(content),
            "skipped": self.skipped,
            "sha256": sha256_json([content, {s: [q.record() for q in shots] for s, shots in self.shots.items()}]),
        }


class Invalid(Exception):
    """A record that cannot be asked; the reader adds the file and the line."""


def make_question(subject, split, index, text, choices, answer, aliases=(), given_id=None) -> Question:
    """A checked ``Question``; for multiple choice ``answer`` is a letter.

    Raises:
        Invalid: no question text, no answer, too few or too many choices, a letter that is none of them.
    """
    if not isinstance(text, str) or not text.strip():
        raise Invalid("the question has no text")
    if isinstance(answer, (list, dict)):
        raise Invalid("the answer is not a text; other accepted answers belong into `aliases`")
    answer = str(answer).strip() if answer is not None else ""
    if not answer:
        raise Invalid("the question has no answer")
    if not isinstance(aliases, (list, tuple)):
        raise Invalid("`aliases` is not a list")
    if choices is not None:
        if not isinstance(choices, (list, tuple)):
            raise Invalid("`choices` is not a list")
        choices = [str(c).strip() if c is not None else "" for c in choices]
        if "" in choices:
            raise Invalid(f"choice {LETTERS[choices.index('') % len(LETTERS)]} is empty")
        if not 2 <= len(choices) <= len(LETTERS):
            raise Invalid(f"{len(choices)} choices; there must be 2 to {len(LETTERS)}")
        if answer not in list(LETTERS[: len(choices)]):
            raise Invalid(f"answer {answer!r} is not a letter from A to {LETTERS[len(choices) - 1]}")
    return Question(
        id=str(given_id) if given_id is not None else f"{subject}/{split}/{index}",
        subject=subject,
        question=text.strip(),
        choices=choices,
        answer=answer,
        aliases=[a for a in dict.fromkeys(str(a).strip() for a in aliases) if a and a != answer],
    )


def answer_letter(choices, answer) -> str:
    """The letter of ``answer``, which is a letter or a choice's text; Invalid where it is neither, or not just one."""
    choices, answer = [str(c).strip() for c in choices], str(answer).strip()
    letters = LETTERS[: len(choices)]
    matching = {letter for letter, text in zip(letters, choices, strict=False) if answer in (letter, text)}
    if len(matching) != 1:
        why = "is none of the choices" if not matching else "can be more than one of the choices"
        raise Invalid(f"answer {answer!r} {why} {', '.join(map(repr, choices))}")
    return matching.pop()


def read_text(path: Path) -> str:
    """A file's text (UTF-8, a byte order mark allowed); UserError where it is in another encoding."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as e:
        line = path.read_bytes()[: e.start].count(b"\n") + 1
        raise UserError(f"{path} line {line}: not UTF-8 ({e.reason}); save the file as UTF-8") from e


def _collect(rows, build, skip_invalid) -> tuple[list, int]:
    """``build(row)`` for each ``(place, row)``; returns the questions and how many were left out."""
    questions, skipped = [], 0
    for place, row in rows:
        try:
            questions.append(build(row))
        except Invalid as e:
            if not skip_invalid:
                raise UserError(f"{place}: {e}; mend the record, or leave such records out with --skip_invalid") from e
            skipped += 1
    return questions, skipped


# ---- layouts ----


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
        return make_question(own, split, index, named["question"], choices, named.get("answer", named.get("target")))

    return _collect(lines, build, skip_invalid)


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
    return _collect(rows, lambda row: question_from_row(row, name, split, counts), skip_invalid)


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

    return _collect(rows, build, skip_invalid)


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


def labelled_question(subject, split, index, text, labels, texts, key) -> Question:
    """ARC's way: choices have labels (A… or 1…), the answer key is one of them."""
    labels, key = [str(x) for x in labels], None if key is None else str(key)
    if key not in labels[: len(LETTERS)]:
        raise Invalid(f"answer {key!r} is none of the choices' labels {', '.join(labels)}")
    return make_question(subject, split, index, text, texts, LETTERS[labels.index(key)])


def split_name(path: Path) -> str:
    """The split that a file's name ends in: "test" for ``ARC-Easy-Test.jsonl``."""
    return path.stem.lower().replace("_", "-").split("-")[-1]


def split_file(folder: Path, split: str) -> Path:
    """The JSON Lines file of ``split`` in a folder: ``train.jsonl``, ``ARC-Easy-Test.jsonl``, …"""
    files = sorted([*folder.glob("*.jsonl"), *folder.glob("*.json")])
    matching = [p for p in files if split_name(p) == split.lower()]
    if len(matching) != 1:
        have = ", ".join(p.name for p in files) or "no .jsonl or .json file"
        raise UserError(f"--split {split}: {len(matching)} files of {folder} end in it; it has {have}")
    return matching[0]


# ---- which questions ----


def chosen_subjects(available, subjects) -> list:
    """``--subjects a,b`` out of ``available``, in the file's order; UserError names an unknown one."""
    if not subjects:
        return list(available)
    wanted = [s.strip() for s in subjects.split(",") if s.strip()]
    unknown = [s for s in wanted if s not in available]
    if unknown:
        raise UserError(f"--subjects {unknown[0]}: no such subject; there are {', '.join(sorted(available))}")
    return [s for s in available if s in wanted]


def spread(items: list, n: int) -> list:
    """``n`` of ``items``, evenly spread over the list, in its order; all of them if there are no more than ``n``."""
    return items if len(items) <= n else [items[i * len(items) // n] for i in range(n)]


def by_subject(questions) -> dict:
    """{subject: its questions}, subjects in the order of their first question."""
    groups = {}
    for q in questions:
        groups.setdefault(q.subject, []).append(q)
    return groups


def grouped(questions, texts) -> list:
    """[(questions, texts) of one subject]: subjects share their few-shot examples, so each is run for itself."""
    groups = {}
    for q, text in zip(questions, texts, strict=True):
        own = groups.setdefault(q.subject, ([], []))
        own[0].append(q)
        own[1].append(text)
    return list(groups.values())


def load(name, split, data_dir=None, subjects=None, limit=None, skip_invalid=False) -> QuestionSet:
    """The questions of a data set, by name or path, cut to ``subjects`` and to ``limit`` per subject.

    Raises:
        UserError: no such data set, split or subject; a record that cannot be asked; nothing left to ask.
    """
    questions, shots, skipped, label = read(name, split, data_dir, subjects, skip_invalid)
    groups = by_subject(questions)
    groups = {s: groups[s] for s in chosen_subjects(groups, subjects)}
    if limit is not None:
        groups = {s: spread(qs, limit) for s, qs in groups.items()}
    questions = [q for qs in groups.values() for q in qs]
    check_set(questions, f"{name} split {split}")
    return QuestionSet(label, split, questions, {s: qs for s, qs in shots.items() if s in groups}, skipped)


def check_set(questions, where) -> None:
    """UserError if there is nothing to ask, an id stands twice, or open and multiple-choice questions are mixed."""
    if not questions:
        raise UserError(f"{where}: no question to ask; check --subjects, --limit and the file")
    ids = set()
    for q in questions:
        if q.id in ids:
            raise UserError(f"{where}: id {q.id} stands twice; ids must be unique")
        ids.add(q.id)
    if len({q.choices is None for q in questions}) > 1:
        raise UserError(f"{where}: some questions have choices and some have none; keep them in files of their own")


def read(name, split, data_dir, subjects, skip_invalid) -> tuple[list, dict, int, str]:
    """(questions, shots, skipped, the set's name) of a data set given by name, local folder or file."""
    from . import hub  # the hub's readers build on this module's

    if name == "world_facts":
        path, label = EMBEDDED, name
    elif name == "world_facts_mc":
        path, label = EMBEDDED / "mc", name
    elif data_dir and (Path(data_dir) / name).exists():
        path, label = Path(data_dir) / name, name
    elif name == "pararel" and not Path(name).exists():
        raise UserError(
            "--dataset pararel: not on the hub; give R-Tuning's file, --dataset R-Tuning-data/pararel/….json"
        )
    elif name in hub.DATASETS and not Path(name).exists():
        return (*hub.read(name, split, subjects, skip_invalid), name)
    else:
        path, label = Path(name), Path(name).stem
    if not path.exists():
        known = ", ".join([*hub.DATASETS, "world_facts", "world_facts_mc"])
        raise UserError(f"--dataset {name}: no such file or folder, and not one of {known}")
    if path.is_dir() and any(path.glob("*/*.csv")):
        return (*read_mmlu(path, split, subjects, skip_invalid), label)
    file = split_file(path, split) if path.is_dir() else path
    readers = {".jsonl": read_jsonl, ".json": read_rtuning, ".csv": read_csv}
    if file.suffix not in readers:
        raise UserError(f"--dataset {file}: {file.suffix or 'no'} ending; .jsonl, .json or .csv is expected")
    order = (label, split)
    questions, skipped = readers[file.suffix](file, *order, skip_invalid)
    shots = open_shots(path, label, skip_invalid) if path.is_dir() else {}
    return questions, shots, skipped, label


def open_shots(folder: Path, label: str, skip_invalid: bool) -> dict:
    """Few-shot examples of a folder of JSON Lines: the first five of each subject in its dev (or val) file."""
    for split in ("dev", "val"):
        files = [p for p in folder.glob("*.jsonl") if split_name(p) == split]
        if files:
            return {s: qs[:5] for s, qs in by_subject(read_jsonl(files[0], label, split, skip_invalid)[0]).items()}
    return {}
