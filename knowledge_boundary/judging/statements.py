"""What a longer answer states in the end: behind "the answer is", or as a bare name before all else."""

import itertools
import re

from ..wording.phrases import ABBREVIATIONS
from .words import words_of

THOUGHT = re.compile(r"<think>.*?(?:</think>|$)", re.S | re.I)
ROW = re.compile(r"^\s*\|(.+)\|\s*$", re.M)
RULE = re.compile(r"[\s|:-]*")
# A full stop that ends a sentence, by what stands before it; see ``phrases.ABBREVIATIONS``.
SHORTENED = "|".join((*ABBREVIATIONS, "st", "mt", "dr", "mr", "ms", "no", "vs", "jr", "sr", "ft"))
STOP = re.compile(r"(?<!\b[A-Za-z])[.!?]+[\"”*)]*\s+(?=[\"“*(]*[A-Z\d])|\n+|[。！？]")
ABBREVIATED = re.compile(rf"\b(?:{SHORTENED})$", re.I)
SAID = re.compile(
    r"(?:^|(?<=[.!?;:,，。；\n*\-•>#])|\b(?:so|thus|therefore|hence|and|but|is that|say|makes?)\b,?)[\s*_#>•-]{0,12}"
    r"(?:my |the |your )?(?:(?:final|correct|right|real|actual|true|best|short) )*(?:answer|solution|conclusion|"
    r"result)(?: to [^.:\n]{1,80}?)?[*_]*\s*"
    r"(?:is|was|would be|must be|should be|remains|=|:|：)[*_]*\s*[:：]?"
    r"|(?:正确|最终|标准)?答案(?:应该|应当|就|其实)?(?:是|为|：|:)|【答案】|正确的(?:应该)?是|(?:真正的[^,，。]{0,8}|"
    r"其实|实际上|事实上|明明|应该|应当|却|而)是|実際(?:に)?は|実は|사실은|실제로는|والصحيح(?: أن(?:ها|ه))?|सही उत्तर"
    r"|\b(?:en réalité|en realidad|tatsächlich|in realtà|на самом деле|na verdade|in reality|in truth)\b,?",
    re.I,
)
CORRECTION = re.compile(
    r"(?:^|[.!?。—…-]\s*)(?:(?:oh|no|wait|sorry|actually|hmm)\W+){0,3}"
    r"(?:correction|wait,? no|no,? wait|scratch that|make that|更正|纠正)\W+(?:\s*correction\W+)?",
    re.I,
)
# A first sentence that is only this answers nothing.
NO_NAME = re.compile(
    r"(?:well|hmm*|uh+|um+|let me|oh|ah|ok|okay|sure|yes|no|nope|wrong|right|correct|true|false|great|good|easy|"
    r"interesting|certainly|absolutely|of course|actually|indeed|wait"
    r"|hello|hi|answer|explanation|reasoning|solution|step|note|question|context|summary|first|thanks|sorry|maybe|"
    r"perhaps|probably|not sure|unknown|exactly|definitely)\b",
    re.I,
)
SENTENCE = re.compile(
    r"\b(?:is|was|are|were|has|had|have|be|do|does|did|can|could|will|would|may|might|must|should|it|he|she|they|i|we"
    r"|you|who|which|that|not|n't|or|and|but"
    r"|because|if|when|says?|said|means?)\b|n't|[是为了在有]",
    re.I,
)
LATEST = 8  # statements, and ends of sentences, that are looked at
LONGEST_NAME = 5  # words


def stated(text: str, question: str = "", golds=()) -> str:
    """The part of an answer that is its answer, where it says so itself; else the whole.

    - Behind its thought, if it has one in its text; the last cell of a table.
    - What follows the last "the answer is" (and its kind) up to the end of that sentence.
    - A bare name before all else ("Toronto. Ottawa is often named"; "Vitamin C (not vitamin D)"), which the question
      does not name; not where an accepted answer is more than one sentence.

    Args:
        text: the answer.
        question: what was asked.
        golds: accepted answers; where one has the words that end a sentence, it is no sign of an end.
    """
    text = THOUGHT.sub("", text).strip() or text
    corrected = [m for m in CORRECTION.finditer(text) if re.search(r"\w", text[m.end() :])]
    if corrected and corrected[-1].start():
        text = text[corrected[-1].end() :]
    rows = [row for row in ROW.findall(text) if not RULE.fullmatch(row)]
    if len(rows) > 1:
        text = rows[-1].split("|")[-1].strip() or text
    for said in [*SAID.finditer(text)][: -LATEST - 1 : -1]:
        statement = first_sentence(text[said.end() :], golds)
        if re.search(r"\w", statement):
            return statement
    first = first_sentence(text, golds)
    name, _, rest = first.partition(" (")
    behind = text[text.find(first) + len(first) :]
    listed = re.match(r"\s*(?:\d+[.)]|[-*•])\s", text) and "\n" in text.strip()
    if listed or behind.startswith(("?", "...")) or not any(holds(rest + behind, gold) for gold in golds):
        return text
    name = re.sub(r"[*_#\"“”`>]|[^\w\s.,'-]+$", "", name).strip(" \n-•.,:")
    words = words_of(name).words
    asked = words_of(question).words
    bare = words and len(words) <= LONGEST_NAME and not SENTENCE.search(name) and not NO_NAME.match(name)
    if not bare or "?" in first or all(w in asked for w in words) or first.rstrip().endswith((":", "：")):
        return text
    if rest and any(re.search(r"[(（]", g) or words_of(rest).words == words_of(g).words for g in golds):
        return text
    if not (name[:1].isupper() or name[:1].isdigit()) or (
        rest and re.match(r"(?:or|also|aka|formerly|i\.e|known)\b", rest)
    ):
        return text
    return name


def holds(text: str, gold: str) -> bool:
    """Whether a text has all words of a gold."""
    return bool(text.strip()) and set(words_of(gold).words) <= set(words_of(text).words)


def first_sentence(text: str, golds=()) -> str:
    """A text up to the end of its first sentence that says something; a line that ends in a colon goes on.

    What ends a sentence within one of the ``golds`` ends none ("Yahoo! Inc.").
    """
    text = text.strip().lstrip("*_:： \n")
    whole = [(text.find(g), text.find(g) + len(g)) for g in golds if STOP.search(g) and g in text]
    for stop in itertools.islice(STOP.finditer(text), LATEST):
        before = text[: stop.start()]
        if any(a <= stop.start() < b for a, b in whole):
            continue
        if (
            re.search(r"\w", before)
            and not ABBREVIATED.search(before)
            and not before.rstrip(" *").endswith((":", "："))
        ):
            return before
    return text
