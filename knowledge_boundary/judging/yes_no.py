"""What an answer to a yes-or-no question says."""

import re

from .words import words_of

# Regular expressions on words as ``words_of`` has them.
YES = re.compile(
    r"(?:yes|yeah|yep|yup|correct|right|true|indeed|absolutely|affirmative|certainly|definitely|exactly|sure|of course"
    r"|(?:that|this|it)(?: i|s| is)? (?:correct|right|true|indeed)|thats (?:correct|right|true))\b(?! not)"
    r"|是(?! ?错| ?否| ?假)|对|正 ?确|没 ?错|确 ?实|当 ?然|会|有|可 ?以|能|真|属 ?实|(?:si|oui|ja|sim|да)\b"
)
NO = re.compile(
    r"(?:no|nope|nah|false|incorrect|wrong|untrue|negative|never|not|(?:that|this|it|(?:this |that )?(?:statement|"
    r"claim))(?: is|s)? (?:not|false|incorrect|wrong|untrue)"
    r"|thats (?:false|incorrect|wrong|not)|only\b|just one\b|neither|none|absolutely not|definitely not|certainly not"
    r"|of course not)\b"
    r"|不|没 ?有|没(?! ?错)|否|错|假|并 ?非|并 ?不|绝 ?非|不 ?是|从 ?未|无|(?:nein|non|nao|нет)\b"
)
NEGATED = re.compile(
    r"\b(?:not|never|neither|nor|cannot|cant|(?:is|was|are|were|do|does|did|wo|would|could|should|ha[sd]|have)nt|"
    r"no)\b|不|没|无|并非"
)
SAID = re.compile(
    r"\b(?:(?:so|thus|therefore|hence|then)(?: it| that| this)?(?: is)?|answer(?: is|:)?) (yes|no|true|false)\b"
)
AFFIRMED = re.compile(
    r".{0,12}(?:都 ?是|均 ?是|也 ?是|确 ?实|的 ?确)|(?:they|he|she|it|both|we|you|i|there|this|that)\b"
)
LAST = re.compile(r"\b(?:so|thus|hence|therefore),? (yes|no|true|false)$")
GOLDS = {"yes": True, "true": True, "no": False, "false": False}
GOLDS |= {"是": True, "对": True, "正确": True, "否": False, "错": False, "不是": False, "错误": False, "不对": False}
GOLDS |= dict.fromkeys(("没有", "没", "不会", "不能", "不可以", "无", "不可能", "nein", "non", "нет"), False)
GOLDS |= dict.fromkeys(("有", "会", "能", "可以", "没错", "是的", "对的", "ja", "oui", "si", "sí", "sim", "да"), True)
MARKS = {"×": False, "✗": False, "❌": False, "x": False, "√": True, "✓": True, "✔": True, "✅": True}


def polarity(gold: str) -> bool | None:
    """Whether a gold is "yes" or "no" and nothing else; None for other answers."""
    return GOLDS.get(gold.strip().strip(".!。").casefold())


def says_at_once(text: str) -> bool:
    """Whether an answer begins with yes or no."""
    words = " ".join(words_of(text).words[:3])
    return bool(
        re.match(
            r"(?:yes|no|true|false|correct|incorrect)\b(?! (?:idea|clue|answer|info|data|comment))|是|否|对|不是|没有",
            words,
        )
    )


def says(text: str) -> bool | None:
    """Whether an answer says yes or no; None where it says neither, or both."""
    if text.strip().casefold() in MARKS:
        return MARKS[text.strip().casefold()]
    words = re.sub(r"^no (?:doubt|question|problem)\b", "", " ".join(words_of(text).words)).strip()
    found = SAID.search(words) or LAST.search(words)
    if found:
        return GOLDS[found[1]]
    for pattern, meaning in ((YES, True), (NO, False)):
        start = pattern.match(words)
        if start and not (meaning and re.match(r" (?:and|or) no\b|/no", words[start.end() :])):
            return meaning if not re.match(r"or (?:no|yes)", words[start.end() :].strip()) else None
    named = set(re.findall(r"\b(yes|no)\b", words))
    if len(named) == 1:
        return named == {"yes"}
    if NEGATED.search(words):
        return False
    return True if AFFIRMED.match(words) else None
