"""Numbers with a unit or a currency: one name for each, from Unicode's CLDR (through Babel)."""

import re
from decimal import Decimal
from functools import cache

from babel.numbers import get_currency_name
from babel.units import UnknownUnitError, format_unit

LOCALES = ("en", "en_GB", "zh", "zh_Hant")
UNITS = (
    "length: picometer nanometer micrometer millimeter centimeter decimeter meter kilometer inch foot yard mile"
    " nautical-mile light-year astronomical-unit parsec fathom; area: square-centimeter square-meter square-kilometer"
    " square-inch square-foot square-yard square-mile hectare acre; volume: milliliter centiliter deciliter liter"
    " cubic-centimeter cubic-meter cubic-kilometer cubic-foot cubic-inch cubic-mile gallon pint quart fluid-ounce"
    " barrel; mass: microgram milligram gram kilogram tonne ton pound ounce stone carat; speed: kilometer-per-hour"
    " meter-per-second mile-per-hour knot; temperature: celsius fahrenheit kelvin; duration: nanosecond microsecond"
    " millisecond second minute hour day week month year decade century; frequency: hertz kilohertz megahertz"
    " gigahertz; power: milliwatt watt kilowatt megawatt gigawatt horsepower; energy: joule kilojoule calorie"
    " kilocalorie kilowatt-hour electronvolt; electric: ampere milliampere volt ohm; digital: bit byte kilobyte"
    " megabyte gigabyte terabyte petabyte; pressure: pascal hectopascal kilopascal bar atmosphere; force: newton;"
    " angle: degree; concentr: percent permille karat"
)
# Further spellings; those of one letter are taken as units behind a number only.
SPELT = {
    "kilometer": "kms 千米 里地",
    "kilogram": "kgs kilo kilos 千克",
    "percent": "percentage pct per-cent 个百分点",
    "tonne": "t mt metric-tons metric-ton 公吨",
    "mile-per-hour": "mi/h miles-an-hour miles-per-hour",
    "kilometer-per-hour": "kph kmph kms/h km/hr kilometers-an-hour kilometres-an-hour 千米/小时 公里每小时 千米每小时",
    "celsius": "c degrees-c degrees-centigrade centigrade celsius degree-celsius deg-c ℃ 摄氏度 度",
    "fahrenheit": "f degrees-f fahrenheit degree-fahrenheit deg-f ℉ 华氏度",
    "kelvin": "kelvins degrees-kelvin degrees-k",
    "second": "s sec secs 秒钟",
    "minute": "min mins 分 分钟",
    "hour": "h hr hrs 个小时 钟头",
    "day": "d 日",
    "month": "mo mos 个月",
    "week": "wk wks 个星期 星期",
    "year": "yr yrs y 年 years-old year-old years-of-age 岁",
    "meter-per-second": "meters-per-second metres-per-second 米每秒",
    "square-kilometer": "sq-km sq.-km km2 km^2 平方千米",
    "square-meter": "sq-m sq.-m m2 m^2",
    "square-mile": "sq-mi sq.-mi mi2 mi^2",
    "square-foot": "sq-ft sq.-ft ft2 ft^2",
    "cubic-meter": "m3 m^3",
    "cubic-centimeter": "cm3 cm^3 cc",
    "square-centimeter": "cm2 cm^2",
    "volt": "v volts",
    "watt": "watts",
    "ampere": "amp amps",
    "foot": "ft feet '",
    "inch": 'inches in. "',
    "pound": "lbs lb lbs.",
    "liter": "l litre litres",
    "degree": "degrees °",
    "century": "个世纪",
    "karat": "k carat-gold carats",
    "calorie": "cal",
    "kilocalorie": "kcal kilocalories 千卡",
    "hectare": "ha",
    "meter": "m",
    "gram": "g",
    "byte": "bytes",
}
# A short spelling that is more often a word, or another thing, even behind a number.
NO_UNITS = {*"acdfhkpbtwy#'\"", "st", "in", "mo", "dots", "ha", "d.", "th"}
FEWER = ("pico", "nano", "micro", "milli", "centi", "deci", "", "kilo", "mega", "giga", "tera", "peta")
EXPONENTS = dict(zip(FEWER, (-12, -9, -6, -3, -2, -1, 0, 3, 6, 9, 12, 15), strict=True))
PREFIXED = ("meter", "gram", "liter", "second", "hertz", "watt", "joule", "ampere", "byte", "bit", "pascal", "calorie")
# Lengths of time that are exactly so many of the shortest: of seconds, or of months.
SPANS = {"second": ("s", 1), "minute": ("s", 60), "hour": ("s", 3600), "day": ("s", 86400), "week": ("s", 604800)}
SPANS |= {"month": ("m", 1), "year": ("m", 12), "decade": ("m", 120), "century": ("m", 1200)}
# Names that several units share: a number with the name is a number with any of them.
SHARED = {"pound": ("pound", "gbp"), "yensign": ("jpy", "cny")}

