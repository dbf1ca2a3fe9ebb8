"""Whether an answer is one of several guesses: "Paris or London", "Paris, London", "10-12"."""

import re
from functools import cache
from itertools import pairwise

import pycountry
from babel import Locale

from .words import UNSPACED, words_of

ALTERNATIVES = ("or", "或", "或者", "或是", "还是")
NO_ALTERNATIVE = ("at", "so", "something", "thereabouts", "not", "more", "less")  # "or so", "whether or not"
LINK = re.compile(
    "either|in|on|at|from|by|its?|is|was|maybe|perhaps|possibly|probably|might|may|could|be|even|else|answer|是|在|可"
    "|能|也"
)
LIST_ENDS = ("and", "和", "与", "及")
COPULAS = ("is", "was", "are", "were", "has", "had", "be")
WINDOW = 60  # words on each side of an answer in which alternatives are looked for
PARTED = re.compile(r",|、|，|;|\n|\band\b|&|\+|\bplus\b|和|与|及|加")
HEDGES = re.compile("maybe|perhaps|possibly|probably|likely|either|potentially|可能|也许|或许|大概")
MAYBE = ("it", "is", "could", "be", "might", "may", "was", "can", "也", "可", "能", "是", "要", "么")
# What no bare name has in it: of a list's part it says that this is a sentence or a description.
SAID = re.compile(
    "is|was|are|were|has|had|have|be|been|who|whom|which|that|because|since|so|where|when|it|he|she|they|i|we|you|"
    "this|its|his"
    "|her|their|by|with|from|as|if|but|not|also|ie|eg|aka|namely|viz|meaning|known|called|do|does|did|can|could|would"
    "|will|不是|并非|不|没|哦|啊|选|应|该|说|的|是|了|在|为|因|也|有|被|我|你|他|她"
)
FILLERS = re.compile(
    "of course|please|indeed|right|sure|certain|i think|i believe|i guess|ok|sir|madam|yes|no|thanks|thank you|again|"
    "too|then"
    "|right there|obviously|naturally|definitely|specifically|etc|jr|sr|inc|ltd|phd|md|junior|senior|esq|co|llc|"
    "\\w+ly|当然|对吧|谢谢|没错"
)
UNSPACED_WORD = re.compile(f"[{UNSPACED}]")
FURTHER = (
    "England,Scotland,Wales,Northern Ireland,Great Britain,Britain,Burma,Holland,Czech Republic,Turkey,Ivory Coast,D.C."
)


@cache
def countries() -> frozenset:
    """Names of countries (Unicode's CLDR), of the states of the United States and of the parts of Britain, as words."""
    names = [name for locale in ("en", "zh") for name in Locale(locale).territories.values()]
    names += [part for name in names for part in re.split("[()（）]", name) if re.search("[(（]", name)]
    names += [name for part in american() for name in (part.name, part.code[3:])]
    return frozenset(words_of(name).words for name in [*names, *FURTHER.split(",")]) - {()}


@cache
def regions() -> frozenset:
    """Names of the world's provinces, counties and their kind (ISO 3166-2), as words."""
    return frozenset(words_of(part.name).words for part in pycountry.subdivisions) - countries()


def locates(name: tuple, own: tuple) -> bool:
    """Whether ``name``, behind ``own`` and a comma, says where that is: "Portland, Oregon", not "France, Spain"."""
    if name in countries():
        return own not in countries()
    return name in regions() and own not in regions() and own not in countries()


def american() -> list:
    """The states of the United States."""
    return pycountry.subdivisions.get(country_code="US")


@cache
def state_codes() -> dict:
    """{a state's name: its postal code}, both as words."""
    return {words_of(part.name).words: words_of(part.code[3:]).words for part in american()}


def same_list(text: str, gold: str) -> bool:
    """Whether a text lists the parts of a gold that is a list, in whatever order: "white, blue and red"."""
    if not (PARTED.search(gold) and PARTED.search(text)):
        return False
    text = re.sub(r"^.*[:：]\s*\n", "", text.strip(), flags=re.S)
    text = re.sub(r"^\s*(?:\d+[.)]|[-*•])\s*", "", text, flags=re.M)
    own, other = (sorted(words_of(part).words for part in PARTED.split(t)) for t in (gold, text))
    own, other = [p for p in own if p], [p for p in other if p]
    return len(own) > 1 and own == other


