"""The ways to say one accepted answer: other units, initials, a surname, a number whose unit the question names."""

import re
from functools import lru_cache
from typing import NamedTuple

from .dates import MONTHS
from .guesses import state_codes
from .spelling import HAN, plain
from .units import converted, is_unit, named_in
from .words import words_of

# A text with a date whose month may as well be its day.
COMPARABLE = re.compile(r"(?<!\d)(?:0?[1-9]|1[0-2])[/-](?:0?[1-9]|1[0-2])[/-][12]\d{3}(?!\d)")
WHO = re.compile(
    r"\b(?:who|whom|whose|author|writer|president|composer|artist|actor|actress|scientist|inventor|painter|director|"
    r"king"
    r"|queen|singer|poet|physicist|mathematician|astronaut|explorer|novelist|leader|emperor|philosopher|player|"
    r"founder)\b"
    r"|\b(?:qui|quien|quienes|wer|wen|wem|chi|quem|autor|autore|auteur|кто|кем|кого)\b|من|誰|누가|누구|किस|कौन|谁|"
    r"作者|哪位|哪个人|哪一位",
    re.I,
)
YEAR_ASKED = re.compile(r"\b(?:what|which) year\b|哪一?年|何年", re.I)
TITLE = re.compile(
    r"(?:Sir|Dame|Lord|Lady|Dr\.?|Mr\.?|Mrs\.?|Ms\.?|President|King|Queen|Emperor|Pope|Prince|Princess|Professor|"
    r"Prof\.?"
    r"|Saint|General|Captain|Prime Minister)\s+(?=\S+\s+\S)"
)
FOREIGN_ARTICLE = re.compile(
    r"(?:l'|(?:le|la|les|el|los|las|der|die|das|den|dem|am|im|il|lo|gli|o|os|as|um|uma|una|un|une|eine?)\s+)(?=\w{3})",
    re.I,
)
ABOUT = re.compile(
    r"(?:about|approximately|around|roughly|circa|ca?\.|nearly|almost|some|~|≈|约|大约|大概|近)\s*(?=\S)", re.I
)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
COUNTER = re.compile("[个只位名条座人次倍块种层颗本张部届枚篇首国对双匹头棵件场]")
PLACE_ENDING = re.compile(r"(?<=[\u3400-\u9fff]{2})[市省县镇区]$")
SMALL_WORDS = ("of", "and", "the", "for", "in", "on", "to", "de", "a")
PARTICLES = ("van", "von", "de", "da", "di", "la", "le", "der", "den", "al", "bin", "ibn", "del", "della", "du")


class Form(NamedTuple):
    """One way to say an answer: its words; of what kind it is; the first name where it is a surname."""

    words: tuple
    kind: str = "whole"
    first: str = ""


@lru_cache(8192)  # golds come again with every sample
def forms_of(gold: str, question: str = "") -> list:
    """The ways to say a gold.

    - As it is; "second" and other ordinals in words as the number, and as the unit or fraction.
    - A number with a unit in any unit that is exactly equal ("5 km": "5000 m").
    - The number alone (``kind`` "number": no other unit may follow), where the question names its unit, or all else
      that the gold says ("8 legs").
    - A year where a year is asked for and the gold is a whole date.
    - A name's initials ("WHO"), or what these stand for; "Last, First"; without a title; where a person is asked for,
      the surname (``kind`` "surname"), with
      other given names ("spread"), or initials for these.
    - Without what stands in brackets behind it; a Chinese place without 市 or 省.

    Args:
        gold: an accepted answer.
        question: what was asked.
    """
    own = words_of(gold)
    found = [Form(own.words)]
    if any(w[0].isdigit() for w in own.words):
        found.append(Form(words_of(gold, ordinals=False).words))
    if COMPARABLE.search(gold):
        found.append(Form(words_of(gold, day_first=True).words))
    found += [Form(words) for words in converted(own.words)]
    found += numbers(own.words, gold, question)
    if approximate := ABOUT.match(gold):
        found.append(Form(words_of(gold[approximate.end() :]).words))
    if decade := re.fullmatch(r"(?:in )?\d\d(\d0s)", " ".join(own.words)):
        found.append(Form((decade[1],)))
    found += names(gold, own, question)
    if len(own.words) > 1 and own.words[-1] in words_of(question).words:
        found.append(Form((*own.words[:-1], "1")))  # "the green one"
    if foreign := FOREIGN_ARTICLE.match(gold):
        found.append(Form(words_of(gold[foreign.end() :]).words))
    if work := re.fullmatch(r"(.*\w),? (?:No\.?|Number|#|№) ?(\d+)", gold):
        found.append(Form(words_of(f"{work[2]}th {work[1]}").words))
    if work := re.fullmatch(r"(\d+)th (.+)", " ".join(own.words)):
        found += [Form((*work[2].split(), *between, work[1])) for between in ((), ("no",), ("number",))]
    bracket = re.fullmatch(r"(.*\w.*?)\s*[(（][^()（）]*[)）]\s*", gold)
    if bracket:
        found.append(Form(words_of(bracket[1]).words))
    if HAN.search(gold):
        found.append(Form(words_of(PLACE_ENDING.sub("", gold)).words))
        found.append(Form(words_of(gold.strip("《》「」“”\"'。")).words))
    return list({(form.words, form.kind): form for form in reversed(found) if form.words}.values())[::-1]


