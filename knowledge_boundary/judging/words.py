"""Texts as words: what is the same word to a reader becomes the same word here."""

import re
from collections import namedtuple
from functools import lru_cache

from . import dates, numerals
from .spelling import one_spelling, plain
from .units import with_units

# Scripts without spaces, or with endings joined to the name: every character is a word.
UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    r"\u3005\u3007\u3041-\u30fa\u30fc-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"  # Chinese, Japanese, Korean
)
SIGN = r"(?<![\w.)\]%])-(?=\.?\d)"
CHINESE_WORDS = "不是|并非|绝非|不仅|不只|不单|而是|但是|或者|或是|还是|除了"
LETTER = rf"(?:[^\W_{UNSPACED}]|[\u0900-\u0963\u0966-\u0dff])"
# "C++", "F#", "O-": signs that belong to a name.
NAME_SIGN = r"(?:\+{1,2}(?![\w+])|#(?![\w#])|(?<![^\W_]{3})(?<=[A-Za-z])-(?![\w-]|\s*\d))?"
WORD = re.compile(rf"{CHINESE_WORDS}|[{UNSPACED}]|{SIGN}|{LETTER}+(?:(?:'|\.){LETTER}+)*{NAME_SIGN}")
GROUPS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
# "1,000"; every full stop but a decimal point.
WITHIN_NUMBERS = re.compile(r"(?<=\d),(?=\d{3})|\.(?!\d)|(?<=[^\W\d])\.")
# (one of these stands in a text that it changes, what is rewritten, how)
REWRITTEN = (
    ("U", re.compile(r"(?<![\w.])U(?:\.\s?)?S\.?(?:A\b\.?)?(?!\w|\.\w|\$)"), "United States"),
    ("U", re.compile(r"(?<![\w.])U\.?K\.?(?!\w|\.\w)"), "United Kingdom"),
    ("u", re.compile(r"^\W*(?:the )?uk\W*$"), "United Kingdom"),
    ("u", re.compile(r"^\W*(?:the )?usa\W*$"), "United States"),
    ("U", re.compile(r"\b(United States) of America\b"), r"\1"),
    ("U", re.compile(r"\bUnited Kingdom of Great Britain and Northern Ireland\b"), "United Kingdom"),
    ("wW", re.compile(r"\bWW\s?(?:II|2)\b|\b(?:[Ss]econd|2nd) [Ww]orld [Ww]ar\b"), "World War 2"),
    ("wW", re.compile(r"\bWW\s?(?:I|1)\b|\b(?:[Ff]irst|1st) [Ww]orld [Ww]ar\b"), "World War 1"),
    (".", re.compile(r"\b([A-Z])\.\s+(?=[A-Z](?:\.|$))"), r"\1."),  # J. R. R. Tolkien
    (" ", re.compile(r"\b([A-Z])\.?([A-Z])\.?(?=\s[A-Z][a-z]{3})"), r"\1.\2."),  # JK Rowling, J.K. Rowling
    (".", re.compile(r"(?<=[a-z]{3})\.(?=[A-Z])"), ". "),  # no space between two sentences
    (".", re.compile(r"(?<![\w.])\.(?=\d)"), "0."),
    ("&", re.compile(r"\s?&\s?"), " and "),
    (
        "pP",
        re.compile(r"\b(AB|[ABO])[\s-](?:Rh[\s-])?(?:positive|pos|plus)\b|\b([A-F])[\s-]plus\b"),
        lambda m: f"{m[1] or m[2]}+",
    ),
    (
        "gm",
        re.compile(r"\b(AB|[ABO])[\s-](?:Rh[\s-])?(?:negative|neg|minus)\b|\b([A-F])[\s-]minus\b"),
        lambda m: f"{m[1] or m[2]}-",
    ),
    ("♯p", re.compile(r"\b([A-G])[\s-]sharp\b|\b([A-G])♯"), lambda m: f"{m[1] or m[2]}#"),
    ("♭f", re.compile(r"\b([A-G])(?:♭|[\s-]flat\b)"), r"\1 flat"),
    ("期周拜", re.compile("(?:星期|周|礼拜)([一二三四五六日天])"), lambda m: "星期" + m[1].replace("天", "日")),
    ("没", re.compile("没有"), "无"),
)
DECADE = re.compile(
    r"\b(?:the )?(?:19)?(twenties|thirties|forties|fifties|sixties|seventies|eighties|nineties)\b", re.I
)
BELOW_ZERO = re.compile(r"\b(\d+(?:\.\d+)?)((?: degrees?)?(?: [CF]\w*)?) below(?: zero| 0)?\b")
MINUS = re.compile(r"\b(?:minus|negative)\s+(?=\d)|零下(?=\d)|负(?=\d)", re.I)

