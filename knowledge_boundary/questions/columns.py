"""Which column of a file is the question, the answer, …: by the names that people give them, or by --columns."""

import json
import re
import unicodedata
from dataclasses import dataclass, field

from ..running.errors import UserError

ROLES = ("question", "answer", "aliases", "choices", "id", "subject", "should_abstain")
READINGS = ("letter", "label", "index0", "index1", "text")


def _words(text: str) -> tuple:
    return tuple(text.split())


QUESTION = _words(
    "question query problem prompt question_stem stem question_text input instruction q "
    "问题 题目 题干 提问 试题 問題 題目"
)
PLAIN_TEXT = ("text", "sentence")  # the question where nothing else is
ANSWER = _words(
    "answer best_answer answers target targets gold golds gold_answer gold_answers golden_answer golden_answers "
    "answerkey answer_key correct_answer correct_answers correctanswer right_answer possible_answers "
    "reference_answer reference_answers ground_truth ground_truths groundtruth expected_answer correct_choice "
    "correct_option answer_text answer_letter answer_label 答案 正确答案 标准答案 参考答案 正确选项 正確答案"
)
WEAK_ANSWER = _words("correct solution label labels output response completion key 回答")  # where none of these is
INDEX = _words(
    "answer_index answer_idx answerindex answer_id correct_index correct_idx correct_answer_index correct_answer_idx "
    "correct_option_index gold_index gold_idx label_index label_idx target_index target_idx cop"
)
ALIASES = _words(
    "aliases alias answer_aliases answers_aliases answer_alias alternative_answers other_answers acceptable_answers "
    "accepted_answers 别名 其他答案 同义词"
)
ID = _words("id question_id questionid qid _id uid example_id 编号 序号 题号")
SUBJECT = _words(
    "subject subject_name category domain topic subdomain primary_category field discipline "
    "学科 科目 类别 分类 主题 领域"
)
ABSTAIN = _words(
    "should_abstain unanswerable is_unanswerable unknown is_unknown is_impossible false_premise is_false_premise"
)
ANSWERABLE = ("answerable", "is_answerable")  # the same the other way round
CHOICES = _words("choices options option choice answer_choices answer_options possible_choices candidates 选项 备选项")
TARGETS = "mc1_targets"
LETTERED = re.compile(r"(?:option|options|choice|opt|op|answer|选项)?_?([a-j])|([a-j])_?(?:选项|option|choice)")
NUMBERED = re.compile(r"(?:option|choice|opt|answer|选项)_?(\d{1,2})")
WRONG = re.compile(r"(?:incorrect|wrong|false)_?(?:answer|option|choice)?_?\d{1,2}|distractor_?\d{1,2}")
WRONG_LIST = ("incorrect_answers", "wrong_answers", "distractors", "incorrect_choices")


def norm(name) -> str:
    """A column's name as it is compared: "correct_answer" for "Correct Answer"."""
    return re.sub(r"[\s_.\-]+", "_", unicodedata.normalize("NFKC", str(name)).strip().lower())


def parse(text: str) -> dict:
    """{role: column} of --columns ``question=problem,answer=gold:index0,…``.

    Raises:
        UserError: no ``ROLE=COLUMN``, no such role, or a role twice.
    """
    found = {}
    for part in re.split(r",(?=\s*\w+\s*=)", text):
        role, equals, column = part.partition("=")
        role, column = role.strip(), column.strip()
        if not equals or not column:
            raise UserError(f"--columns {text}: {part!r} is not ROLE=COLUMN; roles are {', '.join(ROLES)}")
        if role not in ROLES:
            raise UserError(f"--columns {text}: {role!r} is no role; there are {', '.join(ROLES)}")
        if role in found:
            raise UserError(f"--columns {text}: {role} is given twice")
        found[role] = column
    return found


def is_question(name) -> bool:
    """Whether a column of this name is a question."""
    return norm(name) in QUESTION


def is_header(cells, mapping) -> bool:
    """Whether a line of a CSV names its columns: one of them is the question, by its usual name or --columns."""
    names = [norm(cell) for cell in cells]
    if mapping and norm(mapping.get("question", "")) in names:
        return True
    if len(names) < 2:
        return False
    # One letter may be a question's text too.
    return any(n in QUESTION and (n != "q" or len(names) == 2 or {*names} & {*ANSWER}) for n in names)


