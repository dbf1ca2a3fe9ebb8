"""Questions that stand twice, and ids that do."""

from dataclasses import dataclass

from ..running.errors import UserError
from .columns import ID, norm
from .values import whole

NUMBERED = "ids start again in every subject: its name stands before them"


@dataclass
class Merged:
    """Questions without repeats.

    Attributes:
        questions: in their order; the first of each keeps its id.
        merged: how many repeated another.
        apart: how many open questions stand with answers that have nothing in common; all of these are accepted.
        left_out: how many records were left out, since they give one question two answers.
    """

    questions: list
    merged: int = 0
    apart: int = 0
    left_out: int = 0


def merged(questions, places=None, leave_out: bool = False) -> Merged:
    """The questions without repeats: equal text and choices; accepted answers of open ones are put together.

    A set that holds a question twice gives intervals too narrow, and its twins may land on both sides of a selection.

    Args:
        questions: in their order.
        places: {id of the object: where it stands}, for messages.
        leave_out: multiple choice that stands with two answers, and what can and cannot be answered, is left out.

    Raises:
        UserError: there is such a question, and it is not to be left out.
    """
    places, groups = places or {}, {}
    for q in questions:
        key = (" ".join(q.question.split()), tuple(q.choices) if q.choices is not None else None)
        groups.setdefault(key, []).append(q)
    found = Merged([])
    for first, *others in groups.values():
        other = next((q for q in others if _contradicts(first, q)), None)
        if other is not None and not leave_out:
            both = " and ".join(places.get(id(q), q.id) for q in (first, other))
            answers = " and ".join(q.answer or "none, it cannot be answered" for q in (first, other))
            raise UserError(
                f"{both}: one question with two answers ({answers}); mend one, or leave such out with --skip_invalid"
            )
        if other is not None:
            found.left_out += 1 + len(others)
            continue
        found.questions.append(first)
        found.merged += len(others)
        if first.choices is None and not first.should_abstain:
            found.apart += _unite(first, others)
    return found


def _contradicts(one, other) -> bool:
    return one.should_abstain != other.should_abstain or (one.choices is not None and one.answer != other.answer)


def _unite(first, others) -> bool:
    """Puts the answers of ``others`` to those of ``first``; returns whether one of them shares none with it."""
    apart = False
    for q in others:
        have, more = [first.answer, *first.aliases], [q.answer, *q.aliases]
        apart |= not {text.casefold() for text in have} & {text.casefold() for text in more}
        first.aliases += [text for text in dict.fromkeys(more) if text not in have]
    return apart


def numbered_by_file(row: dict, subject: str) -> bool:
    """Puts the subject's name before an id that counts the questions of its own file; whether there is one."""
    found = False
    for name, value in row.items():
        if norm(name) in ID and whole(value) is not None:
            row[name], found = f"{subject}/{whole(value)}", True
    return found


def settled_ids(questions) -> list:
    """What is to be said of ids: those that start again in every subject get the subject's name in front."""
    ids = [q.id for q in questions]
    if len(set(ids)) == len(ids) or len({(q.subject, q.id) for q in questions}) < len(ids):
        return []
    for q in questions:
        q.id = q.id if q.id.startswith(f"{q.subject}/") else f"{q.subject}/{q.id}"
    return [NUMBERED]
