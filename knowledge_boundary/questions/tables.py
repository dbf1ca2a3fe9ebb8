"""A file's rows as Questions: what its columns mean is decided once, over all rows, and said."""

import re
from dataclasses import dataclass, field

from ..running.errors import UserError
from . import columns, readings, rows, values
from .files import Table
from .records import LETTERS, Invalid, Question, collect, make_question


@dataclass
class Known:
    """What is known of a data set beside its file.

    Attributes:
        columns: {role: column} as --columns has it; the set's own where its publisher's columns are there.
        prefer: the reading of its answers, where two fit.
        exam: whose prompt asks its questions.
        no_id: the column of ids that is passed over: these questions have always been numbered.
        underscored: whether subjects are written with underscores.
    """

    columns: dict | None = None
    prefer: str | None = None
    exam: str | None = None
    no_id: str | None = None
    underscored: bool = False


@dataclass
class Read:
    """The questions of a file, where each stands in it, how many were left out, and what is to be said of it."""

    questions: list
    places: list
    skipped: int
    notes: list = field(default_factory=list)
    reading: str | None = None


def read(table: Table, subject: str, split: str, skip_invalid: bool, known: Known | None = None, seed: int = 0) -> Read:
    """The questions of a file.

    Args:
        table: its rows.
        subject: of the rows that name none.
        split: for the ids of those that have none.
        skip_invalid: leave out what cannot be asked, and count.
        known: what is known of the set.
        seed: of the order of choices whose right one always stands first.

    Raises:
        UserError: a record that cannot be asked, columns that can mean two things, or answers that are withheld.
    """
    known = known or Known()
    if not any(isinstance(row, dict) for _, row in table.rows):
        return Read([], [], collect(table.rows, _invalid, skip_invalid)[1], table.notes)
    found = columns.resolve(table.names, table.where, known.columns)
    return _Reader(table, found, known, seed).read(subject, split, skip_invalid)


def _invalid(row):
    raise row


