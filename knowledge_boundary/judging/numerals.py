"""Numbers in words, in Chinese and Roman numerals, as fractions and powers: all in digits."""

import re
from decimal import Decimal
from fractions import Fraction
from functools import cache

from num2words import num2words

LANGUAGES = ("fr", "es", "de", "pt", "it", "ru", "ar", "ko")  # of numbers as whole answers; others have digits

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
NUMBER_WORD = re.compile(rf"\b{one_of([*SMALL, *SCALES, *ORDINALS])}\b|\bdozens?\b|\bhalf\b|\bquarters?\b", re.I)
# "one" counts nothing behind these; ordinals behind the others are fractions and units ("one third", "a second").
NOT_ONE = re.compile(r"\b(?:no|the|this|that|which|any|every|some|each)\s+$", re.I)
NOT_ORDINAL = re.compile(rf"(?:\b(?:a|per|{one_of(SMALL)})|\d)[\s-]+$", re.I)

# "one dozen", "two thirds", "half a million", "three quarters"
DOZEN = re.compile(rf"\b(?:(a|{one_of(SMALL)}|\d+)\s+)?dozen\b", re.I)
PARTS = {"half": 2, "halves": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4, "fourth": 4, "fourths": 4}
PARTS |= {"fifth": 5, "fifths": 5, "sixth": 6, "sixths": 6, "eighth": 8, "eighths": 8, "tenth": 10, "tenths": 10}
PART = re.compile(rf"\b(?:(a|{one_of(UNITS)})[\s-]+)({one_of(PARTS)})\b(?!\s+(?:of\s+\w+\s+\d{{4}}))", re.I)
HALF_OF = re.compile(rf"\bhalf\s+an?\s+({one_of([*SCALES, 'dozen'])})\b", re.I)
SLASHED = re.compile(r"(?<![\w/.])(?:(\d+)\s+)?(\d{1,3})\s?/\s?(\d{1,3})(?![\w/]|\.\d)")
POWER = re.compile(r"(?<![\w.])(-?\d+(?:\.\d+)?)\s?(?:[x*·]\s?10\s?\^\s?\{?|e\+?)(-?\d{1,2})\}?(?!\w)", re.I)
POWER_OF_TEN = re.compile(r"(?<![\w.])10\s?\^\s?\{?(-?\d{1,2})\}?(?!\w)")
GROUPED = re.compile(r"(?<![\d.,])(\d{1,3}(?:[\u00a0\u2009\u202f]\d{3})+|\d{1,3}(?: 000)+)(?!\d)")

CHINESE = "零〇一二三四五六七八九十百千万亿两廿卅壹贰叁肆伍陆柒捌玖拾佰仟"
# A single numeral is a number where it stands alone, behind these or before those.
COUNTED_BY = "第是为有共约近:: "
COUNTERS = "个年月日号岁位名次只条座人倍米公元块千小度支种层颗本张部届世点枚篇首天周国洲州省市县区面根对双步"
RUN = re.compile(rf"(?:(?<![\w.])(\d+(?:\.\d+)?)(?=[百千万亿]))?([{CHINESE}]+(?:点[{CHINESE}]+)?)")
BIG = re.compile(r"(?<![\d.])(\d+)亿(\d+(?:\.\d+)?)万")
TENS_OF_THOUSANDS = re.compile(r"(?<![\d.])(\d+)万零?(\d{1,4})(?!\d)")
TENTHS = re.compile(r"([一二三四五六七八九])成([一二三四五六七八九])?(?![为立功员熟长])")
SHARE = re.compile(rf"百分之([{CHINESE}点\d.]+)")
OF = re.compile(rf"([{CHINESE}\d]+)分之([{CHINESE}\d]+)")
DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0}

ROMAN = r"(?:M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3}))"
# Two letters and more behind a word (DC and its kind are places); I, V and X behind a name, where a name may end.
NUMBERED = re.compile(
    rf"(?<=[A-Za-z])(?P<gap>\s|-)(?!(?:XX|XXX)\b)(?P<many>(?=[IVX]{{2}}|[LXVI]{{3}}|"
    rf"M[DCLXVI]{{3}}){ROMAN})(?![\w'+#&.-]*\w)"
    rf"|(?<=[a-z])(?P<gap1>\s)(?P<one>[IVX])(?=\s*(?:$|[.,;:!?)\"”]|of\b|and\b|was\b|is\b|in\b|the\b|\())"
)
ROMAN_CENTURY = re.compile(r"\b([IVX]+)(?:th)?(?=\s+[Cc]entur)")
ROMAN_DIGITS = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
# "Louis the 14th" and "Louis XIV" are one; "July the 4th" is a date.
REGNAL = re.compile(
    r"\b((?!January|February|March|April|May|June|July|August|September|October|November|December|The|On|In|Was|Is|It)"
    r"[A-Z]\w+) (?:the|The) (\d+)(?:st|nd|rd|th)\b"
)


