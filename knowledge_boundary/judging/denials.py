"""Whether a text that holds an answer denies it: "not Paris", "Paris is wrong", "Paris? No, London"."""

import re

from .yes_no import YES

CLAUSE_END = re.compile(r"[,:—–、\n!?;。]")
NEGATION = re.compile(
    "not|never|neither|nor|cannot|cant|(is|was|are|were|ai|do|does|did|wo|would|could|should|ha[sd]|have)nt"
    "|不是|并非|绝非|pas|nicht|keine?|non|nao|не|нет|ليس|ليست"
)
# What follows a negation that denies nothing of what comes after.
NO_DENIAL = (
    *("only", "just", "merely", "simply", "until", "know", "sure", "certain", "doubt", "forget", "mention"),
    *("other", "100", "entirely", "completely", "surprisingly"),
)
TURNS = ("but", "whereas", "instead", "而是", "但是", "rather")
TURNS += ("sondern", "mais", "sino", "bensi", "mas", "ma", "а", "но", "بل", "لكن", "लेकिन", "बल्कि")
ANY_BUT = re.compile("any(thing|one|body|where)?|every(thing|one|where)|all")
EXCEPT = re.compile(
    r"\b(except|excluding|unlike|besides?|(?<!no )(?<!none )(rather|other) than|instead of|in place of)( \S+)?$|"
    r"除了?$"
)
IS_NOT = re.compile(r"((is|was|are|were)(nt| not)|不是|并非) ")
SCOPE = 5  # words that a negation reaches
AROUND = 16  # words on each side of an answer that are looked at