CURRENCIES = (
    "USD EUR GBP JPY CNY INR RUB KRW BRL MXN CAD AUD NZD CHF SEK NOK DKK PLN CZK HUF TRY ZAR ILS SGD HKD TWD THB IDR"
    " MYR PHP VND EGP NGN ARS CLP COP PEN UAH SAR AED"
)
SIGNS = {
    "us$": "usd", "$": "usd", "a$": "aud", "au$": "aud", "c$": "cad", "ca$": "cad", "nz$": "nzd", "hk$": "hkd",
    "s$": "sgd", "r$": "brl", "nt$": "twd", "€": "eur", "£": "gbp", "¥": "yensign", "₹": "inr", "₽": "rub", "₩": "krw",
    "₺": "try", "₪": "ils", "฿": "thb", "₫": "vnd", "₱": "php", "₴": "uah", "₦": "ngn", "rs.": "inr", "rs": "inr",
}  # fmt: skip
MONEY = {
    "dollar": "usd", "dollars": "usd", "buck": "usd", "bucks": "usd", "american dollars": "usd", "euro": "eur",
    "euros": "eur", "pounds sterling": "gbp", "yen": "jpy", "yuan": "cny", "rmb": "cny", "renminbi": "cny",
    "rupee": "inr", "rupees": "inr", "ruble": "rub", "rubles": "rub", "roubles": "rub", "won": "krw",
    "canadian dollars": "cad", "australian dollars": "aud", "swiss francs": "chf", "元": "cny", "块": "cny",
    "块钱": "cny", "元人民币": "cny", "人民币": "cny", "美金": "usd", "美元": "usd", "刀": "usd", "欧元": "eur",
    "英镑": "gbp", "镑": "gbp", "日元": "jpy", "日圆": "jpy", "円": "jpy", "韩元": "krw", "卢布": "rub", "卢比": "inr",
    "港元": "hkd", "港币": "hkd", "원": "krw",
}  # fmt: skip
CENT = {"cents": "cent", "cent": "cent", "¢": "cent", "pence": "penny", "分钱": "cent"}
SCALES = {"k": 10**3, "m": 10**6, "mn": 10**6, "mm": 10**6, "bn": 10**9, "b": 10**9, "tn": 10**12, "t": 10**12}
NUMBER = r"(?<![\d.])-?\d++(?:\.\d++)?"


def spellings() -> dict:
    """{spelling: a unit's or a currency's name}, the name one word."""
    found = {}
    for part in UNITS.split(";"):
        kind, names = part.strip().split(": ")
        for unit in names.split():
            name = unit.replace("-", "")
            for locale in LOCALES:
                for length in ("long", "short"):
                    for count in (1, 2):
                        try:
                            spelt = format_unit(count, f"{kind}-{unit}", length, locale=locale)
                        except UnknownUnitError:
                            continue
                        found.setdefault(spelt.replace(str(count), "", 1).strip(), name)
            found |= {spelt.replace("-", " "): name for spelt in SPELT.get(unit, "").split()}
    for code in CURRENCIES.split():
        for count in (1, 2):
            found.setdefault(get_currency_name(code, count, locale="en"), code.lower())
        found.setdefault(code, code.lower())
    found |= MONEY | CENT
    return {spelt: name for spelt, name in found.items() if spelt.casefold() not in NO_UNITS}


@cache
def table() -> tuple:
    """(pattern of what stands behind a number, {its lower-case spelling: name}, the names)."""
    names = {spelt.casefold(): name for spelt, name in spellings().items()}
    spelt = sorted(names, key=len, reverse=True)
    latin = "|".join(re.escape(s).replace(r"\ ", r"[\s-]+") for s in spelt if s.isascii() or s[0] in "°℃℉¢")
    other = "|".join(re.escape(s) for s in spelt if not s.isascii() and s[0] not in "°℃℉¢")
    pattern = re.compile(rf"({NUMBER})(?:[\s-]?(?:{latin})(?![\w+#])|\s?(?:{other}))", re.I)
    return pattern, names, frozenset(names.values()) | SHARED.keys()


