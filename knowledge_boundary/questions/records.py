"""Questions: one record, its checks, and which of a set's questions are asked."""

import dataclasses
from dataclasses import dataclass, field

from ..running.errors import UserError
from ..running.results import sha256_json

LETTERS = "ABCDEFGHIJ"


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


def from_record(record: dict) -> Question:
    """The Question that a stage's record begins with."""
    return Question(*(record[f.name] for f in dataclasses.fields(Question)))


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

    def own_shots(self, question: Question) -> list:
        """All few-shot examples for ``question``, itself left out."""
        return [
            s
            for s in self.shots.get(question.subject, [])
            if (s.question, s.choices) != (question.question, question.choices)
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


def labelled_question(subject, split, index, text, labels, texts, key) -> Question:
    """ARC's way: choices have labels (A… or 1…), the answer key is one of them."""
    labels, key = [str(x) for x in labels], None if key is None else str(key)
    if key not in labels[: len(LETTERS)]:
        raise Invalid(f"answer {key!r} is none of the choices' labels {', '.join(labels)}")
    return make_question(subject, split, index, text, texts, LETTERS[labels.index(key)])


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


def grouped(questions, texts, dropped=None) -> list:
    """[(questions, texts) that begin with the same few-shot examples]: each group is run for itself.

    A subject shares its examples; a question that has lost some (``dropped``: how many each) begins otherwise.
    """
    groups = {}
    for q, text, cut in zip(questions, texts, dropped or [0] * len(texts), strict=True):
        own = groups.setdefault((q.subject, cut), ([], []))
        own[0].append(q)
        own[1].append(text)
    return list(groups.values())


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
