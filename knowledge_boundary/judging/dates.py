"""Dates, years and times in one way of writing: year, month, day; years before Christ with "bc" behind them."""

import re

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
MONTH = rf"((?i:{'|'.join(MONTHS)}|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec))\b\.?"
# "7 may be", "march 4": without a year, these two are months only as names.
NAMED_MONTH = rf"(?!may|mar){MONTH}"
DAY = r"(0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?"
YEAR = r"([12]\d{3}|\d{1,4}\s?bc\b)"
END = r"(?![\d.,:]*\d|\w)"
# What a date looks like, and which of its groups are the year (0: none), the month and the day.
DATES = {
    rf"\b{DAY}(?: of)?\s+{MONTH},?\s+(?:of )?{YEAR}{END}": (3, 2, 1),
    rf"\b{MONTH}\s+(?:the )?{DAY},?\s+(?:of )?{YEAR}{END}": (3, 1, 2),
    rf"\b{YEAR},?\s+{MONTH}\s+{DAY}{END}": (1, 2, 3),
    r"\b([12]\d{3})[-/.](0?[1-9]|1[0-2])[-/.](0?[1-9]|[12]\d|3[01])\b(?![-/.]?\d)": (1, 2, 3),
    r"([12]\d{3}|\d{1,3})年(1[0-2]|0?[1-9])月(3[01]|[12]\d|0?[1-9])[日号]": (1, 2, 3),
    r"([12]\d{3})年(1[0-2]|0?[1-9])月()": (1, 2, 0),
    r"(?<![\d年])()(1[0-2]|0?[1-9])月(3[01]|[12]\d|0?[1-9])[日号]": (0, 2, 3),
    rf"\b{DAY}(?: of)?\s+{NAMED_MONTH}(?!\w)": (0, 2, 1),
    rf"\b{NAMED_MONTH}\s+(?:the )?{DAY}{END}": (0, 1, 2),
    rf"\b{MONTH},?\s+(?:of )?{YEAR}{END}": (2, 1, 0),
}
DATE = re.compile("|".join(DATES))
NUMERIC = re.compile(r"(?<![\d/.-])(\d{1,2})([/.-])(\d{1,2})\2([12]\d{3})(?![\d/]|[.-]\d)")
BEFORE_CHRIST = re.compile(r"(?<!\d)(\d++)\s?(?:B\.\s?C\.(?:\s?E\.)?|BCE?\b|before Christ|before the common era)", re.I)
AFTER_CHRIST = re.compile(r"\b(?:A\.\s?D\.|AD|C\.\s?E\.|CE)\s?(?=\d)|(?<=\d)\s?(?:A\.\s?D\.|AD|C\.\s?E\.|CE)(?!\w)")
CHINESE_YEARS = (
    (re.compile(r"公元前\s?(\d+)年?|(?<![以之年目])前\s?(\d{2,4})年"), lambda m: f"{m[1] or m[2]} bc "),
    (re.compile(r"公元\s?(?=\d)"), ""),
    (re.compile(r"(\d{1,2})世纪(\d0)年代"), lambda m: f" {int(m[1]) - 1}{m[2]}s "),
    (re.compile(r"(\d{3}0)年代"), r" \1s "),
    (re.compile(r"(\d{1,2})世纪"), r" \1th century "),
    (re.compile(r"(?<!\d)([12]\d{3})年(?!前|后|代|级)"), r"\1 "),
)
CHINESE_TIME = re.compile(
    r"(上午|早上|早晨|凌晨|清晨|下午|晚上|傍晚|夜里|中午)(\d{1,2})(?:点|时|:)(?:(\d{1,2})分?|半)?钟?"
)
# What a text with a date or a time has beside its digits.
DATED = re.compile(
    r"\d{4}|[:/年月日号点世前]|\d00|(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|b\.?\s?c|a\.?\s?d\b|"
    r"c\.?\s?e\b|christ|[ap]\.?\s?m\b|clock)"
)
OCLOCK = re.compile(r"\b(\d{1,2}) o'clock in the (morning|afternoon|evening)")
CENTURY = re.compile(r"\b(\d{1,2})00'?s\b")
TIME = re.compile(
    r"\b([01]?\d|2[0-4])(?:[:.]([0-5]\d))?\s?([ap])\.?\s?m\b\.?|\b([01]?\d|2[0-4]):([0-5]\d)\b(?!:)", re.I
)


def in_order(text: str, day_first: bool = False) -> str:
    """A text with its dates as "YEAR MONTH DAYth", as far as it has them, and its times as hours of 24.

    Args:
        text: its numbers in digits (``numerals.in_digits``).
        day_first: how "4/7/1776" is read where both ways are possible.
    """
    if not re.search(r"\d", text):
        return text
    if not DATED.search(text):
        return text
    text = BEFORE_CHRIST.sub(r"\1 bc", AFTER_CHRIST.sub(" ", text))
    text = CENTURY.sub(lambda m: f"{int(m[1]) + 1}th century", text)
    text = NUMERIC.sub(lambda m: numeric(m, day_first), text)
    text = DATE.sub(date, text)
    if any(sign in text for sign in "年世元前"):
        for pattern, form in CHINESE_YEARS:
            text = pattern.sub(form, text)
    text = OCLOCK.sub(lambda m: f"{m[1]} {'a' if m[2] in ('morning', None) else 'p'}m", text)
    return TIME.sub(time, CHINESE_TIME.sub(chinese_time, text))


def ambiguous(text: str) -> bool:
    """Whether a text has a date whose month may as well be its day."""
    return any(int(m[1]) <= 12 and int(m[3]) <= 12 and m[1] != m[3] and m[2] != "." for m in NUMERIC.finditer(text))


def numeric(found, day_first: bool) -> str:
    """A date of three numbers; with full stops, or a first one above 12, the day comes first."""
    first, mark, second, year = found.groups()
    month, day = (second, first) if day_first or mark == "." or int(first) > 12 else (first, second)
    if not 1 <= int(month) <= 12 or not 1 <= int(day) <= 31:
        return found.group()
    return f" {year} {MONTHS[int(month) - 1]} {int(day)}th "


def date(found) -> str:
    """A date's match as "YEAR MONTH DAYth", as far as it has them."""
    parts, (year, month, day) = next(
        (parts, order)
        for pattern, order in DATES.items()
        if (parts := re.compile(pattern).match(found.string, found.start())) and parts.end() == found.end()
    )
    name = parts[month]
    name = MONTHS[int(name) - 1] if name.isdigit() else next(m for m in MONTHS if m[:3] == name[:3].title())
    # Spaces keep a Chinese date's neighbours apart.
    return f" {parts[year] if year else ''} {name} {f'{int(parts[day])}th' if day else ''} "


def chinese_time(found) -> str:
    """下午三点 as "15 00 oclock"."""
    part, hour, minute = found.groups()
    late = part in ("下午", "晚上", "傍晚", "夜里")
    minute = minute or ("30" if found.group().rstrip("钟").endswith("半") else "00")
    return f" {int(hour) % 12 + 12 * late if int(hour) <= 12 and late else hour} {minute:0>2} oclock "


def time(found) -> str:
    """A time of day as hours and minutes of 24: "3 p.m." is "15 00 oclock"."""
    hour, minute = int(found[1] or found[4]), found[2] or found[5] or "00"
    half = (found[3] or "").casefold()
    if half and hour <= 12:
        hour = hour % 12 + 12 * (half == "p")
    return f" {hour} {minute} oclock "