SIGN = "|".join(re.escape(s) for s in sorted(SIGNS, key=len, reverse=True))
BEFORE = re.compile(rf"(?<![\w$])(?:{SIGN})\s?({NUMBER})(?:\s?(k|mn|mm|m|bn|b|tn|t)\b)?(?:\s(?:USD|dollars)\b)?", re.I)
CODE_BEFORE = re.compile(rf"\b({'|'.join(CURRENCIES.split())}|RMB)\s?({NUMBER})\b")
SIGN_BEHIND = re.compile(rf"({NUMBER})\s?([€£¥₹₽₩₺₪฿₫₱₴₦$])(?!\d)")
FEET = re.compile(
    r"(?<!\d)(\d{1,6})\s?'\s?(\d{1,3})\s?(?:\"|''|in\b)?"
    r"|(?<!\d)(\d{1,6})\s?(?:ft|feet|foot)\.?,?\s(\d+)\s?(?:in\b\.?|inch(?:es)?)"
)


FOLLOWED = re.compile(r"\d[\s-]?[^\W\d_]|\d[\s-]?[°%℃℉¢'\"]")  # quick to find


def with_units(text: str) -> str:
    """A text in which every unit or currency of a number stands behind it under one name: "£5m": "5000000 gbp"."""

    def money(found) -> str:
        sign = re.match(SIGN, found.group(), re.I)[0].casefold()
        value = Decimal(found[1]) * SCALES.get((found[2] or "").casefold(), 1)
        return f"{value.normalize():f} {SIGNS[sign]} "

    if not re.search(r"\d", text):
        return text
    text = BEFORE.sub(money, text)
    text = CODE_BEFORE.sub(lambda m: f"{m[2]} {'cny' if m[1] == 'RMB' else m[1].lower()} ", text)
    text = SIGN_BEHIND.sub(lambda m: f"{m[1]} {SIGNS[m[2]]} ", text)
    text = FEET.sub(lambda m: f"{m[1] or m[3]} foot {m[2] or m[4]} inch ", text)
    if not FOLLOWED.search(text):
        return text
    pattern, names, _ = table()

    def named(found) -> str:
        if re.fullmatch(r"(?:\d\d)?\d0s", found.group()):
            return found.group()  # a decade
        spelt = re.sub(r"[\s-]+", " ", found.group()[len(found[1]) :].strip(" -\t\n")).casefold()
        return f"{found[1]} {names[spelt]} "

    return pattern.sub(named, text)


def is_unit(word: str) -> bool:
    """Whether a word is a unit's name as ``with_units`` writes it."""
    return word in table()[2]


def named_in(unit: str, text: str) -> bool:
    """Whether a text names a unit, without a number: "How many kilometres …"."""
    said = text.casefold()
    own = {unit, *SHARED.get(unit, ())}
    return any(
        re.search(rf"(?<!\w){re.escape(spelt)}(?!\w)" if spelt.isascii() else re.escape(spelt), said)
        for spelt, name in table()[1].items()
        if name in own and (len(spelt) > 2 or not spelt.isascii())
    )


def converted(words: tuple) -> list:
    """The ways to say a number and its unit that are exactly equal: ("5", "kilometer"): [("5000", "meter"), …].

    Args:
        words: as ``with_units`` leaves them; those of several numbers, or of no unit with a prefix, have none.
    """
    if len(words) == 1 and re.fullmatch(r"0\.\d+", words[0]):
        return [(f"{(Decimal(words[0]) * 100).normalize():f}", "percent")]
    if len(words) == 2 and words[1] in SPANS and re.fullmatch(NUMBER, words[0]):
        kind, factor = SPANS[words[1]]
        value = Decimal(words[0]) * factor
        return [(f"{(value / other).normalize():f}", name) for name, (own, other) in SPANS.items() if own == kind]
    if len(words) == 2 and words[1] in ("usd", "cent") and re.fullmatch(NUMBER, words[0]):
        value = Decimal(words[0])
        return [(f"{value * 100:f}", "cent")] if words[1] == "usd" else [(f"{(value / 100).normalize():f}", "usd")]
    if len(words) != 2 or not re.fullmatch(NUMBER, words[0]):
        return []
    number, unit = words
    if unit in SHARED:
        return [(number, other) for other in SHARED[unit]]
    ways = [(number, shared) for shared, units in SHARED.items() if unit in units]
    if unit == "percent":
        return [(f"{(Decimal(number) / 100).normalize():f}",)]
    base = next((b for b in PREFIXED if unit.endswith(b) and unit[: -len(b)] in EXPONENTS), None)
    if unit == "tonne":
        number, unit, base = f"{Decimal(number) * 1000:f}", "kilogram", "gram"
    if base is None:
        return ways
    value = Decimal(number).scaleb(EXPONENTS[unit[: -len(base)]])
    scaled = [(f"{value.scaleb(-exponent).normalize():f}", prefix + base) for prefix, exponent in EXPONENTS.items()]
    if base == "gram":
        scaled.append((f"{value.scaleb(-6).normalize():f}", "tonne"))
    return [*ways, *scaled]
