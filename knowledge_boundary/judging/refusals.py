"""Whether an answer declines to answer, and what of it answers."""

import re

from ..wording.phrases import (
    GUESSES,
    OFFERS,
    REFUSAL_FRONTS,
    REFUSAL_SENTENCES,
    REFUSAL_STARTS,
    SURE_QUESTION,
    TURNS_TO_ANSWER,
    UNKNOWN_ANSWERS,
)


def any_of(patterns) -> str:
    """One pattern of several."""
    return "(?:" + "|".join(f"(?:{p})" for p in patterns) + ")"


APOSTROPHES = str.maketrans(dict.fromkeys("‘’ʻʼ`´", "'"))
OPENING = "\"'“”‘*_(「『[ \n"
PAUSE = r"[,.;:!?…。！，：；、—–-]"
WIDE = r"(?<=[\u3000-\u9fff\uff00-\uffef])"  # behind a Chinese character or mark no space is written
END = rf"(?=\s*(?:{PAUSE}|[\"'”*)」]|$)|\s+(?:{TURNS_TO_ANSWER}|and|because|since|sorry)\b)"
# "The answer is unknown" is among REFUSAL_SENTENCES: "The answer is Unknown Pleasures" is no refusal.
UNKNOWN = [re.escape(a.casefold().rstrip(".")) for a in UNKNOWN_ANSWERS if not a.startswith("The answer")]
REFUSAL = re.compile(f"{any_of([*REFUSAL_STARTS, *UNKNOWN])}(?![a-z0-9'])|{any_of(REFUSAL_SENTENCES)}{END}")
FRONT = re.compile(rf"{any_of(REFUSAL_FRONTS)}(?:(?:{PAUSE}|\s)+[\"'*]*|{WIDE})")
LEAD = rf"{any_of(GUESSES)}(?:\s+(?:that|it|the answer)\b(?:'s\b)?)*\s*(?:(?:is|was|be)\b)?是?"
GUESS = re.compile(rf"(?:^\s*|{PAUSE}\s*)(?:(?:{TURNS_TO_ANSWER})[\s,，]*)?(?:{LEAD})|\bbut\s+(?:{LEAD})")
TURN = re.compile(rf"(?:\b|{WIDE})(?:{TURNS_TO_ANSWER})(?:\b|{WIDE})[\s,，]*+(?!{any_of(OFFERS)})")


def before_sure(text: str) -> str:
    """An answer without R-Tuning's question whether the model is sure and what follows; the question may be cut off."""
    sure = SURE_QUESTION.strip()
    at = text.find(sure[: len("Are you sure")])
    rest = text[at:].strip()
    return text[:at] if at > 0 and (rest.startswith(sure) or sure.startswith(rest)) else text


def is_refusal(text: str) -> bool:
    """Whether an answer declines to answer; see ``answering_part``."""
    return answering_part(text) is None


def answering_part(text: str) -> str | None:
    """The part of an answer that answers; None where it declines.

    - It declines if it begins with a refusal, in English or Chinese ("I don't know", R-Tuning's 16, 我不知道), perhaps
      after polite forms or the question said again. "The author is unknown" and "Nobody knows" decline too (R-Tuning).
    - A refusal that goes on to a guess ("I'm not sure, maybe Paris", "I don't know, but it is Paris") answers after
      all: what comes after "maybe" or "but" is its answer.
    - A refusal behind an answer ("Paris, but I'm not sure") takes nothing back.
    """
    text = before_sure(text)
    # One character for one, so that places in it are places in ``text``.
    plain = "".join(c.casefold() if len(c.casefold()) == 1 else c for c in text.translate(APOSTROPHES))
    plain = re.sub(r"\s", " ", plain)
    at = len(plain) - len(plain.lstrip(OPENING))
    while not (refusal := REFUSAL.match(plain, at)):
        front = FRONT.match(plain, at)
        if not front or front.end() == at:
            return text
        at = front.end()
    rest = plain[refusal.end() :]
    for pattern in (GUESS, TURN):
        follows = pattern.search(rest)
        if follows and re.search(r"\w", rest[follows.end() :]):
            return answering_part(text[refusal.end() + follows.end() :].strip())
    return None
