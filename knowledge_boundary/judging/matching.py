"""Whether an answer in free words gives an accepted one, as a person would judge it: words, negations, hedges."""

import re
from functools import lru_cache
from itertools import pairwise

from .words import UNSPACED, normalise, words_of

SENTENCE_END = re.compile(r"[!?;\n。]")
CLAUSE_END = re.compile(r"[,:—–、\n!?;。]")
UNSPACED_WORD = re.compile(f"[{UNSPACED}]")
COUNTRIES = ("US", "UK")  # read as the country's name
# Golds that are also small words stand in a text only as a name, with a capital letter, or at its end.
SMALL_WORD = re.compile("may|march|will|who|she|her|him|you|they|them|us|what|when|where|why|how|all|none|yes")

NEGATION = re.compile(
    "not|never|neither|nor|cannot|cant|(is|was|are|were|ai|do|does|did|wo|would|could|should|ha[sd]|have)nt"
    "|不是|並非|并非|绝非|絕非"
)
# What follows a negation that denies nothing of what comes after.
NO_DENIAL = ("only", "just", "merely", "simply", "until", "know", "sure", "certain", "doubt", "forget")
TURNS = ("but", "whereas", "instead", "而是", "但是")
ANY_BUT = re.compile("any(thing|one|body|where)?|every(thing|one|where)|all")
EXCEPT = re.compile(r"\b(except|excluding|unlike|besides|(rather|other) than|instead of)( \S+)?$|除了?$")
IS_NOT = re.compile(r"((is|was|are|were)(nt| not)|不是|並非|并非) ")
SCOPE = 5  # words that a negation reaches
ALTERNATIVES = ("or", "或", "或者", "或是", "还是", "還是")
NO_ALTERNATIVE = ("so", "something", "thereabouts", "not")  # "or so", "whether or not"
LINK = re.compile("either|in|on|at|from|by|its?|is|was|maybe|perhaps|possibly|probably|even|else|answer|是|在")
LIST_ENDS = ("and", "和")
COPULAS = ("is", "was", "are", "were", "has", "had")


def matches(text: str, accepted) -> bool:
    """Whether ``text`` gives one of the ``accepted`` answers, as a person would decide from the text alone.

    - The answer's words stand in it as whole words, in order (see ``words_of`` for numbers and dates), in CJK text as
      characters in order. Golds of one or two letters ("In", "OR") and of one CJK character must be the whole answer,
      or be set off: at the end, before a mark at the start, in quotes. Golds that are small words ("May", "The Who")
      too, or have their capital letter.
    - It is not denied: within five words behind "not", "isn't", "anything but", 不是 and their kind in the same clause,
      or before "is not the".
    - It is not one of several alternatives: parted by "or" or "/", or a list of three and more closed by "and", unless
      every one of them is accepted. A comma alone parts a place from its country, and "and" alone may join one name, so
      neither is held against an answer.
    - A text that is an accepted answer as it stands is always right ("To Be or Not to Be").

    Args:
        text: the model's answer, without what does not answer (``refusals.answering_part``).
        accepted: the gold answer and its aliases.
    """
    if is_one_of(text, accepted):
        return True
    whole = words_of(text)
    spans = [span for gold in accepted for span in spans_of(whole, gold)]
    if not spans:
        return False
    sentences = sentence_starts(whole)
    return any(not denied(whole, sentences, *span) and not hedged(whole, sentences, spans, *span) for span in spans)


def is_one_of(text: str, accepted) -> bool:
    """Whether ``text`` is one of the ``accepted`` answers, both normalised; signs ("£") as they are."""
    plain = normalise(text)
    return any(plain == normalise(gold) if plain else text.strip() == gold.strip() != "" for gold in accepted)


@lru_cache(4096)  # golds come again with every sample
def forms(gold: str) -> list:
    """[(words of a gold, whether they must be set off)].

    "second" and other ordinals in words have two forms: the number, and the unit or fraction.
    """
    own, name = words_of(gold).words, gold.strip()
    letters = len(name) <= 2 and name.isascii() and any(c.isalpha() for c in name) and name not in COUNTRIES
    small = len(own) == 1 and bool(letters or SMALL_WORD.fullmatch(own[0]) or UNSPACED_WORD.fullmatch(own[0]))
    counted = any(w[0].isdigit() for w in own)
    ways = dict.fromkeys((own, words_of(gold, ordinals=False).words) if counted else (own,))
    return [(words, small) for words in ways if words]


def spans_of(whole, gold: str) -> list:
    """[(first word, behind the last)] of a gold in the words of a text."""
    line, spans = f" {' '.join(whole.words)} ", []
    for words, small in forms(gold):
        wanted = f" {' '.join(words)} "
        at = line.find(wanted)
        while at >= 0:
            start = line.count(" ", 0, at)
            end = start + len(words)
            if not small or set_off(whole, gold.strip(), start, end):
                spans.append((start, end))
            at = line.find(wanted, at + 1)
    return spans


