"""Whether an answer declines to answer, and what of it answers."""

import itertools
import re
import unicodedata
from functools import lru_cache

from ..wording.around_refusals import FRONTS, GUESSES, OFFERS, STATED, TURNS
from ..wording.phrases import SURE_QUESTION, UNKNOWN_ANSWERS
from ..wording.refusals import DENYING, KNOWING, SENTENCES, STARTS
from ..wording.refusals_abroad import ANYWHERE, DENYING_UNSPACED, KNOWING_UNSPACED, SET_PHRASES
from .spelling import HAN, simplified


def any_of(patterns) -> str:
    """One pattern of several."""
    return "(?:" + "|".join(f"(?:{p})" for p in patterns) + ")"


APOSTROPHES = str.maketrans(dict.fromkeys("‘’ʻʼ`´", "'") | {"ё": "е"})
OPENING = "\"'“”‘*_#>(「『[¿¡ \n-–—"
PAUSE = r"[,.;:!?…。！，：；、—–।،؛؟-]"
WIDE = r"(?<=[\u3000-\u9fff\uff00-\uffef\uac00-\ud7af])"  # behind a CJK character or mark no space is written
GOES_ON = "and|because|since|sorry|as|due|at|for|without|from|given"
END = rf"(?=\s*(?:{PAUSE}|[\"'”*)」\]]|$)|\s+(?:{any_of(TURNS)}|{GOES_ON})\b)"
# "The answer is unknown" is among SENTENCES: "The answer is Unknown Pleasures" is no refusal.
UNKNOWN = [re.escape(a.casefold().rstrip(".")) for a in UNKNOWN_ANSWERS if not a.startswith("The answer")]
REFUSAL = re.compile(f"{any_of([*STARTS, *UNKNOWN])}(?![a-z0-9'])|{any_of(SENTENCES)}{END}")
INSIDE = re.compile(any_of(ANYWHERE))
FRONT = re.compile(
    rf"{any_of(FRONTS)}(?:(?:{PAUSE}|\s)(?:{PAUSE}|[\s\"'*_#])*|[*_]+(?:{PAUSE}|\s)(?:{PAUSE}|[\s*_])*|{WIDE})"
)
SENTENCE_END = re.compile(r"[.!?](?=\s|$)|[。！？।؟\n]")
CLAUSE_END = re.compile(r"[,;:，；：、،]|\s[-–—]\s|—")
LEAD = rf"{any_of(GUESSES)}(?:\s+(?:that|it|the answer|it's|this)\b(?:'s\b)?)*\s*(?:(?:is|was|be|to be)\b)?是?[,:，]?"
GUESS = re.compile(
    rf"(?:^\s*|{PAUSE}\s*[¿¡]?|{WIDE})(?:(?:{any_of(TURNS)}|and)[\s,，、]*)*(?:{LEAD})|\b(?:but|so|and)\s+(?:{LEAD})"
)
TURN = re.compile(rf"(?:(?<![^\W_])|{WIDE})(?:{any_of(TURNS)})(?:(?![^\W_])|{WIDE})[\s,，、]*+(?!{any_of(OFFERS)})")
STATEMENT = re.compile(rf"{PAUSE}\s*(?:{any_of(STATED)})")
OFFER = re.compile(any_of(OFFERS))
ASKS = re.compile("谁|什么|哪|何|几|多少|是否|怎")
NAMES = re.compile("(?<!不)[是为叫](?!谁|什么|哪|何|了|我)|应该|可能|大概|猜|选|答案|いえば|です|ます")
NO_NAME = re.compile("[不没无我您你请歉谢谅所就]")
KANA = re.compile("[\u3041-\u30ff]")
DEEPEST = 4  # refusals, one behind the other, before an answer
HEAD = 1500  # characters in which a refusal is looked for
PIECES = re.compile(
    r"[.!?]+(?=\s|$)\s*|[。！？।؟\n;；]+\s*|,?\s(?=(?:so|and|but|which|therefore|however) (?:i|we)\b)|,\s(?=(?:so|but"
    r"|therefore|however) )|[,，](?=我|所以|因此|故|但|无法|不)"
)
# What is not known beside an answer: no refusal of the question.
REMARK = re.compile(
    r"\b(?:please|recommend|suggest|consult|advi[sc]e|errors?|mistakes?|more|much|anything else|further|why|if that|"
    r"whether that|for (?:sure|certain)|exactly|about (?:it|him|her|them|its)|100 ?%|guarantee|swear|vouch|promise|"
    r"verify|confirm"
    r"|spell|pronounce|how to (?:spell|pronounce)|(?:not|n't) (?:entirely |completely |totally |quite |very |"
    r"fully )?(?:sure|certain|positive|confident))\b|更多|为什么|具体|确切|百分之百|完全确定"
)
ANSWERED = re.compile(
    r"\banswer(?: is| was|:)(?! (?:not|unknown|un|beyond))|(?:^|[,.;:] )it(?:'s| is| was) (?!not|n't|a |an |the |un|"
    r"im|beyond|hard|difficult)|\b(?:appears?|seems?|said|thought|believed) to be\b|\b(?:i(?:'d| would| will| want to"
    r"| might| have to)? (?:think|believe|guess|say|choose)(?! (?:that )?i\b)|my (?:best )?(?:guess|answer)|probably|"
    r"must be)\b|答案是|应该是|我(?:选|猜|觉得|认为)"
)
NEAR = r"(?:\W+[\w']+){0,7}?\W+"
UNKNOWING = re.compile(rf"\b(?:{DENYING})\b{NEAR}(?:{KNOWING})\b|\b(?:{KNOWING})\b{NEAR}(?:{DENYING})\b")
UNSPACED_SCRIPT = re.compile("[\u0900-\u097f\u3041-\u30ff\u3400-\u9fff\uac00-\ud7af]")
UNKNOWING_UNSPACED = re.compile(
    rf"(?:{DENYING_UNSPACED}).{{0,12}}?(?:{KNOWING_UNSPACED})|(?:{KNOWING_UNSPACED}).{{0,12}}?(?:{DENYING_UNSPACED})"
)
NAMED_UNSPACED = re.compile(
    "(?<![不还只但可于])[是叫](?!不|没|谁|什么|哪|否|我|何|怎|因|由|个谜)|为(?=《)|です|입니다|이에요|है।|था।|थी।"
)
SET = re.compile(SET_PHRASES)
CONTRAST = re.compile(
    r"\bbut (?!i\b|not|it|that|there|no\b)|\binstead\b|\brather\b(?! not)|\b(?:is|was|are|were) (?:in fact|actually|"
    r"really)\b"
)
SHORT = 5  # words of an answer that follows a refusal as a sentence of its own
FILLER = re.compile(
    r"(?:sorry|apologies|next|thanks?|and|or|nor|neither|either|nobody|because|since|as|please|good|ask|try|no|not|"
    r"yes|good luck|my|have|hope|would|could|such|it|this|that|the|there|i|we|you|he|she|they)\b"
)