class _Reader:
    """One file on its way to Questions."""

    def __init__(self, table: Table, found: columns.Columns, known: Known, seed: int):
        self.table, self.columns, self.known, self.seed = table, found, known, seed
        self.rows, notes = rows.begin(table, found)
        self.notes, self.dropped, self.truths = [*table.notes, *notes], 0, 0
        self.keys, self.key_of = {}, {}
        good = [row for _, row in self.rows if isinstance(row, rows.Row) and not row.abstain]
        self.choice, self.open = ([row for row in good if (row.texts is None) == is_open] for is_open in (False, True))

    def _keys(self, column) -> list:
        """The rows with choices and a value in ``column``."""
        if column not in self.keys:
            self.keys[column] = [
                readings.Key(row.place, row.values.get(column), row.texts, row.labels)
                for row in self.choice
                if not values.missing(row.values.get(column)) and not values.withheld(row.values.get(column))
            ]
        return self.keys[column]

    def _decided(self) -> str | None:
        """The reading of the answers to multiple choice, which all columns that give one must agree in."""
        c, where = self.columns, self.table.where
        if c.layout not in ("list", "columns") or not self.choice:
            return None
        candidates = [name for name in c.answers if self._keys(name)] or c.answers[:1] or [c.index]
        if candidates == [None]:
            raise UserError(f"{where}: no column says which choice is right; name it: --columns answer=NAME")
        listed = c.choices[0] if c.layout == "list" else ""
        first, *others = candidates
        reading = c.reading or readings.decide(self._keys(first), first, where, listed, self.known.prefer)
        for other in others:
            self._agree(first, reading, other, [readings.decide(self._keys(other), other, where, listed)])
        if c.index and c.index != first:
            self._agree(first, reading, c.index, ["index0", "index1"])
        c.answers = [first]
        self.key_of = {id(key.texts): key for key in self._keys(first)}
        return reading

    def _agree(self, first, reading, other, ways) -> None:
        """UserError unless another column means the same choices, in one of the ``ways`` of reading it."""
        given = {id(key.texts): key for key in self._keys(other)}
        pairs = [(key, given[id(key.texts)]) for key in self._keys(first) if id(key.texts) in given]
        apart = [[(a, b) for a, b in pairs if reading in a.fits and b.fits.get(way) != a.fits[reading]] for way in ways]
        if not all(apart):
            return
        a, b = min(apart, key=len)[0]
        raise UserError(
            f"{a.place}: `{first}` ({a.value!r}) and `{other}` ({b.value!r}) mean different choices; mend the record, "
            f"or name one with --columns answer={first} or --columns answer={other}"
        )

    def _open_column(self):
        """The column of open answers; another that holds the same ones among others gives the aliases.

        Raises:
            UserError: another holds different ones.
        """
        c = self.columns
        if len(c.answers) < 2:
            return c.answers[0] if c.answers else None
        golds = {name: [_golds(row.values.get(name)) for row in self.open] for name in c.answers}
        first, *others = [name for name in c.answers if any(golds[name])] or c.answers[:1]
        for other in others:
            pairs = [(row, a, b) for row, a, b in zip(self.open, golds[first], golds[other], strict=True) if a and b]
            wider = all({*a} <= {*b} for _, a, b in pairs)
            if wider or [*map(columns.norm, (first, other))] == ["best_answer", "correct_answers"]:  # TruthfulQA's
                c.aliases = c.aliases or other
            elif not all({*b} <= {*a} for _, a, b in pairs):
                row, a, b = next(pair for pair in pairs if not {*pair[1]} <= {*pair[2]})
                raise UserError(
                    f"{row.place}: `{first}` ({a[0]!r}) and `{other}` ({b[0]!r}) could both be the answer and differ; "
                    f"name one with --columns answer={first} or --columns answer={other}"
                )
        c.answers = [first]
        return first

    def _spelling(self, column):
        """How a table's program has written all answers of a file without types: True and False, or 5 as 5.0."""
        if self.table.typed or not isinstance(column, str) or self.columns.reading == "text":
            return None
        known = [row for _, row in self.rows if isinstance(row, rows.Row)]
        cells = [(row.values.get(column) or "").strip() for row in known]
        filled = {*cells} - {""}
        if filled and (filled <= {"True", "False"} or filled <= {"TRUE", "FALSE"}):
            return lambda cell: values.truth(cell) if cell.strip() else None
        if filled and "" in cells and all(re.fullmatch(r"-?\d+\.0", cell) for cell in filled):
            return lambda cell: cell.strip().removesuffix(".0")
        return None

    def _check_withheld(self, column) -> None:
        """UserError where no row of several has an answer: a split whose answers are kept back."""
        asked = [*self.choice, *self.open]
        kept = (-1, "-1", []) if self.choice else ([],)
        if not isinstance(column, str) or len(asked) < 2:
            return
        given = [row.values.get(column) for row in asked]
        if all(values.missing(v) or values.withheld(v) or v in kept for v in given):
            raise UserError(
                f"{self.table.where}: the answers are withheld: none of its {len(asked)} records has one in "
                f"`{column}`; use a split that has answers, such as validation"
            )

    def _check_letters(self, column) -> None:
        """UserError where all open answers are letters, or numbers of a list: choices that are not seen as such."""
        given = [(row, str(row.values.get(column) or "").strip()) for row in self.open]
        given = [(row, value) for row, value in given if value]
        lists = [name for name in self.table.names if all(_plain_list(row.values.get(name)) for row, _ in given)]
        lists = [name for name in lists if name not in (column, self.columns.aliases)]
        letters = given and all(re.fullmatch("[A-J]", value) for _, value in given)
        within = lists and all(values.whole(v) in range(len(row.values[lists[0]]) + 1) for row, v in given)
        shown = any(re.search(r"\bA\s?[.):].*\bB\s?[.):]", str(row.question), re.DOTALL) for row, _ in given)
        if given and (within or (letters and (lists or shown or len(given) > 3))):
            raise UserError(
                f"{self.table.where}: the answers in `{column}` are {'letters' if letters else 'numbers'} and no "
                f"column has the choices; name it: --columns choices={lists[0] if lists else 'NAME'}; if they are open "
                f"answers: --columns answer={column}:text"
            )

    def read(self, subject: str, split: str, skip_invalid: bool) -> Read:
        """See ``read``."""
        c = self.columns
        reading = self._decided()
        column = self._open_column() if self.open and reading is None else next(iter(c.answers), c.index)
        self._check_withheld(column)
        if self.open and c.reading != "text" and isinstance(column, str):
            self._check_letters(column)
        spelling = self._spelling(column) if self.open else None
        counts, places = {}, []

        def build(item):
            row, content = item
            own = self._subject(content, subject)
            index = counts[own] = counts.get(own, -1) + 1
            if isinstance(row, Invalid):
                raise row
            question = self._built(row, own, split, index, reading, column, spelling)
            places.append(row.place)
            return question

        items = [(place, (row, content)) for (place, row), (_, content) in zip(self.rows, self.table.rows, strict=True)]
        questions, skipped = collect(items, build, skip_invalid)
        return Read(questions, places, skipped, [*self._said(reading, column, questions), *self.notes], reading)

    def _subject(self, row, subject: str) -> str:
        value = row.get(self.columns.subject or "subject") if isinstance(row, dict) else None
        if values.missing(value) or isinstance(value, (list, dict)):
            return subject
        value = str(value).strip()
        return value.replace(" ", "_") if self.known.underscored else value

    def _built(self, row: rows.Row, subject, split, index, reading, column, spelling) -> Question:
        c, known = self.columns, self.known
        given = row.values.get(c.id) if c.id and c.id != known.no_id else None
        given = None if values.missing(given) or isinstance(given, (list, dict)) else values.text(given)
        if row.abstain:
            return make_question(subject, split, index, row.question, None, None, (), given, True)
        if row.texts is None:
            first, others = self._open_answers(row, column, spelling)
            return make_question(subject, split, index, row.question, None, first, others, given)
        texts, right = row.texts, row.right
        # what cannot be asked, before its answer is looked for
        make_question(subject, split, index, row.question, texts, "A")
        if right is None:
            key = self.key_of.get(id(texts)) or readings.Key(row.place, row.values.get(column), texts, row.labels)
            right = readings.chosen(key, reading)
        else:
            texts, right = values.drawn(row.question, texts, right, self.seed)
        return make_question(subject, split, index, row.question, texts, LETTERS[right], (), given, exam=known.exam)

    def _open_answers(self, row: rows.Row, column, spelling) -> tuple:
        """(the answer, the others that are accepted) of an open question.

        Raises:
            Invalid: it has none.
        """
        golds = []
        for name in column if isinstance(column, list) else [column]:
            value = row.values.get(name)
            value = spelling(value) if spelling and isinstance(value, str) else value
            found, dropped = values.golds(value)
            golds += found
            self.dropped += dropped if found else 0
            self.truths += isinstance(value, bool)
        if not golds and self.columns.abstain:
            raise Invalid("the question has no answer to judge by, and is not marked as one that nobody can answer")
        if not golds:
            raise Invalid("the question has no answer")
        others, dropped = values.aliases(row.values.get(self.columns.aliases)) if self.columns.aliases else ([], 0)
        self.dropped += dropped
        return golds[0], [*golds[1:], *others]

    def _said(self, reading, column, questions) -> list:
        """What the columns were taken to mean, the answer first."""
        c, said = self.columns, []
        of = lambda name, usual: "" if not name or columns.norm(name) == usual else f" (`{name}`)"  # noqa: E731
        shown = column if isinstance(column, str) else None
        if reading:
            said.append(f"answer{of(shown, 'answer')}: {readings.SAID[reading]}")
        elif c.layout in ("correct", "targets"):
            said.append(f"answer: of `{c.choices[0]}`; the options in an order drawn by --seed {self.seed}")
        elif self.open:
            kind = "true/false, read as yes/no" if self.truths else "text"
            if 0 < self.truths < len(self.open):
                kind = f"text; {self.truths} true/false read as yes/no"
            kind += ", and others that are accepted" if any(q.aliases for q in questions) else ""
            said.append(f"answer{of(shown, 'answer')}: {kind}")
        if columns.norm(c.question) != "question":
            said.append(f"question: `{c.question}`")
        if c.layout == "columns":
            fewer = sum(len(row.texts) < len(c.choices) for row in self.choice)
            said.append(
                f"choices: columns {c.choices[0]} to {c.choices[-1]}" + f"; questions with fewer: {fewer}" * bool(fewer)
            )
        n = sum(q.should_abstain for q in questions)
        if n or c.abstain:
            said.append(f"{n} of {len(questions)} questions cannot be answered{of(c.abstain, 'should_abstain')}")
        if self.dropped:
            said.append(f"{self.dropped} empty answers or aliases dropped")
        return said


def _plain_list(value) -> bool:
    return isinstance(value, list) and len(value) > 1 and all(isinstance(item, str) for item in value)


def _golds(value) -> list:
    try:
        return values.golds(value)[0]
    except Invalid:
        return []
