"""Texts as words: normalising, numbers, dates; what is the same word to a reader becomes the same word here."""

import re
import unicodedata
from collections import namedtuple
from decimal import Decimal
from functools import lru_cache

# A last "a" is a name ("vitamin A"), not an article.
ARTICLES = re.compile(r"\b(an|the)\b|\ba\b(?= )")
# Apostrophes of all kinds join; letters that no accent can be taken from.
LETTERFORMS = str.maketrans(
    dict.fromkeys("‘’ʻʼ`´", "'")
    | {"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i"}
    | {"æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe"}
)
# "1,000"; every full stop but a decimal point.
WITHIN_NUMBERS = re.compile(r"(?<=\d),(?=\d{3})|\.(?!\d)|(?<=[^\W\d])\.")
MINUS = "\ue000"  # holds a sign's place while marks are taken out; of no script
SIGN = r"(?<![\w.)\]%])[-−](?=\.?\d)"
KEPT_MARKS = (7, 8, 9)  # combining classes of Indic and Japanese marks, which make another letter, not an accent

UNITS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TEENS = ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
SMALL = {"zero": 0} | {w: n for n, w in enumerate([*UNITS, *TEENS], 1)} | {w: 10 * n for n, w in enumerate(TENS, 2)}
SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
ORDINALS = {"first": "one", "second": "two", "third": "three", "fifth": "five", "eighth": "eight", "ninth": "nine"}
ORDINALS |= {"twelfth": "twelve"} | {w[:-1] + "ieth": w for w in TENS}
ORDINALS |= {w + "th": w for w in (*UNITS, *TEENS, *SCALES) if w not in ORDINALS.values()}


def one_of(words) -> str:
    """The pattern of any of ``words``, the longest first."""
    return f"(?:{'|'.join(sorted(words, key=len, reverse=True))})"


def below_hundred(ordinals=()) -> str:
    """The pattern of a number below 100 in words, which may be one of the ``ordinals``."""
    unit = one_of([*UNITS, *(o for o in ordinals if ORDINALS[o] in UNITS)])
    return rf"(?:{one_of(TENS)}(?:[\s-]+{unit}\b)?|{one_of([*SMALL, *(o for o in ordinals if ORDINALS[o] in SMALL)])})"


def below_thousand(ordinals=()) -> str:
    """The pattern of a number below 1,000 in words, which may end in one of the ``ordinals``."""
    hundred = one_of(["hundred", *(o for o in ordinals if o == "hundredth")])
    own = below_hundred(ordinals)
    return rf"(?:(?:{below_hundred()}\s+)?{hundred}\b(?:(?:\s+and)?\s+{own})?|{own})"


def spelled_numbers() -> str:
    """The pattern of a number in words: "two million three hundred and five", "1.5 million", "twenty-first"."""
    scale = one_of([w for w in [*SCALES, *ORDINALS] if re.match("thou|.*illion", w)])
    scaled = rf"(?:(?:{below_thousand()}|(?<![\w.-])\d+(?:\.\d+)?)\s+)?{scale}\b"
    rest = below_thousand(ORDINALS)
    return rf"\b(?:{scaled}(?:(?:,?\s+and)?\s+{scaled})*(?:(?:\s+and)?\s+{rest})?|{rest})\b"


NUMBER = re.compile(spelled_numbers(), re.I)
NUMBER_WORD = re.compile(rf"\b{one_of([*SMALL, *SCALES, *ORDINALS])}\b", re.I)  # quick to find
# "one" counts nothing behind these; ordinals behind the others are fractions and units ("one third", "a second").
NOT_ONE = re.compile(r"\b(?:no|the|this|that|which|any|every|some|each)\s+$", re.I)
NOT_ORDINAL = re.compile(rf"(?:\b(?:a|per|{one_of(SMALL)})|\d)[\s-]+$", re.I)

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
MONTH = rf"((?i:{'|'.join(MONTHS)}|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec))\b\.?"
# "7 may be", "march 4": without a year, these two are months only as names.
NAMED_MONTH = rf"(?!may|mar){MONTH}"
DAY = r"(0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?"
YEAR = r"([12]\d{3})"
END = r"(?![\d.,:]*\d|\w)"
# What a date looks like, and which of its groups are the year (0: none), the month and the day.
DATES = {
    rf"\b{DAY}(?: of)?(?:-|\s+){MONTH}(?:,?\s+|-){YEAR}{END}": (3, 2, 1),
    rf"\b{MONTH}\s+(?:the )?{DAY},?\s+{YEAR}{END}": (3, 1, 2),
    rf"\b{YEAR}[-/](0[1-9]|1[0-2])[-/](0[1-9]|[12]\d|3[01])\b": (1, 2, 3),
    rf"{YEAR}年(1[0-2]|0?[1-9])月(3[01]|[12]\d|0?[1-9])[日号號]": (1, 2, 3),
    rf"\b{DAY}(?: of)?\s+{NAMED_MONTH}(?!\w)": (0, 2, 1),
    rf"\b{NAMED_MONTH}\s+(?:the )?{DAY}{END}": (0, 1, 2),
    rf"\b{MONTH},?\s+(?:of )?{YEAR}{END}": (2, 1, 0),
}
DATE = re.compile("|".join(DATES))