# ``words``: as compared. ``written``: each as it stands in the text. ``gaps``: what stands before each word, and after
# the last.
Words = namedtuple("Words", "words written gaps")


@lru_cache(8192)  # golds come again with every sample, common answers too
def words_of(text: str, ordinals: bool = True, day_first: bool = False) -> Words:
    """The words of a text as they are compared, without articles, and what stands between them.

    Numbers are one word in digits ("one thousand" and "1,000": "1000"; "3.0": "3"; "nineteenth" and "19th": "19th";
    二十四: "24"), dates are year, month, day ("4 July 1776": "1776 july 4th"), units and currencies have one name
    ("£5m": "5000000 gbp"), plurals are singular, and CJK characters are simplified and words of their own.

    Args:
        text: any text.
        ordinals: False leaves "first", "second" … as they are written.
        day_first: how "4/7/1776" is read where both ways are possible.
    """
    text = GROUPS.sub("", plain(text))
    for hints, pattern, form in REWRITTEN:
        if any(hint in text for hint in hints):
            text = pattern.sub(form, text)
    text = DECADE.sub(lambda m: f"{numerals.SMALL[m[1].casefold()[:-3] + 'y']}s", text)
    text = BELOW_ZERO.sub(r"-\1\2", MINUS.sub("-", numerals.in_digits(text, ordinals)))
    text = with_units(dates.in_order(text, day_first))
    words, gaps, end, sign = [], [], 0, ""
    for found in WORD.finditer(text):
        if found.group() == "-":
            sign = "-"
            continue
        words.append(sign + found.group())
        gaps.append(text[end : found.start() - len(sign)])
        end, sign = found.end(), ""
    return without_articles([compared(w) for w in words], words, [*gaps, text[end:]])


@lru_cache(65536)
def compared(word: str) -> str:
    """A single word as it is compared."""
    word = word.casefold()
    if re.fullmatch(r"-?\d+(\.\d+)?", word):
        return re.sub(r"\.0+$|(\.\d*?)0+$", r"\1", word)
    if ordinal := re.fullmatch(r"(\d+)(st|nd|rd|th)", word):
        return ordinal[1] + "th"
    return one_spelling(WITHIN_NUMBERS.sub("", word.replace("'", "")))


def without_articles(words, written, gaps) -> Words:
    """``Words`` with the articles put into the gaps; where there is nothing else, they stay."""
    kept, between, gap = [], [], ""
    for i, word in enumerate(words):
        gap += gaps[i]
        names = i + 1 == len(words) or not gaps[i + 1].isspace() or words[i + 1] in ("is", "was", "and", "or")
        if word in ("an", "the") or (word == "a" and not names):  # "vitamin A" is no article
            gap += written[i]
        else:
            kept.append(i)
            between.append(gap)
            gap = ""
    if not kept:
        return Words(tuple(words), tuple(written), tuple(gaps))
    return Words(tuple(words[i] for i in kept), tuple(written[i] for i in kept), (*between, gap + gaps[-1]))