def class_names(metadata) -> dict:
    """{column: the names of its classes}, which ``datasets`` writes into a parquet file's metadata."""
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
        return {name: f["names"] for name, f in features.items() if f.get("_type") == "ClassLabel"}
    except (KeyError, TypeError, AttributeError, ValueError):
        return {}


def wanted(names, mapping) -> list:
    """Those of ``names`` that can mean something; the rest, such as a paragraph to read, need not be loaded."""
    known = {*QUESTION, *PLAIN_TEXT, *ANSWER, *WEAK_ANSWER, *INDEX, *ALIASES, *ID, *SUBJECT, *ABSTAIN, *ANSWERABLE}
    known |= {*CHOICES, *WRONG_LIST, TARGETS, "claim", "evidence", "error_type"}
    known |= {norm(part) for column in (mapping or {}).values() for part in re.split(r"\+|:", column)}
    known |= {norm(column) for column in (mapping or {}).values()}
    patterns = (LETTERED, NUMBERED, WRONG)
    return [name for name in names if norm(name) in known or any(p.fullmatch(norm(name)) for p in patterns)]


@dataclass
class Columns:
    """Which columns of a file mean what.

    Attributes:
        question, questions: the question's; all that may be it, which must agree.
        answers: those that may hold the answer; they must agree.
        index: that of the right choice's index, beside the answer.
        reading: of ``READINGS``, where the user says how the answer is to be read.
        choices: those of the choices: one with a list, or one for each.
        layout: "list", "columns", "correct" (the right one's column, then the wrong ones') or "targets".
        labels: what the columns of the choices are called, in layout "columns": "1" for ``option1``.
        abstain, answerable: the one that says which questions nobody can answer; whether it says which one can.
        mapped: the roles that --columns gives.
    """

    question: str
    answers: list
    index: str | None = None
    reading: str | None = None
    aliases: str | None = None
    choices: list = field(default_factory=list)
    layout: str | None = None
    labels: list = field(default_factory=list)
    id: str | None = None
    subject: str | None = None
    abstain: str | None = None
    answerable: bool = False
    mapped: tuple = ()
    questions: list = field(default_factory=list)


class _Names:
    """A file's columns, found by what they are usually called."""

    def __init__(self, names):
        self.by_norm, self.twice = {}, {}
        for name in names:
            if str(name).strip() and self.by_norm.setdefault(norm(name), name) != name:
                self.twice[self.by_norm[norm(name)]] = name

    def all(self, usual) -> list:
        """The file's columns among the ``usual`` names, in their order."""
        return [self.by_norm[name] for name in usual if name in self.by_norm]

    def first(self, usual):
        """The first of them, or None."""
        return next(iter(self.all(usual)), None)

    def matching(self, pattern) -> list:
        """(match, column) of those whose whole name is of the ``pattern``."""
        found = ((pattern.fullmatch(name), column) for name, column in self.by_norm.items())
        return [(match, column) for match, column in found if match]


