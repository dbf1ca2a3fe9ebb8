"""Which option a multiple-choice answer names: by its letter, by its place, or by its text."""

import re
import unicodedata

from .extent import bare
from .matching import is_one_of, matches
from .statements import THOUGHT
from .words import words_of

# What leads to a letter: "the answer is", "I choose", 选.
LEADS = (
    r"(?:\b(?:answer|option|choice|letter|selection)s?(?:\s+(?:is|would be|must be|should be))?|\b(?:choose|chose|"
    r"pick|picked|select|go with|going"
    r" with|went with|opt for|vote for|bet on|guess|say)|\b(?:so|therefore|thus|hence),?(?:\s+it(?:'s| is|"
    r" must be)?)?|答案(?:应该|应|就)?(?:是|为|選|选)?"
    r"|正确的(?:选项|答案)?是|选项(?:是|为)?|選項(?:是|為)?|(?:应该?|只能|故|所以|因此|我)?(?:选择?|選擇?)|→|=>)"
)
ISOLATED = r"(?<![A-Za-z0-9'’+#-])[(（\[【]?\s?(?:option\s)?([{letters}])\s?[)）\]】]?(?![A-Za-z0-9+#]|['’]\w)"
ORDINALS = {"first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4, "sixth": 5, "last": -1}
CHINESE_PLACE = re.compile(r"第([一二三四五六1-6])(?:个|项|個|項)?(?:选项|選項|答案)?\W*$")
RIGHT = re.compile(
    r"\s*(?:is|was)\s+(?:the\s+)?(?:right|correct|answer|best|true)\b|\s*(?:项|选项)?(?:是|为)?(?:正确|对)", re.I
)
PLACE = re.compile(rf"\bthe ({'|'.join(ORDINALS)})(?: (?:one|option|choice|answer))?\W*$", re.I)
MOSTLY = 0.6  # share of an option's words from which on it is meant
SMALL_WORDS = (
    "it",
    "they",
    "is",
    "are",
    "was",
    "were",
    "of",
    "in",
    "to",
    "and",
    "or",
    "by",
    "that",
    "this",
    "its",
    "their",
    "be",
    "he",
    "she",
)
LAST_SAID = re.compile(
    r"(?:\b(?:it|that|this|answer)(?:'s| is| was| must be)|\b(?:leaves|leaving|so|therefore)|:)\s+([^.,;:]+)", re.I
)
BEHIND = r"\W*(?:吧|呢|啊|项|項|選項|选项)?\W*$"


def chosen_letter(text: str, letters: str) -> str | None:
    """The letter a multiple-choice answer names ("B", "B.", "(B) Paris", "Answer: B", "so I choose B", "选B"), or None.

    None too where it is a word of a sentence ("A dog") or one of several ("A or B").
    """
    text = unicodedata.normalize("NFKC", text)
    final = re.findall(
        rf"[.!?;\n]\s*(?:so,? |thus,? )?(?:the |my )?(?:final |correct )?answer(?: is|:)"
        rf"\W*([{letters}])(?![A-Za-z]|['’]\w)",
        text,
        re.I,
    )
    if final:
        return final[-1].upper()
    lead = r"(?:the\s+)?(?:correct\s+|best\s+)?(?:(?:answer|option|choice|letter|选项|選項|答案)\s*(?:is)?\W*)*"
    found = re.match(rf"\W*{lead}([{letters}])(?![A-Za-z0-9+#]|['’]\w)(.*)", text, re.I | re.S)
    if found:
        letter, rest = found.groups()
        several = re.match(
            rf"\W*(?:/|,|、|和|或者?|还是|与|及|and\b|or\b|&)\W*(?:option\s)?\(?[{letters}](?![A-Za-z])", rest, re.I
        )
        word = letter.upper() in "AI" and re.match(r"\s+(?!is\b|because\b|as\b|since\b)[a-z]", rest)
        if several and said_last(text, letters) is None:
            return None
        denied = re.match(
            r"\s*(?:is|was)?\s*(?:not\b|n't|wrong|incorrect|false)|\s*(?:项|选项)?(?:的?说法)?(?:不|错|有误)|[^.]{0,40}\bplausible",
            rest,
            re.I,
        )
        each = re.findall(r"(?<![A-Za-z])([A-J])(?: is\b| was\b|[:：])", text)
        if len(set(each)) > 1:
            return said_last(text, letters)
        asked = re.match(r"\s*(?:\?|\.{2,}|…)", rest) and said_last(rest, letters)
        if asked:
            return asked
        if not (several or word or denied or (letter.islower() and re.match(r"\s+\w", rest))):
            return letter.upper()
    return said_last(text, letters)


def said_last(text: str, letters: str) -> str | None:
    """The letter that a text comes to: the last one behind "the answer is" and its kind, or the only one in it."""
    own = ISOLATED.replace("{letters}", letters)
    led = list(re.finditer(rf"(?:{LEADS})\s*[:：]?\s*[\"'“*]*{own}", text, re.I))
    if re.search(rf"\b[{letters}]\s+(?:or|and)\s+[{letters}]\b", text) and not led_later(text, letters):
        return None
    right = [m for m in re.finditer(own, text) if RIGHT.match(text, m.end()) and m[1].isupper()]
    if len({m[1] for m in right}) == 1:
        return right[0][1]
    led = [m for m in led if m[1].isupper() or m.end() == len(text.rstrip(" .!。)"))]
    if led:
        last = led[-1]
        if not re.match(
            rf"\W*(?:/|,|、|和|或者?|还是|与|and\b|or\b|&)\W*\(?[{letters}](?![A-Za-z])", text[last.end() :], re.I
        ):
            return last[1].upper()
        return None
    ends = re.search(
        rf"(?:(?i:\b(?:answer|option|choice|letter|it|that)(?:\s+is|'s)?\s*:?)|[是选選为為])\W*([{letters}]){BEHIND}",
        text,
    )
    if ends:
        return ends[1]
    if re.search(rf"\b[{letters}]\s*(?:and|or|&|,|/|、|和|或)\s*[{letters}]\b", text):
        return None
    found = {m[1] for m in re.finditer(own, text) if not (m[1] in "AI" and re.match(r"\s+[a-z]", text[m.end() :]))}
    return found.pop() if len(found) == 1 and not re.search(r"\bnot\b|n't|不", text) else None


def led_later(text: str, letters: str) -> bool:
    """Whether a text that names several letters says behind them which it chooses."""
    several = [m.end() for m in re.finditer(rf"\b[{letters}]\s+(?:or|and)\s+[{letters}]\b", text)]
    return bool(re.search(rf"(?:{LEADS})\W*[{letters}]\b", text[several[-1] :], re.I))


def chosen_option(question, text: str) -> str | None:
    """The letter that a multiple-choice answer names, or that of the one option whose text it gives; None for neither.

    Of options that contain each other ("Paris", "Paris, Texas") the longer one is meant where it is given.
    """
    text = bare(THOUGHT.sub("", text)) or bare(text)
    marked = re.findall(r"^\W*([A-J])\s*[:：)]\s*(?:true|correct|right|yes|✓|✔|✅)\W*$", text, re.I | re.M)
    if len(marked) == 1 and marked[0] in question.letters:
        return marked[0]
    options = dict(zip(question.letters, question.choices, strict=True))
    same = [k for k, option in options.items() if text.strip(" $.") == option.strip(" $.")]
    whole = same or [k for k, option in options.items() if is_one_of(text, [option])]
    if len(whole) == 1 and len(text.strip("() .*")) > 1:
        return whole[0]
    named = chosen_letter(text, question.letters)
    if named:
        return named
    if re.search(r"最后一[个项]", text):
        return question.letters[-1]
    numbered = CHINESE_PLACE.search(text)
    if numbered:
        at = "一二三四五六".find(numbered[1]) if numbered[1] in "一二三四五六" else int(numbered[1]) - 1
        return question.letters[at] if at < len(question.letters) else None
    place = PLACE.search(text)
    if place and not any(place[1].casefold() in option.casefold() for option in options.values()):
        at = ORDINALS[place[1].casefold()]
        return question.letters[at] if -1 <= at < len(question.letters) else None
    for given in (lambda t, o: is_one_of(t, [o]), lambda t, o: matches(t, [o], question.question)):
        found = [k for k, option in options.items() if given(text, option)]
        longest = [k for k in found if not any(matches(options[o], [options[k]]) for o in found if o != k)]
        if len(longest) == 1:
            return longest[0]
    last = LAST_SAID.findall(text)
    if last:
        found = [k for k, option in options.items() if matches(last[-1], [option], question.question)]
        if len(found) == 1:
            return found[0]
    return nearest_option(text, options)


def nearest_option(text: str, options: dict) -> str | None:
    """The letter of the one option whose words an answer has, or that has the answer's, for the greater part."""
    said = {w for w in words_of(text).words if w not in SMALL_WORDS}
    shares = {}
    for letter, option in options.items():
        own = {w for w in words_of(option).words if w not in SMALL_WORDS}
        shares[letter] = len(said & own) / max(1, min(len(said), len(own)))
    best, *others = sorted(shares.values(), reverse=True)
    return (
        max(shares, key=shares.get) if len(said) > 1 and best >= MOSTLY and (not others or others[0] < best) else None
    )
