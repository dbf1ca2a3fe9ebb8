"""Whether an answer is right: matchers of open answers, letters of multiple-choice answers, refusals."""

import re
import unicodedata
from functools import partial

from .extent import bare
from .matching import is_one_of, matches
from .refusals import answering_part, before_sure, is_refusal

MATCHES = ("exact", "contains", "embedding")
# Chosen with all-MiniLM-L6-v2 on world_facts; at cosines of 0.65, 0.7 and 0.75 it takes, of wrong answers of the same
# kind, 7.3, 2.8 and 0.9 %; of right ones, "It is GOLD." 99, 98 and 96 %, "The answer is GOLD." 99, 96 and 84 %.
MATCH_THRESHOLD = 0.7


def matcher(match: str, threshold: float, embed=None):
    """The function ``(question, texts) → [{"correct": bool}]`` that judges answers to an open question.

    A refusal is never correct, unless it is an accepted answer as it stands ("Unknown").

    Args:
        match: ``exact``: the answer is an accepted one, both normalised (SQuAD, TriviaQA); ``contains``: it gives one,
            as a person would judge (``matching.matches``); ``embedding``: its cosine with one is ``threshold`` or more,
            and each verdict has the highest one as ``similarity``.
        threshold: of ``embedding``.
        embed: of ``embedding``: list of texts → array [texts, dimensions] of unit vectors.
    """
    if match == "embedding":
        return partial(similar, threshold=threshold, embed=embed)
    return {"exact": exact, "contains": contains}[match]


def exact(question, texts) -> list:
    """Verdicts: the whole answer is an accepted one."""
    golds = accepted(question)
    return [{"correct": is_one_of(before_sure(t), golds) or is_one_of(bare(before_sure(t)), golds)} for t in texts]


def contains(question, texts) -> list:
    """Verdicts: the answer gives an accepted one."""
    return [{"correct": is_correct(question, text)} for text in texts]


def similar(question, texts, threshold: float, embed) -> list:
    """Verdicts: the answer's embedding is near an accepted one's."""
    golds = accepted(question)
    answers = [bare(before_sure(text)) for text in texts]
    vectors = embed([*answers, *golds])
    nearest = (vectors[: len(answers)] @ vectors[len(answers) :].T).max(axis=1)
    return [
        {"correct": bool(near >= threshold) and judged_part(question, text) is not None, "similarity": float(near)}
        for text, near in zip(texts, nearest, strict=True)
    ]


def accepted(question) -> list:
    """The gold answer and its aliases."""
    return [question.answer, *question.aliases]


def judged_part(question, text: str) -> str | None:
    """The part of an answer to ``question`` that is judged, None where it declines; see ``refusals.answering_part``.

    An accepted answer that reads like a refusal is none where it stands alone, or with its capital ("I Can't Say No").
    """
    whole, part = before_sure(text), answering_part(text)
    if part == whole or question.choices is not None:
        return part
    golds = accepted(question)
    titles = [g for g in golds if g[:1].isupper() and g in whole and is_refusal(g)]
    return whole if titles or is_one_of(whole, golds) else part


def is_correct(question, text: str) -> bool:
    """Whether ``text`` gives an accepted answer to an open ``question``; a refusal never does."""
    part = judged_part(question, text)
    return part is not None and matches(part, accepted(question))


def chosen_letter(text: str, letters: str) -> str | None:
    """The letter a multiple-choice answer names ("B", "B.", "(B) Paris", "Answer: B", "It is B", "选B"), or None.

    None too where it is a word of a sentence ("A dog") or one of several ("A or B").
    """
    text = unicodedata.normalize("NFKC", text)
    lead = r"(?:the\s+)?(?:correct\s+|best\s+)?(?:(?:answer|option|choice|letter|选项|選項)\s*(?:is)?\W*)*"
    found = re.match(rf"\W*{lead}([{letters}])(?![A-Za-z0-9]|['’]\w)(.*)", text, re.I | re.S)
    if not found:
        ends = rf"(?:(?i:\b(?:answer|option|choice|letter|it|that)(?:\s+is|'s)?\s*:?)|[是选選为為])\W*([{letters}])\W*$"
        said = re.search(ends, text)
        return said[1] if said else None
    letter, rest = found.groups()
    several = re.match(rf"\s*(?:/|,|and\b|or\b)\s*\(?[{letters}]\b", rest)
    word = letter.upper() in "AI" and re.match(r"\s+(?!is\b|because\b)[a-z]", rest)
    if several or word or (letter.islower() and re.match(r"\s+\w", rest)):
        return None
    return letter.upper()


def chosen_option(question, text: str) -> str | None:
    """The letter that a multiple-choice answer names, or that of the one option whose text it gives; None for neither.

    Of options that contain each other ("Paris", "Paris, Texas") the longer one is meant where it is given.
    """
    named = chosen_letter(text, question.letters)
    if named:
        return named
    options = dict(zip(question.letters, question.choices, strict=True))
    for given in (is_one_of, matches):
        found = [k for k, option in options.items() if given(text, [option])]
        longest = [k for k in found if not any(matches(options[o], [options[k]]) for o in found if o != k)]
        if len(longest) == 1:
            return longest[0]
    return None


def outcome(question, text: str, match=contains) -> dict:
    """What one answer amounts to: its ``outcome``, and its ``similarity`` where ``match`` finds it.

    ``outcome`` is ``correct``, ``wrong``, ``refused`` or ``unparsed``: an answer with no words in it that is not right,
    or a multiple-choice answer that names neither a letter of the question nor the text of one option.

    Args:
        question: what was asked.
        text: the answer.
        match: a ``matcher``, for open questions.
    """
    part = judged_part(question, text)
    if question.choices is None:
        verdict = match(question, [text])[0]
        correct = verdict.pop("correct")
        parsed = correct or re.search(r"\w", before_sure(text))
    else:
        letter = chosen_option(question, bare(part or ""))
        verdict, correct, parsed = {}, letter == question.answer, letter is not None
    if part is None:
        found = "refused"
    elif not parsed:
        found = "unparsed"
    else:
        found = "correct" if correct else "wrong"
    return {"outcome": found, **verdict}
