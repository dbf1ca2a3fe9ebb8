"""Words that are forms of one, or one misspelt: fields and who works in them, countries and their people, nicknames."""

import re
from functools import cache

from babel import Locale
from babel.languages import get_official_languages

# A field and who works in it: (the field's ending, the person's).
FIELDS = (
    ("ology", "ologist"), ("ics", "icist"), ("ics", "ician"), ("ics", "ist"), ("istry", "ist"), ("onomy", "onomer"),
    ("aphy", "apher"), ("osophy", "osopher"), ("ory", "orian"), ("ism", "ist"), ("tany", "tanist"), ("usic", "usician"),
    ("ecture", "ect"), ("ulpture", "ulptor"), ("ting", "ter"), ("nting", "nter"), ("xing", "xer"), ("try", "t"),
    ("iatry", "iatrist"), ("etry", "eter"), ("law", "lawyer"), ("magic", "magician"),
)  # fmt: skip
IRREGULAR = {
    "french": "france", "german": "germany", "dutch": "netherlands", "danish": "denmark",
    "swiss": "switzerland", "polish": "poland", "greek": "greece", "norwegian": "norway", "peruvian": "peru",
    "canadian": "canada", "filipino": "philippines", "thai": "thailand", "czech": "czechia",
    "slovak": "slovakia", "turkish": "türkiye", "turkey": "türkiye", "spanish": "spain", "irish": "ireland",
    "scottish": "scotland", "welsh": "wales", "english": "england", "portuguese": "portugal",
    "belgian": "belgium", "finnish": "finland", "swedish": "sweden", "iraqi": "iraq", "argentine": "argentina",
    "dominican": "dominican republic", "nigerian": "nigeria", "nigerien": "niger", "niger": "niger",
    "chad": "chad", "mali": "mali", "guinean": "guinea", "icelandic": "iceland",
}  # fmt: skip
NICKNAMES = {
    "teddy": "theodore", "bill": "william", "will": "william", "bob": "robert", "rob": "robert",
    "dick": "richard", "jim": "james", "jimmy": "james", "jack": "john", "johnny": "john", "tom": "thomas",
    "joe": "joseph", "mike": "michael", "abe": "abraham", "ben": "benjamin", "ted": "edward", "ed": "edward",
    "tony": "anthony", "liz": "elizabeth", "kate": "katherine", "beth": "elizabeth", "harry": "harold",
    "hank": "henry", "chuck": "charles", "charlie": "charles", "larry": "lawrence", "bobby": "robert",
    "billy": "william", "steve": "steven", "andy": "andrew", "ron": "ronald",
}  # fmt: skip


def misspelt(a: str, b: str) -> bool:
    """Whether two words have the same letters, but for their order or for doubled ones: "Ghandi", "Missisippi"."""
    if min(len(a), len(b)) < 6 or a[0] != b[0] or not (a.isalpha() and b.isalpha()):
        return False
    return sorted(a) == sorted(b) or (len(a) > 6 and re.sub(r"(.)\1", r"\1", a) == re.sub(r"(.)\1", r"\1", b))


def nearly(a: str, b: str) -> bool:
    """Whether two names of five letters and more differ in one letter, behind the first: "Edvard", "Edward"."""
    if a == b or min(len(a), len(b)) < 5 or abs(len(a) - len(b)) > 1 or a[0] != b[0] or not (a + b).isalpha():
        return a == b
    at = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return a[at + (len(a) >= len(b)) :] == b[at + (len(b) >= len(a)) :]


def same_field(a: str, b: str) -> bool:
    """Whether two words are forms of one.

    A field and who works in it ("philosophy", "philosopher"), a country and who is of it ("Italy", "Italian"), who does
    and what he did ("painter", "painted").
    """
    if a == b:
        return False
    if country_of(a) == country_of(b) is not None or does(a, b) or does(b, a):
        return True
    return any(
        one.endswith(field) and other.endswith(person) and one[: -len(field)] == other[: -len(person)]
        for one, other in ((a, b), (b, a))
        for field, person in FIELDS
    )


def does(who: str, verb: str) -> bool:
    """Whether a verb says what someone does: "singer", "sang"."""
    from lemminflect import getAllLemmas

    if not re.fullmatch("[a-z]{3,}(?:er|or)", who) or len(verb) < 4:
        return False
    return bool({who[:-2], who[:-1]} & {*getAllLemmas(verb, "VERB").get("VERB", ())})


@cache
def peoples() -> dict:
    """{a country, or who and what is of it, in lower case: the country}, by usual endings and the languages' names."""
    english = Locale("en")
    names = {code: name.casefold() for code, name in english.territories.items() if code.isalpha() and " " not in name}
    found = {}
    for code, name in sorted(names.items(), key=lambda item: len(item[1])):
        endings = [f"{name}n"] * name.endswith("a") + [f"{name}{end}" for end in ("an", "ian", "ese", "i", "ish")]
        endings += [f"{name[:-1]}{end}" for end in ("ian", "ese", "an", "ish")] + [f"{name[:-2]}ish"]
        spoken = (english.languages.get(language, "") for language in get_official_languages(code))
        endings += [language.casefold() for language in spoken if language[:2].casefold() == name[:2]]
        found |= dict.fromkeys([name, *endings], name)
    return found | IRREGULAR


def country_of(word: str) -> str | None:
    """The country that a word names, or whose people or things it names; None for other words."""
    return peoples().get(word)
