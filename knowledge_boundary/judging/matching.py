"""Whether an answer in free words gives an accepted one, as a person would judge it."""

import re
from functools import lru_cache

from .denials import denied
from .forms import COMPARABLE, forms_of, is_name
from .guesses import hedged, same_list
from .numerals import in_another_language
from .units import is_unit
from .word_forms import NICKNAMES, misspelt, nearly, same_field
from .words import UNSPACED, words_of

SENTENCE_END = re.compile(r"[!?;\n。]")
UNSPACED_WORD = re.compile(f"[{UNSPACED}]")
# Golds that are also small words stand in a text only as a name, with a capital letter, or at its end.
SMALL_WORD = re.compile("may|march|will|who|she|her|him|you|they|them|us|what|when|where|why|how|all|none|yes")
# What may follow a Chinese name in one word with it: 巴黎市 is 巴黎, 北京大学 is not 北京.
SUFFIXES = re.compile("[市省县区州国族语人式版时年月日号岁元米河江湖岛镇]|先生|女士|教授|博士|总统|国王|皇帝")
CONTINENTS = ("africa", "asia", "europe")  # whose parts are named by a direction
OTHER_NAME = re.compile(
    "New|West|North|South|East|Northern|Southern|Western|Eastern|Upper|Lower|Equatorial|Inner|Outer|Blue|White"
)
MOST = 300  # places of accepted answers that are looked at; a text that repeats one more often says no more
LONGEST_RUN = 20  # characters on each side of a Chinese name that a word may reach to
NUMBERED = re.compile(r"(?:^|\s)(?:\(\d\)|\d[.)]|[-*•])\s", re.M)  # of a list
POSSESSIVE = re.compile("['’]s(?!\\w)")
AFTER_CHRIST = re.compile(r"\b(?:AD|CE|A\.D\.|C\.E\.)(?!\w)")
TITLES = re.compile(
    "baroness|baron|count|countess|earl|viscount|duchess|sultan|tsar|czar|kaiser|comrade|justice|judge|sister|father|"
    "mother|brother"
    "|reverend|rev|bishop|archbishop|cardinal|rabbi|sheikh|imam|first|former|late|great|president|king|queen|prince|"
    "princes|princess|emperor|pope|saint|sir|dame|lord|lady|doctor|mr|mrs|ms|miss|professor"
    "|general|captain|colonel|admiral|chancellor|senator|author|poet|painter|composer|scientist|by|and|minister|duke|"
    "chief"
)


def matches(text: str, accepted, question: str = "") -> bool:
    """Whether ``text`` gives one of the ``accepted`` answers, as a person would decide from the text alone.

    - The answer's words stand in it as whole words, in order (see ``words_of`` for numbers, dates, units and spellings,
      ``forms_of`` for what else says the same), in CJK text as characters in order, not within a longer word (东京都
      is not 京都). Golds of one or two letters ("In", "OR") and of one CJK character must be the whole answer, or be
      set off: at the end, before a mark at the start, in quotes. Golds that are small words ("May", "The Who") too, or
      have their capital letter.
    - It is not denied (``denials.denied``), nor one of several guesses (``guesses.hedged``).
    - A text that is an accepted answer as it stands is always right ("To Be or Not to Be").

    Args:
        text: the model's answer, without what does not answer (``refusals.answering_part``).
        accepted: the gold answer and its aliases.
        question: what was asked; a unit, a place or a kind of thing that it names need not be said again.
    """
    if is_one_of(text, accepted) or any(same_list(text, gold) for gold in accepted):
        return True
    if len(NUMBERED.findall(text)) > 1:
        text = NUMBERED.sub("\n", text).strip()
    readings = [words_of(text)] + ([words_of(text, day_first=True)] if COMPARABLE.search(text) else [])
    if POSSESSIVE.search(text):
        readings.append(words_of(POSSESSIVE.sub("", text)))
    return any(gives(whole, accepted, question) for whole in readings)


def gives(whole, accepted, question: str) -> bool:
    """``matches`` for one reading of the text, as ``Words``."""
    spans = [span for gold in accepted for span in spans_of(whole, gold, question)]
    if not spans:
        return False
    sentences = sentence_starts(whole)
    asks = any("?" in gold for gold in accepted)
    return any(
        not denied(whole, sentences, spans, start, end, question, asks)
        and not hedged(whole, sentences, spans, start, end, question)
        for start, end in spans[:MOST]
    )