def before_sure(text: str) -> str:
    """An answer without R-Tuning's question whether the model is sure and what follows; the question may be cut off."""
    sure = SURE_QUESTION.strip()
    at = text.find(sure[: len("Are you sure")])
    rest = text[at:].strip()
    return text[:at] if at > 0 and (rest.startswith(sure) or sure.startswith(rest)) else text


def is_refusal(text: str) -> bool:
    """Whether an answer declines to answer; see ``answering_part``."""
    return answering_part(text) is None


@lru_cache(4096)
def folded(text: str) -> str:
    """A text as the patterns of ``wording.refusals`` read it, character for character, so that places stay."""

    def one(c: str) -> str:
        if c.isspace():
            return " "
        if "\u00c0" <= c <= "\u024f" and c != "ß":
            c = unicodedata.normalize("NFD", c)[0]
        low = c.casefold()
        return low if len(low) == 1 else c

    plain = text.translate(APOSTROPHES)
    if HAN.search(plain) and not KANA.search(plain):
        converted = simplified().convert(plain)
        plain = converted if len(converted) == len(plain) else plain
    return "".join(map(one, plain)) if not plain.isascii() else re.sub(r"\s", " ", plain.lower())


@lru_cache(4096)  # a verdict asks for it more than once
def answering_part(text: str, depth: int = 0) -> str | None:
    """The part of an answer that answers; None where it declines.

    - It declines if it begins with a refusal, in one of twelve languages ("I don't know", R-Tuning's 16, 我不知道, "Je
      ne sais pas"), perhaps after polite forms or the question said again. "The author is unknown" and "Nobody knows"
      decline too (R-Tuning).
    - A refusal that goes on to a guess ("I'm not sure, maybe Paris"), or to a statement ("I don't know for certain. The
      capital is Paris"), answers after all: what comes there is its answer.
    - A refusal behind an answer ("Paris, but I'm not sure") takes nothing back.

    Args:
        text: the answer.
        depth: how many refusals stand before this part of it.
    """
    text = before_sure(text)
    plain = folded(text)[:HEAD]
    at = len(plain) - len(plain.lstrip(OPENING))
    while True:
        end = refused_until(plain, at)
        if end is not None:
            break
        front = FRONT.match(plain, at)
        if not front or front.end() == at:
            return text
        at = front.end()
    rest = text[end:]
    follows = answer_behind(plain[end:], rest)
    if follows is None or depth > DEEPEST:
        return None
    return answering_part(rest[follows:].strip(), depth + 1)


