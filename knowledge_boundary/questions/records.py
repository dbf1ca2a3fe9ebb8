"""Questions: one record, its checks, and which of a set's questions are asked."""

import dataclasses
import re
from dataclasses import dataclass, field

from ..running.errors import UserError
from ..running.results import sha256_json

LETTERS = "ABCDEFGHIJ"


@dataclass
class Question:
    """One question.

    ``choices`` is None for an open question; ``answer`` is then its text and ``aliases`` are other accepted texts. With
    ``choices``, ``answer`` is the letter of the right one. Nobody can answer a question that ``should_abstain``: it has
    no choices, no answer and no aliases. ``exam`` says whose prompt asks it: "ceval", "cmmlu", or None for MMLU's.
    """

    id: str
    subject: str
    question: str
    choices: list | None
    answer: str | None
    aliases: list = field(default_factory=list)
    should_abstain: bool = False
    exam: str | None = None

    @property
    def letters(self) -> str:
        """The letters of the choices: "ABCD" for four."""
        return LETTERS[: len(self.choices)]

    def record(self) -> dict:
        """The fields that every stage's records begin with; ``should_abstain`` and ``exam`` only where they say it."""
        optional = {f.name for f in OPTIONAL if getattr(self, f.name) == f.default}
        return {name: value for name, value in dataclasses.asdict(self).items() if name not in optional}


OPTIONAL = [f for f in dataclasses.fields(Question) if f.name in ("should_abstain", "exam")]


def from_record(record: dict) -> Question:
    """The Question that a stage's record begins with."""
    required = [f.name for f in dataclasses.fields(Question) if f not in OPTIONAL]
    given = {f.name: record[f.name] for f in OPTIONAL if f.name in record}
    return Question(**{name: record[name] for name in required}, **given)


@dataclass
class QuestionSet:
    """The questions of one split, the few-shot examples of each subject, and what was left out.

    ``name`` and ``split`` say where they come from; ``skipped`` counts the invalid records left out; ``reading`` is
    what the file's columns were taken to mean and what was done with its questions; ``merged`` counts those that
    repeated another; ``licence`` is the set's, where it is known.
    """

    name: str
    split: str
    questions: list
    shots: dict = field(default_factory=dict)
    skipped: int = 0
    reading: list = field(default_factory=list)
    merged: int = 0
    licence: str | None = None

    @property
    def multiple_choice(self) -> bool:
        """Whether the questions have choices (a set never mixes both kinds)."""
        return self.questions[0].choices is not None

    def own_shots(self, question: Question) -> list:
        """All few-shot examples for ``question``, itself left out."""
        return [
            s
            for s in self.shots.get(question.subject, [])
            if (s.question, s.choices) != (question.question, question.choices) and not s.should_abstain
        ]

    def shots_of(self, question: Question, num_shots: int) -> list:
        """The first ``num_shots`` few-shot examples for ``question``, itself left out.

        Raises:
            UserError: there are fewer.
        """
        shots = self.own_shots(question)[:num_shots]
        if len(shots) < num_shots:
            raise UserError(
                f"--num_shots {num_shots}: {self.name} has {len(shots)} examples for {question.subject}; "
                f"use --num_shots {len(shots)}"
            )
        return shots

    def in_order(self, batches) -> list:
        """The records that ``batches`` yields for these questions, one of each, in the questions' order."""
        found = {record["id"]: record for records in batches for record in records}
        return [found[q.id] for q in self.questions]

    def check_shots(self, num_shots: int) -> None:
        """UserError if a question has fewer than ``num_shots`` few-shot examples."""
        for question in self.questions:
            self.shots_of(question, num_shots)

    def describe(self) -> dict:
        """``meta.dataset``: what was asked, its hash, and what the file was taken to mean."""
        content = [q.record() for q in self.questions]
        more = {"reading": self.reading, "merged": self.merged, "licence": self.licence}
        return {
            "name": self.name,
            "split": self.split,
            "n": len(content),
            "skipped": self.skipped,
            "sha256": sha256_json([content, {s: [q.record() for q in shots] for s, shots in self.shots.items()}]),
            **{key: value for key, value in more.items() if value},
        }


class Invalid(Exception):
    """A record that cannot be asked; the reader adds the file and the line."""


def make_question(
    subject, split, index, text, choices, answer, aliases=(), given_id=None, should_abstain=False, exam=None
) -> Question:
    """A checked ``Question``; for multiple choice ``answer`` is a letter.

    Raises:
        Invalid: no question text, no answer, too few or too many choices, a letter that is none of them, or a text that
            no file can hold.
    """
    if not isinstance(text, str) or not text.strip():
        raise Invalid("the question has no text")
    answer = str(answer).strip() if answer is not None else ""
    if not answer and not should_abstain:
        raise Invalid("the question has no answer")
    if choices is not None:
        choices = ["" if c is None or c != c else str(c).strip() for c in choices]  # NaN is not itself
        if "" in choices:
            raise Invalid(f"choice {LETTERS[choices.index('') % len(LETTERS)]} is empty")
        if not 2 <= len(choices) <= len(LETTERS):
            raise Invalid(f"{len(choices)} choices; there must be 2 to {len(LETTERS)}")
        if answer not in list(LETTERS[: len(choices)]):
            raise Invalid(f"answer {answer!r} is not a letter from A to {LETTERS[len(choices) - 1]}")
    question = Question(
        id=str(given_id) if given_id is not None else f"{subject}/{split}/{index}",
        subject=subject,
        question=text.strip(),
        choices=choices,
        answer=None if should_abstain else answer,
        aliases=[a for a in dict.fromkeys(str(a).strip() for a in aliases) if a and a != answer],
        should_abstain=should_abstain,
        exam=exam,
    )
    for own in (question.id, subject, question.question, answer, *(choices or ()), *question.aliases):
        lonely = re.search("[\ud800-\udfff]", own)
        if lonely:
            raise Invalid(f"text that cannot be encoded in UTF-8 (half a character, {lonely[0]!r})")
    return question


def collect(rows, build, skip_invalid) -> tuple[list, int]:
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