def is_one_of(text: str, accepted) -> bool:
    """Whether ``text`` is one of the ``accepted`` answers, word by word; signs ("∞") as they are."""
    own = words_of(text).words
    if (own and not own[0].isascii()) or len(own) < 4:
        number = in_another_language(text)
        if number is not None and any(words_of(gold).words == (number,) for gold in accepted):
            return True
    return any(own == words_of(gold).words if own else text.strip() == gold.strip() != "" for gold in accepted)


@lru_cache(4096)  # golds come again with every sample
def small(gold: str, words: tuple) -> bool:
    """Whether a gold may also be a word, or a part of one, and must be set off."""
    name = gold.strip()
    letters = len(name) <= 2 and name.isascii() and any(c.isalpha() for c in name) and name not in ("US", "UK")
    return len(words) == 1 and bool(letters or SMALL_WORD.fullmatch(words[0]) or UNSPACED_WORD.fullmatch(words[0]))


def spans_of(whole, gold: str, question: str = "") -> list:
    """[(first word, behind the last)] of a gold in the words of a text."""
    spans = {}
    for form in forms_of(gold, question):
        where = places if form.kind not in ("spread", "initialled") else given_names
        for start, end in where(whole.words, form.words):
            if whole.words[end : end + 1] == ("bc",) and AFTER_CHRIST.search(gold):
                continue
            if form.kind == "number" and end < len(whole.words) and is_unit(whole.words[end]):
                continue  # "8 miles" for 8 km
            if form.kind == "surname" and not is_surname(whole, start, form.first):
                continue
            if "-" not in gold and joined_name(whole, start, end):
                continue
            if where is given_names and not all(is_name(w) for w in whole.written[start:end]):
                continue
            if form.kind != "surname" and not gold_has(gold, whole, start) and another_name(whole, start):
                continue
            if form.kind == "inverted" and "," not in whole.gaps[start + 1]:
                continue
            if form.kind == "initials" and not "".join(whole.written[start:end]).replace(".", "").isupper():
                continue
            if form.kind == "whole" and small(gold, form.words) and not set_off(whole, gold.strip(), start, end):
                continue
            if UNSPACED_WORD.match(whole.words[start]) and not own_word(whole, start, end):
                continue
            spans[start, end] = None
    if not spans and len(words_of(gold).words) == 1:
        (own,) = words_of(gold).words
        asked = words_of(question).words  # "The main language of France is Occitan" does not give French
        fields = (i for i, w in enumerate(whole.words) if len(w) > 3 and w not in asked and same_field(w, own))
        spans = {(i, i + 1): None for i in fields}
    return list(spans) or misspelt_spans(whole, words_of(gold))


def misspelt_spans(whole, gold) -> list:
    """Where a gold stands with one of its names misspelt; both as ``Words``."""
    words, wanted = whole.words, gold.words
    names = all(map(is_name, gold.written))  # of "Libyan dinar" and "Libyan denar" each may be meant
    if not wanted or max(map(len, wanted)) < 5:
        return []
    return [
        (i, i + len(wanted))
        for i in range(len(words) - len(wanted) + 1)
        if words[i : i + len(wanted)] != wanted
        and all(
            a == b or misspelt(a, b) or (names and len(wanted) > 1 and (nearly(a, b) or NICKNAMES.get(a) == b))
            for a, b in zip(words[i : i + len(wanted)], wanted, strict=True)
        )
    ]


def given_names(words: tuple, wanted: tuple):
    """Where a first and a last name stand with one to three given names between them; initials as these names'."""
    first, last = wanted
    for end, word in enumerate(words):
        if word == last:
            for start in range(max(0, end - 4), end - 1):
                if words[start] == first or (
                    len(first) == end - start and "".join(w[0] for w in words[start:end]) == first
                ):
                    yield start, end + 1


def joined_name(whole, start: int, end: int) -> bool:
    """Whether a hyphen makes the name at ``start`` part of another: "Austria-Hungary"; "Paris-based" is none."""
    before, behind = whole.gaps[start] == "-" and start > 0, whole.gaps[end] == "-" and end < len(whole.words)
    return (behind and is_name(whole.written[end])) or (before and is_name(whole.written[start - 1]))


def gold_has(gold: str, whole, start: int) -> bool:
    """Whether the word before ``start`` is part of the gold."""
    return start == 0 or whole.words[start - 1] in words_of(gold).words


def another_name(whole, start: int) -> bool:
    """Whether the word before makes another name: "New York" for York, "West Virginia" for Virginia.

    A part of a continent lies in it: "West Africa"; South Africa is a country.
    """
    before, name = whole.written[start - 1], whole.words[start]
    if name in CONTINENTS and (before.lower(), name) != ("south", "africa"):
        return False
    names = OTHER_NAME.fullmatch(before) and before[0].isupper() and whole.written[start][0].isupper()
    return bool(names or (before == "sea" and whole.gaps[start] == " ")) and whole.gaps[start].isspace()