def resolve(names, where: str, mapping: dict | None = None) -> Columns:
    """Which of a file's columns mean what.

    Args:
        names: the file's columns.
        where: the file, for messages.
        mapping: {role: column} of --columns; every other role is found by its usual names.

    Raises:
        UserError: --columns names none of them, or no column can be the question or the answer.
    """
    mapping = dict(mapping or {})
    known = _Names(names)
    have = ", ".join(str(name) for name in names if str(name).strip())

    def given(role, column):
        if column in names:
            return column
        if norm(column) in known.by_norm:
            return known.by_norm[norm(column)]
        raise UserError(f"--columns {role}={column}: no such column in {where}; it has {have}")

    reading = None
    if "answer" in mapping and mapping["answer"] not in names:
        column, colon, suffix = mapping["answer"].rpartition(":")
        if colon and suffix not in READINGS:
            raise UserError(f"--columns answer={mapping['answer']}: {suffix!r} is none of {', '.join(READINGS)}")
        if colon:
            mapping["answer"], reading = column, suffix
    several = [mapping["choices"]] if mapping.get("choices") in names else mapping.get("choices", "").split("+")
    chosen = [given("choices", c) for c in several] if "choices" in mapping else []
    one = {role: given(role, column) for role, column in mapping.items() if role != "choices"}
    questions = [one["question"]] if "question" in one else known.all(QUESTION) or known.all(PLAIN_TEXT)
    if not questions:
        raise UserError(f"{where}: no column for the question; it has {have}; name it: --columns question=NAME")
    found = Columns(questions[0], [], reading=reading, questions=questions, mapped=tuple(mapping))
    found.abstain = one.get("should_abstain") or known.first(ABSTAIN) or known.first(ANSWERABLE)
    found.answerable = norm(found.abstain) in ANSWERABLE
    if chosen:
        found.choices, found.layout = chosen, "list" if len(chosen) == 1 else "columns"
        if len(chosen) == 1 and norm(chosen[0]) == TARGETS:
            found.layout = "targets"
    else:
        _find_choices(found, known, where)
    if "answer" in one:
        found.answers = [one["answer"]]
    elif found.layout not in ("correct", "targets"):
        found.answers = known.all(ANSWER) or [c for c in known.all(WEAK_ANSWER) if c not in one.values()]
        found.answers = [c for c in found.answers if c not in (*found.choices, found.question)]
        found.index = known.first(INDEX) if found.layout else None
        if not found.answers and not found.layout:
            found.answers = _numbered_golds(known)
        if not found.answers and norm(found.question) == "q":
            found.answers = known.all(["a"])
    if not (found.answers or found.index or found.abstain or found.layout in ("correct", "targets")):
        raise UserError(
            f"{where}: no column for the answer; it has {have}; name it: --columns answer=NAME "
            f"(a test split may have no answers: use one that has)"
        )
    for column in (found.question, *found.choices, *(c for c in found.answers if isinstance(c, str))):
        if column in known.twice and column not in mapping.values():
            both = f"`{column}` and `{known.twice[column]}`"
            raise UserError(f"{where}: the columns {both} differ in their spelling only; rename one")
    found.aliases = one.get("aliases") or known.first(ALIASES)
    found.id = one.get("id") or known.first(ID)
    found.subject = one.get("subject") or known.first(SUBJECT)
    return found


def _numbered_golds(known) -> list:
    """FreshQA's ``answer_0`` to ``answer_9``: the answer and others that are accepted."""
    found = sorted((int(m[1]), column) for m, column in known.matching(re.compile(r"answer_?(\d)")))
    return [[column for _, column in found]] if found and found[0][0] == 0 else []


def _find_choices(found: Columns, known, where: str) -> None:
    """The columns of the choices, by their usual names."""
    wrong = known.all(WRONG_LIST)[:1] or [column for _, column in known.matching(WRONG)]
    right = known.first(["correct_answer", "correct", "correct_option", "correct_choice"])
    if TARGETS in known.by_norm:
        found.layout, found.choices = "targets", [known.by_norm[TARGETS]]
        return
    if known.all(CHOICES):
        found.layout, found.choices = "list", known.all(CHOICES)[:1]
        return
    if wrong and right:
        found.layout, found.choices = "correct", [right, *wrong]
        return
    by_letter = {(m[1] or m[2]): column for m, column in known.matching(LETTERED)}
    letters = [c for c in "abcdefghij" if c in by_letter]
    if letters and "a" in letters and letters != ["a"]:
        if letters != list("abcdefghij"[: len(letters)]):
            missing = next(c for c in "abcdefghij" if c not in letters)
            raise UserError(
                f"{where}: a column for the choices {', '.join(letters).upper()}, but none for {missing.upper()}"
            )
        found.layout, found.choices = "columns", [by_letter[c] for c in letters]
        return
    if letters == ["a"] and "q" not in known.by_norm and norm(by_letter["a"]) == "a":
        raise UserError(f"{where}: a column for the choice A, but no B column")
    numbers = sorted((int(m[1]), column) for m, column in known.matching(NUMBERED) if column != found.question)
    start = numbers[0][0] if numbers else 0
    keyed = known.all([*ANSWER, *WEAK_ANSWER, *INDEX])
    if (
        keyed
        and len(numbers) > 1
        and start in (0, 1)
        and [n for n, _ in numbers] == [*range(start, start + len(numbers))]
    ):
        found.layout, found.choices = "columns", [column for _, column in numbers]
        found.labels = [str(n) for n, _ in numbers]