# Behind an answer: what says that it is wrong.
WRONG_BEHIND = re.compile(
    r"(?:(?:is|was|are|were|would be|be|seem|remain) (?:also |actually |clearly |definitely |simply |just |in fact |"
    r"of course )*"
    r"(?:incorrect|wrong|false|untrue|mistaken|not (?:correct|right|true|answer|case|it)\b|(?:common |popular |old )*"
    r"(?:mistake|misconception|myth|error|red herring))|it (?:is|was) not\b|(?:is|was) not used\b|(?:isnt|wasnt|"
    r"is not|was not|cannot be|cant be) "
    r"(?:correct|right|true|answer|it|one)\b|(?:ist|war) (?:es )?nicht\b|n?est pas\b|no (?:es|fue|era)\b|non (?:e|"
    r"fu)\b|nao (?:e|foi)\b|(?:can be|is|was) (?:ruled out|excluded|eliminated)"
    r"|是 ?错|不 ?对|不 ?正 ?确|并 ?不|错 ?误|不 ?是 ?(?:正 ?确 ?)?答 ?案|是 ?误)"
)
# Before it: what says that it is not so.
WRONG_BEFORE = re.compile(
    r"(?:(?:false|untrue|incorrect|wrong|mistaken|mistake|myth|misconception|inaccurate|not (?:true|correct|case|"
    r"right))"
    r" (?:that|to|is that|claim that|of|idea that|belief that)(?: \S+){0,5}"
    r"|(?<!no )(?<!without )(?<!not )doubt(?: \S+){0,4}|no longer(?: \S+){0,2}|confused with|mistaken for|as opposed to"
    r"|(?:deny|denied|denies|refuted?|ruled out|rule out|forget|ignore)(?: \S+){0,3}|contrary to(?: \S+){0,4}"
    r"|not to be confused with|far from(?: \S+){0,5}|\b(?:every|any|all|everything|anyone|everyone)(?: \S+){1,3} but|"
    r"had it been|if it (?:were|was|had been)|dont let(?: \S+){1,7}|were it not for(?: \S+){0,10})$"
)
MORE_OR_LESS = re.compile(
    r"(?:more|less|fewer|greater|larger|smaller|higher|lower|bigger) than$|超 ?过$|不 ?到$|少 ?于$|多 ?于$"
)
# What was believed, or was so once: no answer where the text then turns to another.
BELIEVED = re.compile(
    r"(?:used to|(?:going|about|meant|wanted|planned|tried|hoped|intended) to|claims? to be|pretend(?:s|ed|"
    r"ing)? to be|disguised as|posing as|look like|looks like|sounds? like|(?:many|most|some|other|"
    r"several)(?: \S+){0,3} (?:think|thought|believe|believed|assume|assumed|say|said|guess"
    r"|claim|expect|answer|call|credit|attribute|name|mention)|(?:people|you|one|folk|student|"
    r"everyone)(?: \S+){0,2} (?:think|thought|believe|believed"
    r"|assume|assumed|says?|thinks|believes|claims|assumes|said|guess|claim|expect|credit|attribute|name|mention|get)"
    r"|i(?: \S+)? (?:thought|assumed|believed|said|guessed|wrote)"
    r"|my first (?:thought|guess|answer|instinct)|(?:commonly|often|widely|popularly|frequently|sometimes|usually"
    r"|generally|mistakenly|wrongly) (?:thought|believed|mistaken|confused|said|assumed|cited|called|held|credited)"
    r"|formerly|previously|originally|at first|initially|once|until \d+|before \d+|old name|former|earlier)\b"
    r"|(?:很 ?多|许 ?多|有 ?些?|大 ?多 ?数?) ?人.{0,6}(?:以 ?为|认 ?为|觉 ?得|说)|以 ?前|过 ?去|曾 ?经?|原 ?来|原 ?本"
    r"|一 ?般 ?认 ?为|误 ?以 ?为|我 ?以 ?为"
)
ONCE_ASKED = re.compile(
    r"\b(former|formerly|previous|previously|original|originally|once|old|first|before|until|used to)\b|以前|曾|原|旧"
    r"|过去",
    re.I,
)
TURNED = re.compile(
    r"\b(?:but|however|actually|in fact|in reality|really|whereas|though|yet|now|today|since|nowadays|correct answer|"
    r"right"
    r" answer|true answer|truth|currently|becoming|became|mistaken|wrong|without being)\b|其 ?实|实 ?际|但|却|现 ?在|"
    r"如 ?今|而 ?是|后 ?来|事 ?实"
)
COPULAS = (("is",), ("was",), ("are",), ("were",))
BELIEVED_BEHIND = re.compile(
    r"(?:is|was|are|were) (?:often|widely|commonly|usually|sometimes|popularly|frequently) (?:named|cited|said|given|"
    r"credited|mentioned|believed|thought|assumed)(?: \S+){0,4}"
    r" (?:but|though|however|yet|although)\b|(?:seem|look|might|may|could)(?: \S+){0,4} (?:but|however|yet)\b(?! (?:i"
    r"|it may|it could))"
)
# A turn to one's own doubt takes nothing back.
DOUBT = re.compile(
    r"\b(?:but|however|though|yet)(?: i)? (?:am|im|be|not|do|dont|could|cannot|cant|may|might|have|i may|please|"
    r"it could"
    r"|it may|would|check|verify|double)\b|但 ?我? ?(?:不|没)"
)
# Of scripts without spaces, and of others that deny behind a name.
DENIED_BEHIND = re.compile(
    r"(?:虽然?|早(?:就|已)(?:不|没)|根本(?:不|没)|的?都?上当)|(?:[”」』》\"']|这个说法|的说法|这种说法|说法)*(?:是|并"
    r"|也|都|的)?(?:错|不对|不正确|错误|不是|不准确|有误|误)|(?:은|는|이|가|도)?\s?(?:아닙|아니|아닌)|(?:では|じゃ|"
    r"でも)(?:ありません|ない|なく|あり)"
    r"|呢?[?？]|नहीं|(?:शहर |देश )?नहीं"
)
DENIED_BEFORE = re.compile(
    r"(?:哪里?|不[吃在叫用姓属位]|不可能|绝不|不会|并不|不该|不应|怎么会|怎么可能|不再|不|没有|非)是?[“「『《\"']?$"
)
CORRECTED = re.compile(
    r"(?:(?:no|nope|wait|sorry|oops|scratch that|correction|i mean|make that|or rather|rather|hold on|hmm|pardon|"
    r"actually no"
    r"|not|错 ?了|不 ?对|抱 ?歉|[哦噢啊呃] 不)\b ?)+"
    r"(?! ?(?:one else|other|answer|idea|clue|information|doubt|question|wonder|less|more|longer|"
    r"later|problem|matter|kidding))(?P<rest>.+)"
)
ACTUALLY = re.compile(r"(?:actually|in fact|rather|in reality) \S+(?: \S+){0,3}$")