def hedged(whole, sentences, spans, start: int, end: int, question: str = "") -> bool:
    """Whether the answer at ``start`` to ``end`` is one of several that are not all accepted.

    - Parted by "or" or "/"; a list of three and more closed by "and"; an end of a range of numbers.
    - An answer that is only a list of names of one kind ("Paris, London"; "Paris; London; Rome"). What the question
      names, a place's country or state ("Paris, France") and a description ("Paris, the capital") are none.

    Args:
        whole: the text's ``Words``.
        sentences: where its sentences begin.
        spans: of all accepted answers in it.
        start: the answer's first word.
        end: behind its last.
        question: what was asked.
    """
    words, gaps = whole.words, whole.gaps
    first = max([s for s in sentences if s <= start] + [start - WINDOW])
    last = min([s for s in sentences if s >= end] + [len(words), end + WINDOW])
    return (
        ranged(words, gaps, start, end)
        or between(words, start, end)
        or one_of_alternatives(whole, spans, first, last, start, end)
        or in_closed_list(whole, spans, first, last, start, end)
        or in_bare_list(whole, spans, start, end, question)
    )


def ranged(words, gaps, start: int, end: int) -> bool:
    """Whether a number is one end of a range: "10-12", "10 to 12", "between 10 and 12"."""

    def number(i) -> bool:
        return 0 <= i < len(words) and re.fullmatch(r"\d+(\.\d+)?", words[i]) is not None

    def joined(i) -> bool:  # words[i - 1] and words[i], or over a "to"
        return re.fullmatch(r"\s?[-–—~]\s?", gaps[i]) is not None

    if not (number(start) and number(end - 1)):
        return False
    if (number(end) and joined(end)) or (number(start - 1) and joined(start)):
        return True
    if end < len(words) and words[end] == "to" and number(end + 1):
        return True
    if words[start - 1] == "to" and start > 1 and number(start - 2):
        return True
    between = "between" in words[max(0, start - 3) : start]
    return between and ("and" in words[end : end + 2] or "and" in words[max(0, start - 1) : start])


def between(words, start: int, end: int) -> bool:
    """Whether a name is one of two: "between the Swan and the Heron"."""
    first = words[max(0, start - 1) : start] == ("between",) and "and" in words[end : end + 1]
    return first or (words[start - 1 : start] == ("and",) and "between" in words[max(0, start - 5) : start])


def all_accepted(spans, edges) -> bool:
    """Whether every stretch between ``edges`` that has words has an accepted answer."""
    return all(a >= b or any(a <= s and e <= b for s, e in spans) for a, b in pairwise(edges))


def one_of_alternatives(whole, spans, first: int, last: int, start: int, end: int) -> bool:
    """Whether an answer stands before or behind "or" or "/", with another beside it."""
    words, gaps = whole.words, whole.gaps
    commas = [i for i in range(first + 1, last) if "," in gaps[i] or "、" in gaps[i]]
    # (end of the alternative before, start of the one behind); "and/or" is one word
    cuts = [
        (i - (i > first and words[i - 1] in LIST_ENDS), i + 1)
        for i in range(first, last - 1)
        if words[i] in ALTERNATIVES and words[i + 1] not in NO_ALTERNATIVE
    ]
    cuts += [
        (i, i)
        for i in range(first + 1, last)
        if gaps[i] in ("/", " / ", " | ") and not (words[i][0] + words[i - 1][-1]).isdigit()
    ]
    for before, behind in cuts:
        if "for short" in " ".join(words[behind : behind + 5]):
            continue
        if end <= before:  # the answer, then perhaps a list, then "or"
            inner = [c for c in commas if end <= c <= before]
            if end < before and (inner[:1] != [end] or not is_list(whole, [*inner, before])):
                continue
            stop = min([c for c in commas if c > behind] + [b for b, _ in cuts if b > behind] + [last])
            if not all_accepted(spans, [*(inner or [before]), before]) or not all_accepted(spans, [behind, stop]):
                return True
        elif behind <= start and all(LINK.fullmatch(w) for w in words[behind:start]):
            left = max([c for c in commas if c < before] + [b for _, b in cuts if b < before] + [first])
            if not all_accepted(spans, [left, before]):
                return True
    return False


