"""How names are compared and varied in make_world_facts.py."""

import re
import unicodedata


def norm(text: str) -> str:
    """Lower case without accents, punctuation and articles: two texts that differ only so are the same answer."""
    text = "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))
    text = re.sub(r"[^\w\s]|_", " ", re.sub(r"['’ʻ.]", "", text))
    return " ".join(word for word in text.split() if word not in {"a", "an", "the"})


def words(text: str) -> set[str]:
    """The words of a text."""
    return set(text.split())


def split_names(text: str) -> list[str]:
    """The names of a list that has ";" between them."""
    return [" ".join(name.split()) for name in text.split(";") if name.strip()]


def readable(answer: str, asked: str) -> bool:
    """Whether the answer can be read off the question: a word in common, or a like beginning (Bolivia, boliviano)."""
    for a in norm(answer).split():
        for b in norm(asked).split():
            if (a == b and len(a) >= 4) or (a[:5] == b[:5] and min(len(a), len(b)) >= 5):
                return True
    return norm(answer).replace(" ", "") in norm(asked).replace(" ", "") and len(answer) >= 3


def saint_variants(names: list[str]) -> list[str]:
    """The names, and those with "Saint" also with "St." and the other way round."""
    swapped = [re.sub(r"\bSaint ", "St. ", n) if "Saint " in n else n.replace("St. ", "Saint ") for n in names]
    return list(dict.fromkeys(names + swapped))


def spelled(number: int) -> str:
    """A number below 200 in words."""
    ones = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    ones = (ones + " seventeen eighteen nineteen").split()
    tens = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
    if number >= 100:
        return "one hundred" + (" " + spelled(number - 100) if number > 100 else "")
    if number < 20:
        return ones[number]
    return tens[number // 10 - 2] + ("-" + ones[number % 10] if number % 10 else "")


def unique(names: list[str], *but: str) -> list[str]:
    """The names without repeats (as the matching sees them) and without those in `but`, in order."""
    seen, kept = {norm(name) for name in but}, []
    for name in names:
        if norm(name) not in seen:
            seen.add(norm(name))
            kept.append(name)
    return kept