def in_digits(text: str, ordinals: bool = True) -> str:
    """A text with its numbers in digits, its fractions as decimals where these end ("1/2": "0.5"; "1/3": "1over3").

    Args:
        text: as ``spelling.plain`` leaves it.
        ordinals: False leaves "first", "second" … as they are written.
    """
    if re.search(f"[{CHINESE}]", text):
        text = chinese(text)
    if re.search(r"\d", text):
        text = GROUPED.sub(lambda m: re.sub(r"\D", "", m[1]), text)
    if NUMBER_WORD.search(text):
        text = HALF_OF.sub(lambda m: decimal(Decimal(SCALES.get(m[1].casefold(), 12)) / 2), text)
        text = PART.sub(lambda m: fraction(count(m[1]), PARTS[m[2].casefold()]), text)
        text = DOZEN.sub(lambda m: str(12 * count(m[1] or "a")), text)
        text = NUMBER.sub(lambda found: spelled(found, ordinals), text)
    if "/" in text:
        text = SLASHED.sub(lambda m: fraction(int(m[2]), int(m[3]), int(m[1] or 0)) or m.group(), text)
    if "10" in text or "e" in text or "E" in text:
        text = POWER.sub(lambda m: decimal(Decimal(m[1]).scaleb(int(m[2]))), text)
        text = POWER_OF_TEN.sub(lambda m: decimal(Decimal(1).scaleb(int(m[1]))), text)
    if "I" in text or "V" in text or "X" in text:
        text = ROMAN_CENTURY.sub(lambda m: f"{roman(m[1])}th", text)
        text = NUMBERED.sub(numbered, text)
    return REGNAL.sub(r"\1 \2", text) if " the " in text or " The " in text else text


@cache
def foreign_numbers() -> dict:
    """{a number's word in one of eight languages: its digits}, up to 100."""
    return {num2words(n, lang=lang): str(n) for lang in LANGUAGES for n in range(101)}


def in_another_language(text: str) -> str | None:
    """The digits of a text that is a number's word in another language ("siebenundzwanzig"); None for other texts."""
    return foreign_numbers().get(text.strip().strip(".!。").casefold())


def count(word: str) -> int:
    """A small number: "a" is 1."""
    return 1 if word.casefold() == "a" else SMALL.get(word.casefold()) or int(word)


def decimal(value: Decimal) -> str:
    """A number's digits, with no exponent."""
    return f"{value.normalize():f}"


def fraction(top: int, bottom: int, whole: int = 0) -> str:
    """A fraction as a decimal where that ends, else as one word: "1over3"; empty for a division by 0."""
    if not bottom:
        return ""
    value = whole + Fraction(top, bottom)
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest == 1:
        return decimal(Decimal(value.numerator) / Decimal(value.denominator))
    return f"{value.numerator}over{value.denominator}"


def spelled(found, ordinals: bool) -> str:
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


def chinese(text: str) -> str:
    """A text with its Chinese numerals in digits, where they are numbers: not those in 统一 or 十分."""
    text = text.replace("廿", "二十").replace("卅", "三十")
    text = BIG.sub(lambda m: decimal(Decimal(m[1]) * 10**8 + Decimal(m[2]) * 10**4), text)
    text = TENS_OF_THOUSANDS.sub(lambda m: str(int(m[1]) * 10**4 + int(m[2])), text)
    text = TENTHS.sub(lambda m: f"{10 * DIGITS[m[1]] + DIGITS.get(m[2] or '零', 0)}%", text)
    text = SHARE.sub(lambda m: f"{value_of(m[1]) or m[1]}%", text)
    text = OF.sub(lambda m: part_of(m) or m.group(), text)

    def digits(found) -> str:
        numeral, before, behind = found.group(), text[: found.start()], text[found.end() :]
        alone = len(numeral) == 1
        if alone and not (
            (not before.strip() and not re.match(r"\w", behind.strip()))
            or (before[-1:] in COUNTED_BY and before and not re.match(r"[^\W\d_]", behind))
            or (behind[:1] and behind[0] in COUNTERS and (not before or before[-1] not in "统同唯之万"))
            or before[-1:] == "第"
        ):
            return numeral
        return value_of(numeral) or numeral

    return RUN.sub(digits, text)


def value_of(numeral: str) -> str | None:
    """The digits of a Chinese numeral ("二十四", "1.2亿", "一九四九"); None for what is none."""
    import cn2an

    if re.fullmatch(r"\d+(\.\d+)?", numeral):
        return numeral
    if all(c in DIGITS for c in numeral):
        return "".join(str(DIGITS[c]) for c in numeral)
    try:
        return decimal(Decimal(str(cn2an.cn2an(numeral.replace("〇", "零"), "smart"))))
    except (ValueError, ArithmeticError):
        return None


def part_of(found) -> str | None:
    """三分之一 as a fraction; None where it is none."""
    bottom, top = (value_of(part) for part in found.groups())
    return fraction(int(top), int(bottom)) if top and bottom and top.isdigit() and bottom.isdigit() else None


def numbered(found) -> str:
    """A Roman numeral behind a name, in digits; as it is where it is none."""
    numeral = found["many"] or found["one"]
    name = re.search(r"\w+$", found.string[: found.start()])
    if not numeral or (found["one"] and not (name and name[0][0].isupper())):
        return found.group()
    return f" {roman(numeral)}"


def roman(numeral: str) -> int:
    """The value of a Roman numeral."""
    digits = [ROMAN_DIGITS[c] for c in numeral]
    return sum(-d if d < max(digits[i:]) else d for i, d in enumerate(digits))