def set_off(whole, gold: str, start: int, end: int) -> bool:
    """Whether a gold that may also be a word, or a part of one, stands in a text as an answer."""
    before, after = whole.gaps[start], whole.gaps[end]
    first, last = start == 0, end == len(whole.words)
    if first and last:
        return True
    if UNSPACED_WORD.match(gold):
        return (first or before != "" or whole.words[start - 1] in tuple("是为為叫即")) and (last or after != "")
    opened, name, closed = re.fullmatch(r"([^\w.]*)(?:(?:the|an?)\s+)?(.*?)[\s.]*([^\w.]*)", gold, re.I | re.S).groups()
    written = " ".join(whole.written[start:end])
    if SMALL_WORD.fullmatch(name.casefold()):
        if not first and written == name and name[0].isupper():
            return True
    elif written.replace(".", "") != name.replace(".", ""):
        return False
    if not before.endswith(opened) or not after.startswith(closed):
        return False
    opening = re.match(r"\s*[.,;:(–—]|\s+-\s", after) or whole.words[end : end + 1] == ("is",)
    quoted = re.search(r"[\"“*(]$", before) and re.match(r"[\"”*)]", after)
    return last or bool((first and opening) or quoted)


def sentence_starts(whole) -> list:
    """The places between words where a sentence begins; no full stop of "Dr. Smith" or "D.C. or" begins one."""

    def begins(i) -> bool:
        stop = "." in whole.gaps[i] and len(whole.written[i - 1]) > 2 and not whole.written[i][0].islower()
        return i == 0 or stop or bool(SENTENCE_END.search(whole.gaps[i]))

    return [i for i in range(len(whole.words)) if begins(i)]


def denied(whole, sentences, start: int, end: int) -> bool:
    """Whether the answer at ``start`` to ``end`` is negated: "not Paris", "anything but Paris", "Paris is not the"."""
    words, gaps = whole.words, whole.gaps
    for i in range(start - 1, max(start - 1 - SCOPE, -1), -1):
        if i + 1 in sentences or CLAUSE_END.search(gaps[i + 1]):
            break
        if words[i] == "but" and i and ANY_BUT.fullmatch(words[i - 1]):
            return True
        if words[i] in TURNS or (NEGATION.fullmatch(words[i]) and words[i + 1] in NO_DENIAL):
            break
        if NEGATION.fullmatch(words[i]):
            return True
    if start and EXCEPT.search(" ".join(words[max(start - 3, 0) : start])) and start not in sentences:
        return not CLAUSE_END.search("".join(gaps[max(start - 1, 0) : start + 1]))
    if CLAUSE_END.search(gaps[end]) or end in sentences:
        return False
    follows = IS_NOT.match(" ".join(words[end : end + 2]) + " ")
    if not follows:
        return False
    # "Paris is not the capital" denies; "London is not in France" may be the answer.
    behind = end + follows[0].count(" ")
    return not follows[0].isascii() or "the" in gaps[behind].split() or words[behind : behind + 1] == ("it",)


def hedged(whole, sentences, spans, start: int, end: int) -> bool:
    """Whether the answer at ``start`` to ``end`` is one of several that are not all accepted (``spans``)."""
    words, gaps = whole.words, whole.gaps
    first, last = max(s for s in sentences if s <= start), min([s for s in sentences if s >= end] + [len(words)])
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
        if gaps[i] in ("/", " / ") and not (words[i][0] + words[i - 1][-1]).isdigit()
    ]

    def all_accepted(edges) -> bool:
        """Whether every stretch between ``edges`` that has words has an accepted answer."""
        return all(a >= b or any(a <= s and e <= b for s, e in spans) for a, b in pairwise(edges))

    for before, behind in cuts:
        if end <= before:  # the answer, then perhaps a list, then "or"
            inner = [c for c in commas if end <= c <= before]
            if end < before and (inner[:1] != [end] or not is_list(whole, [*inner, before])):
                continue
            stop = min([c for c in commas if c > behind] + [b for b, _ in cuts if b > behind] + [last])
            if not all_accepted([*(inner or [before]), before]) or not all_accepted([behind, stop]):
                return True
        elif behind <= start and all(LINK.fullmatch(w) for w in words[behind:start]):
            left = max([c for c in commas if c < before] + [b for _, b in cuts if b < before] + [first])
            if not all_accepted([left, before]):
                return True
    closing = [i for i in range(first + 1, last - 1) if words[i] in LIST_ENDS and commas and i >= commas[-1]]
    if not closing or start <= closing[-1] < end:
        return False
    edges = [c for c in commas if c < closing[-1]] + [closing[-1], last]
    # The first name has the beginning of the sentence before it ("They are Paris, London and Berlin").
    named = end == edges[0] or any((start, end) == (a + (words[a] in LIST_ENDS), b) for a, b in pairwise(edges))
    if len(edges) < 3 or not named or not is_list(whole, edges):
        return False
    return not all_accepted(edges) or all(e != edges[0] for _, e in spans)


def is_list(whole, edges) -> bool:
    """Whether the stretches between ``edges`` are names in a list: at most three words each, no article, no verb."""
    for a, b in pairwise(edges):
        a += whole.words[a] in LIST_ENDS
        own = whole.words[a:b]
        described = {"the", "a", "an"} & set(whole.gaps[a].casefold().split())
        if len(own) > 3 or described or any(w in COPULAS for w in own):
            return False
    return True
