"""The halves of a split that has none beside it to evaluate on: ``SPLIT_half1`` and ``SPLIT_half2``."""

import hashlib
import re

from .records import by_subject

MOST_SHOTS = 6  # so that five are left for a question that is one itself


def parted(split: str) -> tuple[str, int | None]:
    """(the whole split, 1 or 2 for the half of it that is asked for, else None)."""
    found = re.fullmatch(r"(.+)_half([12])", split)
    return (found[1], int(found[2])) if found else (split, None)


def named(split: str) -> tuple[str, str]:
    """The names of a split's two halves."""
    return f"{split}_half1", f"{split}_half2"


def _text(question) -> str:
    return " ".join(question.question.casefold().split())


def half_of(question) -> int:
    """1 or 2, by a hash of the question's text alone: equal texts are never in both, whatever else is asked."""
    return 1 + hashlib.sha256(_text(question).encode()).digest()[0] % 2


def halved(questions: list, shots: dict, half: int) -> tuple[list, dict, str]:
    """One half of a split's questions.

    Args:
        questions: of the whole split.
        shots: {subject: few-shot examples}. Without any, the first half's questions are examples for both, those of the
            same subject first; what the other half asks is none else.
        half: 1 or 2.

    Returns:
        The half's questions, its few-shot examples, and what is to be said of it.
    """
    kept = [q for q in questions if half_of(q) == half]
    said = f"{len(kept)} of its {len(questions)} questions, by a hash of their text"
    if any(shots.values()):
        other = {_text(q) for q in questions if half_of(q) != half}
        return kept, {subject: [q for q in qs if _text(q) not in other] for subject, qs in shots.items()}, said
    first = [q for q in questions if half_of(q) == 1 and not q.should_abstain]
    own = by_subject(first)
    examples = {s: [*own.get(s, [])[:MOST_SHOTS], *first[:MOST_SHOTS]] for s in by_subject(kept)}
    return kept, {s: list({id(q): q for q in qs}.values())[:MOST_SHOTS] for s, qs in examples.items()}, said