# Scripts without spaces, or with endings joined to the name: every character is a word.
UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    r"\u3005\u3007\u3041-\u30fa\u30fc-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"  # Chinese, Japanese, Korean
)
CHINESE_WORDS = "不是|並非|并非|绝非|絕非|不仅|不僅|不只|不单|不單|而是|但是|或者|或是|还是|還是|除了"
LETTER = rf"(?:[^\W_{UNSPACED}]|[\u0900-\u0963\u0966-\u0dff])"
WORD = re.compile(rf"{CHINESE_WORDS}|[{UNSPACED}]|{SIGN}|{LETTER}+(?:(?:'|\.){LETTER}+)*")
SPELLINGS = {"st": "saint", "mt": "mount"}
REWRITTEN = [
    (re.compile(r"(?<![\w.])U(?:\.\s?)?S\.?(?:A\b\.?)?(?!\w|\.\w)"), "United States"),
    (re.compile(r"(?<![\w.])U\.?K\.?(?!\w|\.\w)"), "United Kingdom"),
    (re.compile(r"\b(United States) of America\b"), r"\1"),
    (re.compile(r"\b([A-Z])\.\s+(?=[A-Z](?:\.|$))"), r"\1."),  # J. R. R. Tolkien
    (re.compile(r"(?<=[a-z]{3})\.(?=[A-Z])"), ". "),  # no space between two sentences
    (re.compile(r"(?<![\w.])\.(?=\d)"), "0."),
    (re.compile(r"&"), " and "),
    (re.compile(r"\bminus\s+(?=\d)", re.I), "-"),
]

# ``words``: as compared. ``written``: each as it stands in the text. ``gaps``: what stands before each word, and after
# the last.
Words = namedtuple("Words", "words written gaps")


@lru_cache(4096)  # golds come again with every sample
def normalise(text: str) -> str:
    """Lower case without accents, punctuation, articles and extra spaces (SQuAD's and TriviaQA's normalisation).

    Decimal points and signs of numbers stay, and the articles of a text that has nothing else ("The The").
    """
    text = without_accents(text).casefold().translate(LETTERFORMS)
    # An apostrophe or a full stop joins ("don't", "D.C."); every other mark parts.
    text = WITHIN_NUMBERS.sub("", text.replace("&", " and ").replace("'", ""))
    text = re.sub(SIGN, MINUS, text)
    text = "".join(" " if c != "." and unicodedata.category(c)[0] in "PS" else c for c in text)
    text = " ".join(text.replace(MINUS, "-").split())
    return " ".join(ARTICLES.sub(" ", text).split()) or text


def without_accents(text: str) -> str:
    """Compatible characters as one (full-width digits), letters without their accents."""
    if text.isascii():
        return text.translate(LETTERFORMS)
    text = unicodedata.normalize("NFKD", text.translate(LETTERFORMS))
    text = "".join(c for c in text if unicodedata.combining(c) in (0, *KEPT_MARKS))
    return unicodedata.normalize("NFC", text)


@lru_cache(4096)  # golds come again with every sample
def words_of(text: str, ordinals: bool = True) -> Words:
    """The words of a text as they are compared, without articles, and what stands between them.

    Numbers are one word in digits ("one thousand" and "1,000": "1000"; "3.0": "3"; "nineteenth" and "19th": "19th"),
    dates are year, month, day ("4 July 1776": "1776 july 4th"), and CJK characters are words of their own.

    Args:
        text: any text.
        ordinals: False leaves "first", "second" … as they are written.
    """
    text = without_accents(text)
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    if NUMBER_WORD.search(text):
        text = NUMBER.sub(lambda found: in_digits(found, ordinals), text)
    for pattern, form in REWRITTEN:
        text = pattern.sub(form, text)
    if re.search(r"\d", text):
        text = DATE.sub(date, text)
    words, gaps, end, sign = [], [], 0, ""
    for found in WORD.finditer(text):
        if found.group() in "-−":
            sign = "-"
            continue
        words.append(sign + found.group())
        gaps.append(text[end : found.start() - len(sign)])
        end, sign = found.end(), ""
    return without_articles([compared(w) for w in words], words, [*gaps, text[end:]])


def in_digits(found, ordinals: bool) -> str:
    """A number's match in digits, ordinals as "21th"; as it is where it counts nothing ("no one", "a second")."""
    text, before = found.group(), found.string[: found.start()]
    parts = re.findall(r"[a-z]+|\d+(?:\.\d+)?", text.casefold())
    ordinal = parts[-1] in ORDINALS
    if parts == ["one"] and (NOT_ONE.search(before) or re.match(r"\s+of\b", found.string[found.end() :])):
        return text
    if ordinal and (not ordinals or (len(parts) == 1 and NOT_ORDINAL.search(before))):
        return text
    total = part = Decimal(0)
    for word in parts:
        word = ORDINALS.get(word, word)
        if word == "hundred":
            part = (part or 1) * 100
        elif word in SCALES:
            total, part = total + (part or 1) * SCALES[word], Decimal(0)
        elif word != "and":
            part += SMALL[word] if word in SMALL else Decimal(word)
    return f"{(total + part).normalize():f}" + "th" * ordinal


def date(found) -> str:
    """A date's match as "YEAR MONTH DAYth", as far as it has them."""
    parts, (year, month, day) = next(
        (parts, order) for pattern, order in DATES.items() if (parts := re.fullmatch(pattern, found.group()))
    )
    name = parts[month]
    name = MONTHS[int(name) - 1] if name.isdigit() else next(m for m in MONTHS if m[:3] == name[:3].title())
    # Spaces keep a Chinese date's neighbours apart.
    return f" {parts[year] if year else ''} {name} {f'{int(parts[day])}th' if day else ''} "


def compared(word: str) -> str:
    """A single word as it is compared."""
    word = word.casefold()
    if re.fullmatch(r"-?\d+(\.\d+)?", word):
        return re.sub(r"\.0+$|(\.\d*?)0+$", r"\1", word)
    if ordinal := re.fullmatch(r"(\d+)(st|nd|rd|th)", word):
        return ordinal[1] + "th"
    word = WITHIN_NUMBERS.sub("", word.replace("'", ""))
    return SPELLINGS.get(word, word)


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
