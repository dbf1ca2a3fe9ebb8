"""What is read of each row before it is known how its file's answers are meant: question, choices, answerable."""

import re
from dataclasses import dataclass, field

from ..running.errors import UserError
from . import columns, values
from .records import Invalid

FALSE_PREMISE = "1 is a false premise, which nobody can answer"


@dataclass
class Row:
    """A row without its answer.

    Attributes:
        place: where it stands, as messages name it.
        values: {column: value}.
        question: its text, still unchecked.
        texts, labels: of its choices; None: an open question.
        right: the index of the right choice, where the columns themselves say it.
        abstain: whether nobody can answer it.
    """

    place: str
    values: dict
    question: object
    texts: list | None = None
    labels: list = field(default_factory=list)
    right: int | None = None
    abstain: bool = False


def begin(table, found: columns.Columns) -> tuple[list, list]:
    """([(place, Row or the Invalid that says what is wrong with it)], notes) of a file's rows.

    Raises:
        UserError: two columns could be the question and differ, or a column of 0 and 1 could mean two things.
    """
    notes, always = _unanswerable(table, found)
    rows = []
    for place, row in table.rows:
        try:
            if isinstance(row, Invalid):
                raise row
            begun = Row(place, row, _question(place, row, found), abstain=always or _abstains(row, found))
            if not begun.abstain:
                texts, begun.labels, begun.right = _choices(row, found)
                begun.texts = texts if texts is None else [*map(_choice, texts)]
        except Invalid as e:
            begun = e
        rows.append((place, begun))
    return rows, notes


def _unanswerable(table, found: columns.Columns) -> tuple[list, bool]:
    """(notes, whether no question of the file can be answered); settles what a column ``label`` of 0 and 1 means.

    UnknownBench's files say it by their names, RefuNQ by the label "NEC", and FalseQA's label 1 is a false premise.
    Other sets have a label 1 for a right answer: where no name tells, it is not guessed.
    """
    labels = [name for name in table.names if columns.norm(name) == "label"]
    if not labels or found.abstain or found.layout or {"answer", "should_abstain"} & {*found.mapped}:
        return [], False
    given = [row.get(labels[0]) for _, row in table.rows if isinstance(row, dict)]
    file = re.split(r"[\\/]", table.where)[-1].lower()
    only = found.answers == labels
    if only and ("unanswerable" in file or all(value == "NEC" for value in given)):
        found.answers = []
        why = "its name" if "unanswerable" in file else "the label NEC"
        return [f"no question of the file can be answered, by {why}"], True
    if not all(values.whole(value) in (0, 1) for value in given):
        return [], False
    if re.search("false|unknownbench", table.where.lower()):
        found.abstain, found.answers = labels[0], [name for name in found.answers if name not in labels]
        return [f"label: {FALSE_PREMISE}"], False
    if only and re.search(r"(^|[^a-z])answerable", file):
        raise UserError(f"{table.where}: its questions can be answered, but it has no answers to judge by")
    raise UserError(
        f"{table.where}: `{labels[0]}` can be read as an answer or as a mark ({FALSE_PREMISE}); say which: "
        f"--columns should_abstain={labels[0]} or --columns answer={(found.answers or labels)[0]}"
    )


def _question(place: str, row: dict, found: columns.Columns):
    names = {str(row[name]).strip(): name for name in reversed(found.questions) if not values.missing(row.get(name))}
    if len(names) > 1:
        first, second, *_ = reversed(names.values())
        raise UserError(
            f"{place}: `{first}` and `{second}` could both be the question and differ; name one with "
            f"--columns question={first} or --columns question={second}"
        )
    if not any(name in row for name in found.questions):
        raise Invalid(f"no `{found.question}`")
    return row.get(next(iter(names.values()), found.question))


def _abstains(row: dict, found: columns.Columns) -> bool:
    value = row.get(found.abstain) if found.abstain else None
    if values.missing(value):
        return False
    said = values.truth(value)
    if said is None:
        raise Invalid(f"`{found.abstain}` is {value!r}, neither true nor false")
    return said != found.answerable


def _choice(value) -> str:
    if isinstance(value, (list, dict)):
        raise Invalid(f"choice {value!r} is not a text")
    return "" if values.missing(value) else str(value).strip()


def _choices(row: dict, found: columns.Columns) -> tuple:
    """(texts, labels, the right one's index) of a row's choices; what is not told is None."""
    if found.layout is None:
        return None, [], None
    own = [row.get(name) for name in found.choices]
    if found.layout == "list":
        return (*values.choices(own[0]), None)
    if found.layout == "targets":
        texts, right = values.targets(own[0])
        return texts, [], right
    if found.layout == "correct":
        if values.missing(own[0]):
            raise Invalid("the question has no answer")
        wrong = own[1:]
        if len(wrong) == 1:
            wrong = values.as_list(wrong[0]) or wrong[0]
        wrong = wrong if isinstance(wrong, list) else [wrong]
        return [own[0], *(w for w in wrong if not values.missing(w))], [], 0
    while len(own) > 2 and values.missing(own[-1]):
        own.pop()
    return (None, [], None) if all(map(values.missing, own)) else (own, found.labels[: len(own)], None)
