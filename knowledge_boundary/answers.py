"""Open answers: normalising, matching, recognising a refusal; letters of multiple-choice answers."""

import re
import string
import unicodedata

from .prompts import APOLOGY, REFUSAL_STARTS, REFUSAL_WORDS, UNKNOWN_ANSWERS

# A last "a" is a name ("vitamin A"), not an article.
ARTICLES = re.compile(r"\b(an|the)\b|\ba\b(?= )")
# Apostrophes of all kinds join; letters that no accent can be taken from.
LETTERFORMS = str.maketrans(
    dict.fromkeys("‘’ʻʼ`´", "'") | {"ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe"}
)
WITHIN_NUMBERS = re.compile(r"(?<=\d),(?=\d{3})|\.(?!\d)|(?<!\d)\.")  # "1,000"; every full stop but a decimal point


def normalise(text: str) -> str:
    """Lower case without accents, punctuation, articles and extra spaces (SQuAD's and TriviaQA's normalisation)."""
    text = unicodedata.normalize("NFKD", text.translate(LETTERFORMS)).casefold().translate(LETTERFORMS)
    text = "".join(c for c in text if not unicodedata.combining(c)).replace("&", " and ")
    # An apostrophe or a full stop joins ("don't", "D.C."); every other mark parts.
    text = WITHIN_NUMBERS.sub("", text.replace("'", ""))
    text = "".join(" " if c != "." and unicodedata.category(c)[0] in "PS" else c for c in text)
    return " ".join(ARTICLES.sub(" ", " ".join(text.split())).split())


def is_refusal(text: str) -> bool:
    """Whether an answer declines to answer: "I don't know", R-Tuning's 16 refusals, their Chinese kin."""
    text = " ".join(text.casefold().translate(LETTERFORMS).split())
    text = re.sub(APOLOGY, "", text.lstrip("\"'“*_(「 "))
    if text.strip("\"'”*_)」 .!。") in REFUSAL_WORDS:
        return True
    return text.startswith(REFUSAL_STARTS) or text.startswith(tuple(a.casefold().rstrip(".") for a in UNKNOWN_ANSWERS))


def matches(text: str, accepted) -> bool:
    """Whether ``text`` gives one of the ``accepted`` answers: its words stand in it, as whole words, in order.

    Golds of one or two letters (chemical symbols, postal codes) are often words too ("In", "OR"): they must be the
    whole answer, or stand as they are written at its end or before a mark at its start.

    Args:
        text: the model's answer.
        accepted: the gold answer and its aliases.
    """
    words = f" {normalise(text)} "
    return any(short_match(text, gold) if is_short(gold) else f" {normalise(gold)} " in words for gold in accepted)


def is_short(gold: str) -> bool:
    """Whether a gold is one or two ASCII letters, which may be a word too; numbers and 北京 cannot."""
    gold = gold.strip()
    return len(gold) <= 2 and gold.isascii() and not gold.isdigit()


def short_match(text: str, gold: str) -> bool:
    """``matches`` for a gold of one or two characters."""
    text, gold = text.strip(), gold.strip()
    if gold.casefold() in (text.strip(string.punctuation + "“”‘’ ").casefold(), text.replace(".", "").casefold()):
        return True
    exact = re.escape(gold)
    at_start, quoted, at_end = (
        rf"^{exact}\s*(?:[.,;:(–—]|-\s|is\b)",
        rf"[\"“*(]{exact}[\"”*)]",
        rf"(?<!\w)(?<!\w[’']){exact}\W*$",
    )
    return bool(re.search(f"{at_start}|{quoted}|{at_end}", text))


def is_correct(question, text: str) -> bool:
    """Whether ``text`` answers an open ``question``; a refusal never does."""
    return not is_refusal(text) and matches(text, [question.answer, *question.aliases])


def chosen_letter(text: str, letters: str) -> str | None:
    """The letter a multiple-choice answer begins with ("B", "B.", "(B) Paris", "Answer: B", "**B**"), or None.

    None too where it is a word of a sentence ("A dog") or one of several ("A or B").
    """
    lead = r"(?:the\s+)?(?:correct\s+|best\s+)?(?:(?:answer|option|choice)\s*(?:is)?\W*)*"
    found = re.match(rf"\W*{lead}([{letters}])\b(?!['’]\w)(.*)", text, re.I | re.S)
    if not found:
        return None
    letter, rest = found.groups()
    several = re.match(rf"\s*(?:/|,|and\b|or\b)\s*\(?[{letters}]\b", rest)
    word = letter.upper() in "AI" and re.match(r"\s+(?!is\b|because\b)[a-z]", rest)
    if several or word or (letter.islower() and re.match(r"\s+\w", rest)):
        return None
    return letter.upper()


def outcome(question, text: str) -> str:
    """``correct``, ``wrong``, ``refused`` or ``unparsed``: what one answer amounts to.

    An answer with no words in it is unparsed; so is a multiple-choice answer that names no letter of the question.
    """
    if is_refusal(text):
        return "refused"
    if question.choices is None:
        if not re.search(r"\w", text):
            return "unparsed"
        return "correct" if is_correct(question, text) else "wrong"
    letter = chosen_letter(text, question.letters)
    if letter is None:
        return "unparsed"
    return "correct" if letter == question.answer else "wrong"
