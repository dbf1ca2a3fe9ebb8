"""What an answer amounts to: right, wrong, refused or nothing; matchers of open answers."""

import re
from functools import partial

from . import yes_no
from .choices import chosen_option
from .extent import answers, bare, unwrapped
from .matching import is_one_of, matches
from .refusals import answering_part, before_sure, declines, is_refusal, refuses_late
from .statements import stated
from .words import words_of

# Golds that a text gives in other words: "The date is not known", "It has no moons".
UNKNOWN = re.compile(r"(?:it is |the answer is )?(?:unknown|not known|unclear|undetermined)\.?", re.I)
NOTHING = re.compile(r"(?:none(?: of (?:them|these|the above))?|no one|nobody|nothing|zero|0|never)\.?", re.I)
NOTHING_SAID = re.compile(
    r"\b(?:no|none|nobody|no one|nothing|never|zero|not (?:a|one|any)\b|(?:do|does|did|has|have|had)(?:n't|"
    r" not) (?:have|any|a))\b",
    re.I,
)

MATCHES = ("exact", "contains", "embedding")
# Chosen with all-MiniLM-L6-v2 on world_facts; at cosines of 0.65, 0.7 and 0.75 it takes, of wrong answers of the same
# kind, 7.3, 2.8 and 0.9 %; of right ones, "It is GOLD." 99, 98 and 96 %, "The answer is GOLD." 99, 96 and 84 %.
MATCH_THRESHOLD = 0.7


