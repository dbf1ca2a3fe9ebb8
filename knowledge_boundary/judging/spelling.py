"""One spelling for what is the same word: accents, forms of characters, British and American, one and many."""

import html
import re
import unicodedata
from functools import cache, lru_cache

# Apostrophes of all kinds join; letters that no accent can be taken from; powers, which NFKD would make digits.
LETTERFORMS = str.maketrans(
    dict.fromkeys("‘’ʻʼ`´", "'")
    | {"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i"}
    | {"æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe"}
    | {"⁄": "/", "∕": "/", "−": "-", "﹣": "-", "×": "x", "∞": " infinity "}
)
SUPERSCRIPT = re.compile("([⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)")
VULGAR = re.compile("(?<=\\d)(?=[¼½¾⅐-⅞])")  # "2½" has a space in it
KEPT_MARKS = (7, 8, 9)  # combining classes of Indic and Japanese marks, which make another letter, not an accent
HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
ENTITY = re.compile(r"&(?:#\d+|#x[0-9a-f]+|[a-z]{2,8});", re.I)

# British endings as American ones, on words of at least five letters.
BRITISH = (
    (re.compile(r"(?<=[a-z]{2})our(?=s?$|ed$|ing$|ful$|ite$|able$|ist$|hood$|less$)"), "or"),
    (re.compile(r"(?<=[a-z]{2}[bt])re(?=s?$)"), "er"),
    (re.compile(r"(?<=[a-z]{3})is(?=(?:e[ds]?|ing|ations?|ers?)$)"), "iz"),
    (re.compile(r"(?<=[a-z]{3})ys(?=(?:e[ds]?|ing|ers?)$)"), "yz"),
    (re.compile(r"(?<=[aeiou]l)l(?=(?:ed|ing|ers?|ous)$)"), ""),
    (re.compile(r"(?<=[a-z]{3})ogue(?=s?$)"), "og"),
    (re.compile(r"(?<=[a-z]{2})ence(?=s?$)"), "ense"),
    (re.compile(r"(?<=[a-z]{3})mme(?=s?$)"), "m"),
    (re.compile(r"^sulph"), "sulf"),
    (re.compile(r"^(a|e)e(?=[a-z]{4})|^oe(?=[a-z]{4})"), "e"),
    (re.compile(r"(?<=[a-z]{2})ae(?=[a-z]{2})"), "e"),
)
SPELLINGS = {
    "st": "saint", "mt": "mount", "ft": "fort", "dr": "doctor", "jr": "junior", "sr": "senior", "prof": "professor",
    "grey": "gray", "aluminium": "aluminum", "tyre": "tire", "tyres": "tire", "plough": "plow", "mould": "mold",
    "caesium": "cesium", "jewellery": "jewelry", "doughnut": "donut", "pyjamas": "pajamas", "moustache": "mustache",
    "cheque": "check", "draughts": "drafts", "kerb": "curb", "storey": "story", "okay": "ok", "vs": "versus",
    "ave": "avenue", "blvd": "boulevard", "rd": "road", "univ": "university", "dept": "department",
}  # fmt: skip
# Words that a dictionary knows as plurals, and that here are none.
NO_PLURALS = {
    "does",
    "goes",
    "besides",
    "always",
    "perhaps",
    "ours",
    "yours",
    "theirs",
    "hers",
    "thus",
    "states",
    "this",
    "less",
    "news",
    "plus",
    "yes",
}


def plain(text: str) -> str:
    """A text in one form of its characters.

    Compatible characters as one (full-width digits), no accents, Chinese characters as simplified ones (臺: 台),
    entities of HTML as what they stand for, powers behind "^".
    """
    if "&" in text and ENTITY.search(text):
        text = html.unescape(text)
    if text.isascii():
        return text.translate(LETTERFORMS)
    text = SUPERSCRIPT.sub(lambda m: "^" + unicodedata.normalize("NFKC", m[1]), VULGAR.sub(" ", text))
    text = unicodedata.normalize("NFKD", text.translate(LETTERFORMS))
    text = "".join(c for c in text if unicodedata.combining(c) in (0, *KEPT_MARKS))
    text = unicodedata.normalize("NFC", text).translate(LETTERFORMS)
    if not text.isascii():
        text = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)
    return simplified().convert(text) if HAN.search(text) else text


@cache
def simplified():
    """The converter from traditional to simplified characters."""
    import opencc

    return opencc.OpenCC("t2s")


@lru_cache(65536)
def one_spelling(word: str) -> str:
    """A word in lower case as it is compared: American, singular."""
    word = SPELLINGS.get(word, word)
    if not word.isascii() or not word.isalpha():
        return word
    if len(word) < 5:
        return (
            singular(word)
            if word in ("men", "feet", "mice", "oxen", "lice") or re.fullmatch("[a-z]{3}s", word)
            else word
        )
    for ending, american in BRITISH:
        word = ending.sub(american, word)
    return singular(word)


def singular(word: str) -> str:
    """A plural as its singular, by a dictionary: names that end in s stay."""
    from lemminflect import getAllLemmas

    if word in NO_PLURALS:
        return word
    return getAllLemmas(word, "NOUN").get("NOUN", (word,))[0]