def places(words: tuple, wanted: tuple):
    """Where ``wanted`` stands in ``words``: word by word, or, of letters alone, written otherwise: "Spiderman"."""
    line, target = f" {' '.join(words)} ", f" {' '.join(wanted)} "
    at = line.find(target)
    while at >= 0:
        start = line.count(" ", 0, at)
        yield start, start + len(wanted)
        at = line.find(target, at + 1)
    joined = "".join(wanted)
    if len(joined) < 4 or not joined.isascii() or not joined.isalpha() or joined not in "".join(words):
        return
    for start, word in enumerate(words):
        if word and joined.startswith(word) and words[start : start + len(wanted)] != wanted:
            end, so_far = start + 1, word
            while end < len(words) and len(so_far) < len(joined):
                so_far += words[end]
                end += 1
            if so_far == joined:
                yield start, end


def is_surname(whole, start: int, first: str) -> bool:
    """Whether a last name at ``start`` stands alone, or behind a title or a short form of the ``first`` name."""
    if start == 0 or not is_name(whole.written[start - 1]) or whole.gaps[start].strip(" ."):
        return True
    before = whole.words[start - 1]
    return (
        bool(TITLES.fullmatch(before))
        or NICKNAMES.get(before) == first
        or (first.startswith(before[:2]) and len(before) < max(len(first), 2))
    )


def own_word(whole, start: int, end: int) -> bool:
    """Whether CJK characters are words of their own where they stand, by a Chinese dictionary: 京都, not 东京都."""
    left, right = start, end
    while left > start - LONGEST_RUN and left and whole.gaps[left] == "" and UNSPACED_WORD.match(whole.words[left - 1]):
        left -= 1
    while (
        right < min(len(whole.words), end + LONGEST_RUN)
        and whole.gaps[right] == ""
        and UNSPACED_WORD.match(whole.words[right])
    ):
        right += 1
    if (left, right) == (start, end):
        return True
    first = sum(len(w) for w in whole.words[left:start])
    behind = first + sum(len(w) for w in whole.words[start:end])
    at = 0
    for part in segments("".join(whole.words[left:right])):
        if at < first < at + len(part):
            return False
        if at < behind < at + len(part):
            return bool(SUFFIXES.fullmatch(part[behind - at :]))
        at += len(part)
    return True


@lru_cache(4096)
def segments(run: str) -> tuple:
    """A run of Chinese characters as the words that a dictionary finds in it."""
    import rjieba

    return tuple(rjieba.cut(run, False))


def set_off(whole, gold: str, start: int, end: int) -> bool:
    """Whether a gold that may also be a word, or a part of one, stands in a text as an answer."""
    before, after = whole.gaps[start], whole.gaps[end]
    first, last = start == 0, end == len(whole.words)
    if first and last:
        return True
    if UNSPACED_WORD.match(gold):
        return (first or before != "" or whole.words[start - 1] in tuple("是为叫即")) and (last or after != "")
    opened, name, closed = re.fullmatch(r"([^\w.]*)(?:(?:the|an?)\s+)?(.*?)[\s.]*([^\w.]*)", gold, re.I | re.S).groups()
    written = " ".join(whole.written[start:end])
    if SMALL_WORD.fullmatch(name.casefold()):
        if not first and written == name and name[0].isupper():
            return True
    elif written.replace(".", "") != (name + closed * (closed in ("+", "-", "#", "++"))).replace(".", ""):
        return False
    if (closed not in ("+", "-", "#", "++") and not after.startswith(closed)) or not before.endswith(opened):
        return False
    opening = re.match(r"\s*[.,;:(–—]|\s+-\s", after) or whole.words[end : end + 1] == ("is",)
    quoted = re.search(r"[\"“*(]$", before) and re.match(r"[\"”*)]", after)
    return last or bool((first and opening) or quoted)


def sentence_starts(whole) -> list:
    """The places between words where a sentence begins; no full stop of "Dr. Smith" or "D.C. or" begins one."""

    def begins(i) -> bool:
        before = whole.written[i - 1]
        long = len(before) > 2 or (before.islower() and before not in ("no", "vs", "st", "dr", "mt"))
        capital = not whole.written[i][0].islower() or re.search(r"\.\s+(?:A|An|The)\b", whole.gaps[i])
        stop = "." in whole.gaps[i] and long and capital
        return i == 0 or stop or bool(SENTENCE_END.search(whole.gaps[i]))

    return [i for i in range(len(whole.words)) if begins(i)]