def matcher(match: str, threshold: float, embed=None):
    """The function ``(question, texts) → [{"correct": bool}]`` that judges answers to an open question.

    A refusal is never correct, unless it is an accepted answer as it stands ("Unknown").

    Args:
        match: ``exact``: the answer is an accepted one, word by word (``words.words_of``); ``contains``: it gives one,
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
    given = [unwrapped(before_sure(text)) for text in texts]
    return [{"correct": is_one_of(text, golds) or is_one_of(bare(text), golds)} for text in given]


def contains(question, texts) -> list:
    """Verdicts: the answer gives an accepted one."""
    return [{"correct": is_correct(question, text)} for text in texts]


def similar(question, texts, threshold: float, embed) -> list:
    """Verdicts: the answer's embedding is near an accepted one's."""
    golds = accepted(question)
    if not golds:
        return [{"correct": False} for _ in texts]
    given = [bare(before_sure(text)) for text in texts]
    vectors = embed([*given, *golds])
    nearest = (vectors[: len(given)] @ vectors[len(given) :].T).max(axis=1)
    return [
        {"correct": bool(near >= threshold) and judged_part(question, text) is not None, "similarity": float(near)}
        for text, near in zip(texts, nearest, strict=True)
    ]


def accepted(question) -> list:
    """The gold answer and its aliases; none of a question that has no answer."""
    return [] if question.answer is None else [question.answer, *question.aliases]


def judged_part(question, text: str) -> str | None:
    """The part of an answer to ``question`` that is judged, None where it declines; see ``refusals.answering_part``.

    What reads like a refusal is none where it is an accepted answer (``is_gold``) or an option (``is_option``). An
    answer that gives no accepted one declines too where it comes to a refusal later (``refuses_late``), or denies
    knowing in whatever words (``declines``).
    """
    whole = unwrapped(before_sure(text))
    whole = bare(whole) if "\\boxed" in whole else whole
    part = answering_part(whole)
    if part != whole:
        own = is_gold(question, whole) if question.choices is None else is_option(question, whole)
        return whole if own else part
    if question.choices is None:
        statement = stated(whole, question.question, accepted(question))
        if statement != whole and answering_part(statement) is None:
            return None
    return None if (refuses_late(whole) or declines(whole)) and not gives_anything(question, whole) else part


def is_gold(question, text: str) -> bool:
    """Whether a text that reads like a refusal is an accepted answer to an open question.

    As it stands; with its capital ("I Can't Say No"), or in another script; at the end of a sentence that is not about
    the speaker ("The author is Unknown"); and "not known" in other words where that is the answer.
    """
    golds = accepted(question)
    if is_one_of(text, golds) or is_one_of(bare(text), golds):
        return True
    alike = [g for g in golds if is_refusal(g)]
    if any(g in text and (g[:1].isupper() or (not g.isascii() and len(g) > 2)) for g in alike):
        return True
    if re.match(r"\W*(?:sorry\W*)?(?:i|we)\b", text, re.I):
        return False
    words = words_of(text).words
    ends = any(g[:1].isupper() and words[-len(words_of(g).words) :] == words_of(g).words for g in alike)
    return ends or any(UNKNOWN.fullmatch(g.strip()) for g in golds)


def is_option(question, text: str) -> bool:
    """Whether a text that reads like a refusal names an option of multiple choice: "A. Unknown", "(B)"."""
    letter = rf"[{question.letters}]"
    named = rf"(?:answer|option|choice|答案|选)(?: is|是)?\s*[:：]?\s*\(?{letter}\)?(?![A-Za-z])|\({letter}\)\W*$"
    if re.search(named, text) or is_one_of(bare(text), question.choices):
        return True
    said = bare(re.sub(rf"^\W*{letter}\s*[.):：]", "", stated(text)))
    return is_one_of(re.sub(r"^(?:it|the answer|this|that)(?:'s| is)?\s+", "", said, flags=re.I), question.choices)


def gives_anything(question, text: str) -> bool:
    """Whether a text with a refusal in it gives an accepted answer, or names an option, all the same."""
    if question.choices is not None:
        return chosen_option(question, text) is not None
    golds = accepted(question)
    if any(yes_no.polarity(gold) is not None for gold in golds) and yes_no.says_at_once(bare(text)):
        return True
    return matches(stated(text, question.question, golds), golds, question.question)


def is_correct(question, text: str) -> bool:
    """Whether ``text`` gives an accepted answer to an open ``question``; a refusal never does.

    To a gold "yes" or "no" it is what the answer says (``yes_no.says``).
    """
    part = judged_part(question, text)
    if part is None:
        return False
    golds = accepted(question)
    meanings = {yes_no.polarity(gold) for gold in golds}
    if meanings & {True, False} and not is_one_of(part, golds):
        said = yes_no.says(bare(part))
        return said in meanings if said is not None else matches(part, golds, question.question)
    if is_one_of(part, golds):
        return True
    part = stated(part, question.question, golds)
    ways = dict.fromkeys((part, bare(part)))
    return (
        any(matches(way, golds, question.question) for way in ways)
        or (any(UNKNOWN.fullmatch(gold.strip()) for gold in golds) and is_refusal(part))
        or (any(NOTHING.fullmatch(gold.strip()) for gold in golds) and bool(NOTHING_SAID.search(part)))
    )


def outcome(question, text: str, match=contains) -> dict:
    """What one answer amounts to: its ``outcome``, and its ``similarity`` where ``match`` finds it.

    ``outcome`` is ``correct``, ``wrong``, ``refused`` or ``unparsed``: an answer with no words in it that is not right,
    or a multiple-choice answer that names neither a letter of the question nor the text of one option.

    Args:
        question: what was asked; of one that has no answer (``should_abstain``) every answer but a refusal is wrong.
        text: the answer.
        match: a ``matcher``, for open questions.
    """
    part = judged_part(question, text)
    if question.choices is None:
        verdict = match(question, [text])[0]
        correct = verdict.pop("correct")
        parsed = correct or answers(bare(unwrapped(before_sure(text))))
    else:
        letter = chosen_option(question, part or "")
        verdict, correct, parsed = {}, letter == question.answer, letter is not None
    if part is None:
        found = "refused"
    elif not parsed:
        found = "unparsed"
    else:
        found = "correct" if correct else "wrong"
    return {"outcome": found, **verdict}
