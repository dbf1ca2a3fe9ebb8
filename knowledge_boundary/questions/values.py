"""What a value in a file amounts to: missing, withheld, a text, a list of accepted answers, choices."""

import ast
import io
import json
import math
import random
import re
import tokenize

from ..running.results import sha256_json
from .records import Invalid

WITHHELD = ("<unk>",)


def missing(value) -> bool:
    """Whether there is no value: null, NaN, or nothing but white space."""
    return value is None or (isinstance(value, float) and math.isnan(value)) or (
        isinstance(value, str) and not value.strip()
    )  # fmt: skip


def withheld(value) -> bool:
    """Whether the value stands for one that its publisher keeps back."""
    return isinstance(value, str) and value.strip() in WITHHELD


def text(value) -> str:
    """A value as text: 5.0, into which a column with gaps turns 5, is "5", and truth is "yes".

    Raises:
        Invalid: a list, an object, or no number.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Invalid(f"{value} is no text")
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, (list, tuple, dict, bytes)):
        raise Invalid("the answer is not a text; other accepted answers belong into `aliases`")
    return str(value).strip()


def whole(value) -> int | None:
    """The whole number that a value is or says; None where it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if math.isfinite(value) and value.is_integer() else None
    found = re.fullmatch(r"\s*(-?\d{1,9})(?:\.0)?\s*", value) if isinstance(value, str) else None
    return int(found[1]) if found else None


def as_list(value):
    """The list of texts that a text holds, as JSON, Python or numpy write it; None where it holds none.

    numpy parts them by white space alone, which Python would join into one.
    """
    if not isinstance(value, str) or not re.fullmatch(r"\s*\[.*\]\s*", value, re.DOTALL):
        return None
    try:
        found = json.loads(value)
        return found if all(item is None or isinstance(item, str) for item in found) else None
    except (ValueError, RecursionError):
        pass
    try:
        tokens = [*tokenize.generate_tokens(io.StringIO(value.replace("\n", " ")).readline)]
        plain = (tokenize.NEWLINE, tokenize.NL, tokenize.ENDMARKER)
        tokens = [t for t in tokens if t.type not in plain and t.string not in ("[", "]", ",", "None")]
        if not tokens or any(t.type != tokenize.STRING for t in tokens):
            return None
        return [ast.literal_eval(t.string) for t in tokens]
    except (tokenize.TokenError, SyntaxError, ValueError, IndentationError):
        return None


def golds(value) -> tuple[list, int]:
    """(accepted answers, how many empty ones were dropped) of an open question's answer.

    A list's first is the answer; TriviaQA's object has ``value`` and ``aliases``, SQuAD's ``text``.

    Raises:
        Invalid: withheld, or no text.
    """
    if withheld(value):
        raise Invalid(f"the answer is withheld ({value.strip()}): use a split that has answers, such as validation")
    if missing(value):
        return [], 0
    if isinstance(value, dict):
        if "value" in value:
            return golds([value["value"], *_listed(value.get("aliases"))])
        if "text" in value:
            return golds(value["text"])
        raise Invalid("the answer is not a text; other accepted answers belong into `aliases`")
    items = as_list(value) if isinstance(value, str) else value if isinstance(value, (list, tuple)) else None
    if items and all(isinstance(item, dict) for item in items):
        found = [golds(item) for item in items]
        return [one for texts, _ in found for one in texts], sum(dropped for _, dropped in found)
    if items is None:
        return [text(value)], 0
    if len(items) and all(withheld(item) for item in items):
        raise Invalid("the answer is withheld (<unk>): use a split that has answers, such as validation")
    kept = [text(item) for item in items if not missing(item) and not withheld(item)]
    return kept, len(items) - len(kept)


def _listed(value) -> list:
    return list(value) if isinstance(value, (list, tuple)) else [] if missing(value) else [value]


def aliases(value) -> tuple[list, int]:
    """(texts, how many empty ones were dropped) of a column of other accepted answers.

    Raises:
        Invalid: neither a list nor a text.
    """
    if missing(value):
        return [], 0
    if isinstance(value, str):
        value = as_list(value) or value.split("|")
    if not isinstance(value, (list, tuple)):
        raise Invalid("`aliases` is not a list")
    kept = [text(item) for item in value if not missing(item) and not withheld(item)]
    return kept, len(value) - len(kept)


def truth(value) -> bool | None:
    """The truth that a value says; None where it says none."""
    if isinstance(value, bool):
        return value
    if missing(value):
        return False
    if whole(value) in (0, 1):
        return bool(whole(value))
    return {"true": True, "yes": True, "false": False, "no": False}.get(str(value).strip().lower())


def choices(value) -> tuple[list | None, list]:
    """(the texts, their labels if they have any) of a column that holds all choices of a question.

    A list of texts, of objects with a label and a text, an object of lists (``text``, ``label``) or of texts by letter.

    Raises:
        Invalid: none of these.
    """
    if missing(value):
        return None, []
    if isinstance(value, str):
        value = as_list(value) or _object(value)
    if isinstance(value, dict):
        by_name = {str(key).lower(): item for key, item in value.items()}
        texts = next((by_name[key] for key in ("text", "texts", "choices", "value") if key in by_name), None)
        if isinstance(texts, list):
            labels = by_name.get("label") or by_name.get("labels") or []
            if len(labels) not in (0, len(texts)):
                raise Invalid(f"{len(texts)} choices, but {len(labels)} labels")
            return texts, [str(label) for label in labels]
        keyed = {key: item for key, item in value.items() if item is not None}  # parquet fills what a row lacks
        return [*keyed.values()], [str(key) for key in keyed]
    if not isinstance(value, (list, tuple)):
        raise Invalid("`choices` is not a list")
    if value and all(isinstance(item, dict) for item in value):
        pairs = [(_of(item, "label", "key", "id", "letter"), _of(item, "text", "value", "content")) for item in value]
        if any(label is None or answer is None for label, answer in pairs):
            raise Invalid("`choices` is not a list of objects with `label` and `text`")
        return [answer for _, answer in pairs], [str(label) for label, _ in pairs]
    return list(value), []


def _of(item: dict, *names):
    return next((item[name] for name in names if item.get(name) is not None), None)


def _object(value: str):
    """The object or list that a text holds as JSON or Python write it; the text itself where it holds none."""
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(value)
            return found if isinstance(found, (dict, list)) else value
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return value


def targets(value) -> tuple[list, int]:
    """(choices, the right one's index) of TruthfulQA's ``mc1_targets``: lists, or {text: 0 or 1} as first published.

    Raises:
        Invalid: not one right choice.
    """
    value = _object(value) if isinstance(value, str) else value
    if not isinstance(value, dict):
        raise Invalid("`mc1_targets` is not an object")
    texts, labels = (value["choices"], value.get("labels")) if "choices" in value else ([*value], [*value.values()])
    if not isinstance(texts, list) or not isinstance(labels, list) or len(texts) != len(labels):
        raise Invalid("`mc1_targets` has no choices and as many labels")
    if [*map(truth, labels)].count(True) != 1:
        raise Invalid("`mc1_targets` does not have one right choice")
    return texts, [*map(truth, labels)].index(True)


def drawn(question: str, texts: list, right: int, seed: int) -> tuple[list, int]:
    """(choices, the right one's index) in an order that is a function of the seed and of what is asked alone."""
    order = sorted(range(len(texts)), key=lambda i: str(texts[i]))
    random.Random(sha256_json([seed, question, sorted(map(str, texts))])).shuffle(order)
    return [texts[i] for i in order], order.index(right)
