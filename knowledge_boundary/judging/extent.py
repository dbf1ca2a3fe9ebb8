"""Where an answer ends in what a model writes: one and the same cut for what is trained, sampled and evaluated."""

import re
import unicodedata

from ..wording.phrases import BEFORE_ANSWER, QUESTION, WILLING_LINE

MARKUP = " \t*_`#>~=-[](){}$\\|"  # signs that dress a text
SYMBOLS = ("Sm", "Sc", "So")  # what may be an answer without a letter or digit: "∞", "€"
FENCE = re.compile(r"\s*(```\w*|~~~\w*|</?\w+>)\s*")  # of code, of an answer's own tags
LEAD_IN = re.compile(rf"(?:{'|'.join(BEFORE_ANSWER)})\W*", re.I)
WILLING = re.compile(WILLING_LINE, re.I)
LEADING = re.compile(
    rf"\s*(?:(?:{'|'.join(BEFORE_ANSWER)})\s*[:：,.!。，]*\s+|(?:{'|'.join(BEFORE_ANSWER)})\s*[:：]\s*"
    r"|(?:最终|正确)?答案(?:应该)?[是为為]\s*)",
    re.I,
)
JSON = re.compile(
    r'"(?:final_?|correct_?)?(?:answer|response|output|result|choice|option)"\s*:\s*"?((?:[^"\\}]|\\.)*)"?', re.I
)
TAGGED = re.compile(r"<(answer|final|final_answer|response|output|result)>(.*?)(?:</\1>|$)", re.I | re.S)
TAG = re.compile(r"</?(?:p|b|i|em|strong|br|div|span|u|code|answer|final|response|output|result)\s*/?>", re.I)
BOXED = re.compile(r"\\(?:boxed|text|mathrm|textbf|mathbf)\s*\{((?:[^{}]|\{[^{}]*\})*)\}")


def extent(text: str) -> tuple[str, bool]:
    """The answer in what a model has written so far, and whether it is whole.

    It is the first line that says something, with the lead-ins before it ("The correct answer is:"): blank lines and
    lines of markup before it are left out, what comes after it belongs to it no more. A model that goes on with another
    question has not answered.
    """
    *whole, last = text.split("\n")
    kept, signs = [], []
    for number, line in enumerate([*whole, last]):
        if not says(line):
            signs += [line.strip()] if line.strip() and not FENCE.fullmatch(line) else []
            continue
        said = line.strip(f"{MARKUP}\r\u200b\ufeff\xa0\u3000")
        if not kept and line.startswith(QUESTION.strip()):
            return "", True
        kept.append(line.strip())
        if not (said.endswith((":", "：")) or LEAD_IN.fullmatch(said) or WILLING.fullmatch(said)):
            return "\n".join(kept), number < len(whole)
    return "\n".join(kept or signs[:1]), False


def says(line: str) -> bool:
    """Whether a line says something: it has a letter, a digit or a symbol that is no markup."""
    own = [c for c in line if c.isalnum() or (unicodedata.category(c) in SYMBOLS and c not in MARKUP)]
    return bool(own) and not FENCE.fullmatch(line)


def cut(text: str) -> str:
    """The answer in a whole text (``extent``)."""
    return extent(text)[0]


def unwrapped(text: str) -> str:
    """An answer out of what only holds it: a JSON object, tags of its own; empty where these hold nothing."""
    found = JSON.search(text)
    if found and found[1] == "null":
        text = " ".join(re.findall(r':\s*"([^"]+)"', text))
    elif found and text.strip("`json \n").startswith("{"):
        text = found[1].encode().decode("unicode_escape") if "\\u" in found[1] else found[1]
    tagged = TAGGED.search(text)
    if tagged:
        text = tagged[2]
    return TAG.sub("", text)


def answers(text: str) -> bool:
    """Whether a text has a word that is no lead-in ("Answer:"), nor the beginning of a sentence ("The length is")."""
    text = re.sub(r"<think>.*?(?:</think>|$)|```\w*", "", text, flags=re.S | re.I)
    if re.fullmatch(
        r"\W*(?:\w+\W+){0,3}\w+\s*[:：]\W*|(?:\s*\d+[.)]\s*)+"
        r"|\W*(?:the|its|his|her)(?: \w+){1,4} (?:is|was|are|were)\W*",
        text,
        re.I,
    ):
        return False
    return bool(re.search(r"\w", text)) and not LEAD_IN.fullmatch(text.strip(f"{MARKUP}:：. \n"))


def bare(text: str) -> str:
    """An answer without what only dresses it: bold, boxes, a lead-in."""
    boxed = BOXED.search(text)
    while BOXED.search(text):
        text = BOXED.sub(r"\1", text)
    if boxed:
        text = text.strip(MARKUP)
    text = re.sub(r"\*\*|__|`|^\s*#+\s", "", text).strip()
    while (lead := LEADING.match(text)) and text[lead.end() :].strip():
        text = text[lead.end() :].strip()
    return text