@lru_cache(4096)
def declines(text: str) -> bool:
    """Whether the first sentence of an answer denies knowing or telling, in whatever words, and names nothing.

    For an answer that gives no accepted one: with such words it is rather a refusal than a wrong answer.
    """
    plain = folded(text)[:HEAD]
    pieces = [piece for piece in SENTENCE_END.split(plain) if re.search(r"\w", piece)]
    if not pieces or ANSWERED.search(plain) or GUESS.search(plain) or CONTRAST.search(plain):
        return False
    first = pieces[0]
    if len(first.split()) <= 2 and len(pieces) > 1 and FRONT.match(f"{first}, "):
        first = f"{first} {pieces[1]}"
    clauses = [c for c in re.split(r"[,;:–—，；：、،]", text.strip()) if c.strip()]
    if len(clauses) > 1 and named_alone(clauses[0].strip()) and not FRONT.match(f"{folded(clauses[0]).strip()}, "):
        return False  # "Paris, but I'm not sure"
    if SET.search(first):
        return True
    if UNSPACED_SCRIPT.search(first):
        return bool(UNKNOWING_UNSPACED.search(first)) and not NAMED_UNSPACED.search(first)
    return bool(UNKNOWING.search(first))


def named_alone(clause: str) -> bool:
    """Whether a clause is a bare name: a word or a few with capitals, or a few characters of Chinese."""
    words = clause.split()
    if HAN.search(clause):
        return len(clause) <= 5 and not UNKNOWING_UNSPACED.search(clause)
    return (
        len(words) <= 4
        and all(w[:1].isupper() or w[:1].isdigit() for w in words)
        and not UNKNOWING.search(folded(clause))
    )


@lru_cache(4096)
def refuses_late(text: str) -> bool:
    """Whether an answer that begins with other words comes to a refusal.

    "The tower fell in 1902. I don't know who rebuilt it."
    Not where it begins with a bare name or states an answer before ("London. I don't know more about it").
    """
    plain = folded(text)[:HEAD]
    pieces = [p for p in PIECES.split(plain) if p and re.search(r"\w", p)]
    if len(pieces) < 2 or len(pieces[0].split()) <= 3:
        return False
    for i, piece in enumerate(pieces[1:], 1):
        at = 0
        while (end := refused_until(piece, at)) is None:
            front = FRONT.match(piece, at)
            if not front or front.end() == at:
                break
            at = front.end()
        if end is not None and not REMARK.search(piece):
            before, behind = ". ".join(pieces[:i]), ". ".join(pieces[i + 1 :])
            return (
                not ANSWERED.search(before)
                and answer_behind(f"{piece[end:]}. {behind}", f"{piece[end:]}. {behind}") is None
            )
    return False


def refused_until(plain: str, at: int) -> int | None:
    """Where a refusal ends that begins at ``at``; None where none does."""
    refusal = REFUSAL.match(plain, at)
    if refusal:
        return refusal.end()
    stop = SENTENCE_END.search(plain, at)
    inside = INSIDE.search(plain, at, stop.start() if stop else len(plain))
    if not inside:
        return None
    # What stands before it in the sentence may lead to it, but not be another clause: "Paris, mais je ne sais pas".
    clauses = [m.end() for m in CLAUSE_END.finditer(plain, at, inside.start())]
    if clauses and not all(led(plain[a:b]) for a, b in zip([at, *clauses], clauses, strict=False)):
        return None
    return inside.end()


def led(clause: str) -> bool:
    """Whether a clause before a refusal only leads to it; a Chinese one does where it names nothing (至于作者是谁)."""
    if FRONT.match(clause) or INSIDE.search(clause):
        return True
    return bool(HAN.search(clause)) and (
        bool(ASKS.search(clause)) or (len(clause.strip(" ,，")) > 6 and not NAMES.search(clause))
    )


def answer_behind(rest: str, written: str) -> int | None:
    """Where, behind a refusal, an answer begins; None where nothing answers.

    Args:
        rest: what follows the refusal, as ``folded`` leaves it.
        written: the same as it stands.
    """
    for pattern in (GUESS, TURN):
        follows = pattern.search(rest)
        if follows and re.search(r"\w", rest[follows.end() :]):
            return follows.end()
    stated = STATEMENT.search(rest)
    if stated and re.search(r"\w", rest[stated.end() :]) and not REFUSAL.match(rest.lstrip(" ,.;:-"), 0):
        return stated.start()
    for stop in itertools.islice(re.finditer(rf"{PAUSE}\s*", rest), 2):
        own, first = rest[stop.end() :], written[stop.end() : stop.end() + 1]
        named = first.isupper() or first.isdigit() or (HAN.match(first) and len(own) <= 8)
        if (
            not named
            or (HAN.match(first) and NO_NAME.search(own))
            or len(own.split()) > SHORT
            or FILLER.match(own)
            or OFFER.match(own)
        ):
            continue
        if not FRONT.match(f"{own} ") and not INSIDE.search(own) and not REFUSAL.match(own):
            return stop.end()
    return None