def in_closed_list(whole, spans, first: int, last: int, start: int, end: int) -> bool:
    """Whether an answer is one of a list of three and more that "and" closes."""
    words, gaps = whole.words, whole.gaps
    commas = [i for i in range(first + 1, last) if "," in gaps[i] or "、" in gaps[i]]
    closing = [i for i in range(first + 1, last - 1) if words[i] in LIST_ENDS and commas and i >= commas[-1]]
    if not closing or start <= closing[-1] < end:
        return False
    edges = [c for c in commas if c < closing[-1]] + [closing[-1], last]
    # The first name has the beginning of the sentence before it ("They are Paris, London and Berlin").
    named = end == edges[0] or any((start, end) == (a + (words[a] in LIST_ENDS), b) for a, b in pairwise(edges))
    if len(edges) < 3 or not named or not is_list(whole, edges):
        return False
    return not all_accepted(spans, edges) or all(e != edges[0] for _, e in spans)


def is_list(whole, edges) -> bool:
    """Whether the stretches between ``edges`` are names in a list: at most three words each, no article, no verb."""
    each = all({"a", "an"} & set(whole.gaps[a].casefold().split()) for a, b in pairwise(edges) if a < b)
    for a, b in pairwise(edges):
        a += whole.words[a] in LIST_ENDS
        own = whole.words[a:b]
        described = not each and {"the", "a", "an"} & set(whole.gaps[a].casefold().split())
        if len(own) > 3 or described or any(w in COPULAS for w in own):
            return False
    return True


def in_bare_list(whole, spans, start: int, end: int, question: str) -> bool:
    """Whether a text is a list of names of one kind, one of which is the answer, and not all accepted."""
    words, gaps = whole.words, whole.gaps
    if len(words) > WINDOW or len(words) == end - start:
        return False
    if any(re.search(r"[?!]", gap) for gap in gaps[:-1]):
        return False
    joined = [i for i, w in enumerate(words) if w in (*LIST_ENDS, *ALTERNATIVES) and 0 < i < len(words) - 1]
    edges = [0, *(i for i in range(1, len(words)) if re.search(r"[,;、\n]| [-–—] ", gaps[i])), *joined, len(words)]
    parts = [stripped(words, a, b) for a, b in pairwise(sorted(set(edges)))]
    parts = [(a, b) for a, b in parts if a < b]
    own = next((p for p in parts if p[0] <= start and end <= p[1] and same_kind_of_name(words, p, (start, end))), None)
    if own is None or len(parts) < 2 or tuple(words) in countries():
        return False
    if own != parts[0] and not bare(whole, parts[0]):
        return False
    asked = words_of(question).words
    for other in parts:
        if other == own or any(other[0] <= s and e <= other[1] for s, e in spans):
            continue
        name = words[other[0] : other[1]]
        if not bare(whole, other) or FILLERS.fullmatch(" ".join(name)):
            return False
        if all(w in asked for w in name) or locates(name, words[own[0] : own[1]]):
            continue
        if kind(whole, other) == kind(whole, own):
            return True
    return False


def stripped(words, a: int, b: int) -> tuple:
    """A part of a list without "and", hedges before it, and, of the first, what leads to it ("It is")."""
    if a == 0:
        leads = [i + 1 for i in range(a, b) if words[i] in (*COPULAS, "answer", "是", "为")]
        a = max(leads, default=a) if b - a > 1 else a
    while a < b and (
        (words[a] in LIST_ENDS and a) or words[a] in (*ALTERNATIVES, *MAYBE) or HEDGES.fullmatch(words[a])
    ):
        a += 1
    return a, b


def same_kind_of_name(words, part: tuple, span: tuple) -> bool:
    """Whether a part of a list is the answer's span and nothing else."""
    return part == span or all(HEDGES.fullmatch(w) for w in (*words[part[0] : span[0]], *words[span[1] : part[1]]))


def bare(whole, part: tuple) -> bool:
    """Whether a part of a list is a name: few words, none of a sentence, no article."""
    a, b = part
    own = whole.words[a:b]
    unspaced = [w for w in own if UNSPACED_WORD.match(w)]
    article = {"the", "a", "an"} & set(whole.gaps[a].casefold().split())
    return (
        len(own) - len(unspaced) <= 4 and len(unspaced) <= 8 and not article and not any(SAID.fullmatch(w) for w in own)
    )


def kind(whole, part: tuple) -> str:
    """Of what kind a name is: a number, of CJK characters, with capitals, or of small words."""
    a, b = part
    written = whole.written[a:b]
    if whole.words[a][0].isdigit():
        return "number"
    if UNSPACED_WORD.match(written[0]):
        return "unspaced"
    if written[0][:1].isupper() and all(w[:1].isupper() or len(w) <= 3 for w in written):
        return "name"
    return "words" if b - a <= 2 and not any(w[:1].isupper() for w in written) else f"described {a}"