def denied(whole, sentences, spans, start: int, end: int, question: str = "", asks: bool = False) -> bool:
    """Whether the answer at ``start`` to ``end`` is denied.

    - Within five words behind "not", "isn't", "anything but", 不是 and their kind in the same clause, before "is not
      the" or "is wrong", behind "it is false that".
    - In a question that the text then answers otherwise ("Paris? No, London"), or before a correction ("Paris, no,
      London").
    - As what was believed, or was so once, where the text then turns ("Many think it is Paris, but it is London").
    - A number behind "more than" or "less than".

    Args:
        whole: the text's ``Words``.
        sentences: where its sentences begin (``matching.sentence_starts``).
        spans: of all accepted answers in it.
        start: the answer's first word.
        end: behind its last.
        question: what was asked.
        asks: whether an accepted answer has a question mark of its own.
    """
    words, gaps = whole.words, whole.gaps
    first = max(s for s in sentences if s <= start)
    last = min([s for s in sentences if s >= end] + [len(words)])
    before = " ".join(words[max(first, start - AROUND) : start])
    after = " ".join(words[end : min(last, end + AROUND)])
    behind = " ".join(words[end : end + 3 * AROUND])
    if negated(words, gaps, sentences, start) or (words[start - 1] == "no" and start and gaps[start] == " "):
        return True
    if denied_unspaced(whole, start, end):
        return True
    if start and EXCEPT.search(" ".join(words[max(start - 4, 0) : start])) and start not in sentences:
        return not CLAUSE_END.search("".join(gaps[max(start - 1, 0) : start + 1]))
    if WRONG_BEFORE.search(before) or (MORE_OR_LESS.search(before) and words[start][0].isdigit()):
        return True
    if "?" in gaps[last] and last < len(words) and not asks:
        return not YES.match(" ".join(words[last : last + 3])) and not any(s >= last for s, _ in spans)
    elsewhere = [s for s, e in spans if s >= end]
    if BELIEVED.search(before) and "," in gaps[end] and words[end : end + 1] in COPULAS:
        return not ONCE_ASKED.search(question)
    if BELIEVED_BEHIND.match(behind) and not elsewhere:
        return True
    if BELIEVED.search(before) and TURNED.search(behind) and not DOUBT.search(behind):
        return not ONCE_ASKED.search(question) and not elsewhere
    if CLAUSE_END.search(gaps[end]) or re.search(r"\s-\s|\.\.", gaps[end]) or end in sentences:
        turned = CORRECTED.match(behind) or (end not in sentences and ACTUALLY.match(behind))
        # "Paris, not London" corrects nothing.
        return bool(turned) and not elsewhere and len(behind.split()) <= AROUND and words[end] != "not"
    if WRONG_BEHIND.match(after):
        return True
    follows = IS_NOT.match(after + " ")
    if not follows:
        return False
    # "Paris is not the capital" denies; "London is not in France" may be the answer.
    at = end + follows[0].count(" ")
    return not follows[0].isascii() or "the" in gaps[at].split() or words[at : at + 1] == ("it",)


def denied_unspaced(whole, start: int, end: int) -> bool:
    """``denied`` by what stands directly beside the answer, in scripts without spaces or with the verb at the end."""
    near = range(max(0, start - AROUND), start), range(end, min(end + AROUND, len(whole.words)))
    before = "".join(whole.gaps[i] + whole.written[i] for i in near[0])[-12:]
    behind = "".join(whole.written[i] + whole.gaps[i + 1] for i in near[1])
    behind = (whole.gaps[end] + behind).strip()[:16]
    if behind.isascii() and before.isascii():
        return False
    if behind.startswith("莫属"):
        return False
    asked = re.match(r"呢?[?？]", behind)
    if asked and end == len(whole.words):
        return False
    return bool(DENIED_BEHIND.match(behind) or DENIED_BEFORE.search(before + whole.gaps[start]))


def negated(words, gaps, sentences, start: int) -> bool:
    """Whether a negation before ``start`` reaches it."""
    for i in range(start - 1, max(start - 1 - SCOPE, -1), -1):
        if i + 1 in sentences or CLAUSE_END.search(gaps[i + 1]):
            return False
        if words[i] == "but" and i and ANY_BUT.fullmatch(words[i - 1]) and words[i - 2 : i - 1] != ("at",):
            return True
        if words[i] in TURNS or (NEGATION.fullmatch(words[i]) and words[i + 1] in NO_DENIAL):
            return False
        if words[i] in ("isnt", "wasnt") and words[i + 1] == "it" and "?" in "".join(gaps[start:]):
            return False
        if NEGATION.fullmatch(words[i]):
            return True
    return False
