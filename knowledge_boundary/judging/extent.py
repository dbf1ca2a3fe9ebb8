"""Where an answer ends in what a model writes: one and the same cut for what is trained, sampled and evaluated."""

import re

from ..wording.phrases import BEFORE_ANSWER, QUESTION

MARKUP = " \t*_`#>~=-[](){}$\\|"  # a line of these alone says nothing
LEAD_IN = re.compile(rf"(?:{'|'.join(BEFORE_ANSWER)})\W*", re.I)
LEADING = re.compile(
    rf"\s*(?:(?:{'|'.join(BEFORE_ANSWER)})\s*[:：,.!。，]*\s+|(?:{'|'.join(BEFORE_ANSWER)})\s*[:：]\s*)", re.I
)
BOXED = re.compile(r"\\(?:boxed|text|mathrm|textbf|mathbf)\s*\{((?:[^{}]|\{[^{}]*\})*)\}")


def extent(text: str) -> tuple[str, bool]:
    """The answer in what a model has written so far, and whether it is whole.

    It is the first line that says something, with the lead-ins before it ("The correct answer is:"): blank lines and
    lines of markup before it are left out, what comes after it belongs to it no more. A model that goes on with another
    question has not answered.
    """
    *whole, last = text.split("\n")
    kept = []
    for number, line in enumerate([*whole, last]):
        said = line.strip(MARKUP)
        if not said:
            continue
        if not kept and line.startswith(QUESTION.strip()):
            return "", True
        kept.append(line.strip())
        if not (said.endswith((":", "：")) or LEAD_IN.fullmatch(said)):
            return "\n".join(kept), number < len(whole)
    return "\n".join(kept), False


def cut(text: str) -> str:
    """The answer in a whole text (``extent``)."""
    return extent(text)[0]


def bare(text: str) -> str:
    """An answer without what only dresses it: bold, boxes, a lead-in."""
    boxed = BOXED.search(text)
    while BOXED.search(text):
        text = BOXED.sub(r"\1", text)
    if boxed:
        text = text.strip(MARKUP)
    text = re.sub(r"\*\*|__|`", "", text)
    shorter = LEADING.sub("", text, count=1) if LEADING.match(text) else text
    return (shorter if shorter.strip() else text).strip()
