"""How a file's answers to multiple choice are meant: letters, labels, indices or texts; decided once, over all rows.

Where two readings fit every row and differ in one, nothing is guessed.
"""

import math
import re
import unicodedata
from dataclasses import dataclass, field

from ..running.errors import UserError
from . import values
from .records import LETTERS, Invalid

SAID = {
    "label": "an option's label",
    "letter": "letter",
    "index0": "index from 0",
    "index1": "index from 1",
    "text": "an option's text",
    "boolean": "true or false, as the options say it",
}
TRUE, FALSE = ("true", "yes"), ("false", "no")


@dataclass
class Key:
    """One row's answer and what it may mean.

    Attributes:
        place: the row, as messages name it.
        value: as the file has it.
        texts, labels: the choices'; labels may be empty.
        fits: {reading: the index of the choice that it means}.
    """

    place: str
    value: object
    texts: list
    labels: list
    fits: dict = field(default_factory=dict)

    def __post_init__(self):
        self.fits = readings(self.value, self.texts, self.labels)


def readings(value, texts, labels) -> dict:
    """{reading: index of the choice} of every way in which ``value`` is one of the choices."""
    if isinstance(value, (list, tuple)) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool):
        said = [i for i, t in enumerate(texts) if str(t).strip().lower() in (TRUE if value else FALSE)]
        return {"boolean": said[0]} if len(said) == 1 else {}
    if isinstance(value, (list, tuple, dict)) or values.missing(value) or value in (math.inf, -math.inf):
        return {}
    found, n, shown = {}, len(texts), values.text(value)
    if shown in labels:
        found["label"] = labels.index(shown)
    number = values.whole(value)
    if number is not None:
        found |= {name: number - first for name, first in (("index0", 0), ("index1", 1)) if 0 <= number - first < n}
    same = [i for i, t in enumerate(texts) if values.text(t) == shown]
    if not same:
        same = [i for i, t in enumerate(texts) if _folded(t) == _folded(shown)]
    if len(same) == 1:
        found["text"] = same[0]
    letter = _letter(shown, texts)
    if letter is not None and letter < n and (shown[:1] != shown[:1].lower() or "text" not in found):
        found["letter"] = letter
    return found


def _folded(value) -> str:
    return " ".join(values.text(value).split()).casefold()


def _letter(shown: str, texts) -> int | None:
    """The index of "B", "b", "(B)", "B." or "B. its text"."""
    shown = unicodedata.normalize("NFKC", shown)
    found = re.fullmatch(r"(?:option |choice |选项)?[(]?([A-Ja-j])[).:、]*", shown)
    if found:
        return LETTERS.index(found[1].upper())
    found = re.fullmatch(r"[(]?([A-J])[).:、]+\s*(.+)", shown, re.DOTALL)
    i = LETTERS.index(found[1]) if found else len(texts)
    return i if i < len(texts) and _folded(texts[i]) == _folded(found[2]) else None


def decide(keys: list, column: str, where: str, choices: str = "", prefer: str | None = None) -> str:
    """The one reading of a file's answers.

    Args:
        keys: of the rows that have choices and an answer.
        column: the answer's.
        where: the file, for messages.
        choices: the column that holds all choices, if one does.
        prefer: what is known of the set: taken where it fits its rows, though another might fit them too.

    Raises:
        UserError: two readings fit all rows and differ, or none fits most of them.
    """
    readable = [key for key in keys if key.fits]
    if not readable:
        return "letter" if all(_letter(str(key.value), []) is not None for key in keys) else "text"
    count = {name: sum(name in key.fits for key in readable) for name in SAID}
    best = max(count.values())
    fitting = [name for name in SAID if count[name] == best]
    if prefer and count[prefer] * 2 >= len(readable):
        return prefer
    if best < len(readable):
        from0 = next((k for k in readable if "index0" in k.fits and "index1" not in k.fits), None)
        from1 = next((k for k in readable if "index1" in k.fits and "index0" not in k.fits), None)
        if fitting[0].startswith("index") and from0 and from1:
            raise UserError(
                f"{where}: `{column}` is no index of the choices throughout: from 0 by {_shown(from0)}, from 1 by "
                f"{_shown(from1)}; mend one of them"
            )
        if best * 2 <= len(readable):
            kinds = "; ".join(f"{SAID[n]}: {count[n]} of {len(readable)}" for n in SAID if count[n])
            raise UserError(f"{where}: `{column}` can be read in no one way ({kinds}); mend the file")
    if "label" in fitting and all(key.labels for key in readable):
        return "label"
    apart = _apart(readable, fitting)
    if apart is None:
        return fitting[0]
    key, others = apart
    native = all(isinstance(k.value, int) for k in readable)
    if {"index0", "index1"} <= {*others} and native and (column.lower(), choices.lower()) == ("answer", "choices"):
        others.remove("index1")  # cais/mmlu has these very columns, and indices from 0
        if len(others) == 1:
            return others[0]
    raise UserError(
        f"{where}: `{column}` can be read as {' or '.join(SAID[name] for name in others)}: {_shown(key)} "
        f"means {' or '.join(repr(key.texts[key.fits[name]]) for name in others)}; say which: "
        f"{' or '.join(f'--columns answer={column}:{name}' for name in others)}"
    )


def _apart(readable, fitting):
    """(the first row in which two of the ``fitting`` readings differ, all that differ in some row); None if none do."""
    answers = {name: [key.fits.get(name) for key in readable] for name in fitting}
    kept = [name for i, name in enumerate(fitting) if answers[name] not in [answers[n] for n in fitting[:i]]]
    if len(kept) < 2:
        return None
    key = next(
        k for k in readable if len({k.fits[name] for name in kept if name in k.fits}) > 1 or len(kept) > len(k.fits)
    )
    return key, [name for name in kept if name in key.fits]


def _shown(key: Key) -> str:
    place = re.split(r"[\\/]", key.place)[-1]
    return f"{key.value!r} of {len(key.texts)} choices in {place}"


def chosen(key: Key, reading: str) -> int:
    """The index of the choice that a row's answer means by its file's reading.

    Raises:
        Invalid: it means none.
    """
    if reading in key.fits:
        return key.fits[reading]
    value, n = key.value, len(key.texts)
    if values.withheld(value) or (values.whole(value) == -1 and reading != "text"):
        raise Invalid(f"the answer is withheld ({value}): use a split that has answers, such as validation")
    if values.missing(value):
        raise Invalid("the question has no answer")
    if isinstance(value, (list, tuple)) and len(value) > 1:
        raise Invalid(f"answer {value!r} is more than one choice")
    if reading == "letter":
        raise Invalid(f"answer {value!r} is not a letter from A to {LETTERS[min(n, len(LETTERS)) - 1]}")
    if reading == "label":
        raise Invalid(f"answer {value!r} is none of the choices' labels {', '.join(key.labels)}")
    if reading.startswith("index"):
        raise Invalid(f"answer {value!r} is no index of its {n} choices (from {reading[-1]})")
    twice = [values.text(t) for t in key.texts].count(str(value).strip()) > 1
    why = "can be more than one of the choices" if twice else "is none of the choices"
    raise Invalid(f"answer {value!r} {why} {', '.join(repr(values.text(t)) for t in key.texts)}")