def numbers(words: tuple, gold: str, question: str) -> list:
    """The number alone, where what else a gold says is asked for."""
    if len(words) > 1 and NUMBER.fullmatch(words[0]):
        asked = words_of(question).words
        rest = words[1:]
        if COUNTER.fullmatch("".join(rest)):
            return [Form(words[:1], "number")]
        if question and all(w in asked or (is_unit(w) and named_in(w, question)) for w in rest):
            return [Form(words[:1], "number")]
    if len(words) > 1 and re.fullmatch(r"\d+th", words[0]) and all(w in words_of(question).words for w in words[1:]):
        return [Form(words[:1])]
    year = next((w for w in words if re.fullmatch(r"[12]\d{3}", w)), None)
    if year and len(words) > 1 and YEAR_ASKED.search(question) and any(m.casefold() in words for m in MONTHS):
        return [Form((year,))]
    ends = [w for w in words if NUMBER.fullmatch(w)]
    if len(ends) == 2 and set(words) <= {*ends, "to", "until", "through", "from", "between", "and"}:
        return [Form((ends[0], *between, ends[1])) for between in ((), ("to",), ("until",), ("through",), ("and",))]
    return []


def names(gold: str, own, question: str) -> list:
    """Other ways to say a name."""
    found = []
    asked = words_of(question).words
    if len(own.words) > 1 and is_name(own.written[0]) and own.words[-1] in asked and len(own.words[0]) > 3:
        found.append(Form(own.words[:-1]))
    if len(own.words) > 1 and is_name(own.written[-1]) and own.words[0] in asked and len(own.words[-1]) > 3:
        found.append(Form(own.words[1:]))
    if generic := re.fullmatch(r"(?:Mount|Mt\.?|River)\s+(\w{4,})|(\w{4,})\s+River", gold):
        found.append(Form(words_of(generic[1] or generic[2]).words))
    if "," in gold and (code := state_codes().get(words_of(gold.rsplit(",", 1)[1]).words)):
        found.append(Form((*words_of(gold.rsplit(",", 1)[0]).words, *code)))
    if TITLE.match(gold):
        found.append(Form(words_of(TITLE.sub("", gold, count=1)).words))
    letters = re.sub(r"\W", "", gold)
    big = [w for w in own.written if w.casefold() not in SMALL_WORDS]
    if 2 <= len(big) <= 8 and all(w[0].isupper() and w.isalpha() for w in big):
        found.append(Form(("".join(w[0] for w in big).casefold(),), "initials"))
    if len(big) < 2 or any(c.isdigit() for c in letters):
        return found
    if "·" in gold and WHO.search(question):
        found.append(Form(words_of(gold.split("·", 1)[1]).words, "surname"))
    if not all(is_name(w) or w in PARTICLES for w in own.written):
        return found
    given = "".join(w[0] for w in own.words[:-1])
    found += [Form((*short, own.words[-1])) for short in dict.fromkeys(((given,), (given[0],), tuple(given)))]
    if own.written[0] not in ("New", "North", "South", "East", "West"):
        found.append(Form((own.words[-1], *own.words[:-1]), "inverted"))
    if WHO.search(plain(question)):
        cut = next((i for i, w in enumerate(own.words) if i and w in PARTICLES), len(own.words) - 1)
        found.append(Form(own.words[cut:], "surname", own.words[0]))
        found.append(Form(own.words[-1:], "surname", own.words[0]))
        found.append(Form(own.words[1:], "surname", own.words[0]))
        found.append(Form((own.words[0], own.words[-1]), "spread"))
        if own.written[0].replace(".", "").isupper() and len(own.words[0]) < 4:
            found.append(Form((own.words[0], own.words[-1]), "initialled"))
    return found


def is_name(written: str) -> bool:
    """Whether a word is written as a name: a capital letter before others, or an initial."""
    return written[:1].isupper()
