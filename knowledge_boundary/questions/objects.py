"""The rows of JSON and JSON Lines, and R-Tuning's and AI2's layouts as plain rows."""

import json
from pathlib import Path

from ..running.errors import UserError
from ..wording import phrases
from . import columns
from .records import Invalid

SPLITS = ("train", "test", "validation", "val", "valid", "dev", "eval")


def _once(pairs) -> dict:
    """An object of JSON; Invalid where a key stands twice, since only one of its values would be seen."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise Invalid(f"key `{next(k for k in keys if keys.count(k) > 1)}` stands twice in an object")
    return found


def _parsed(text: str):
    try:
        return json.loads(text, object_pairs_hook=_once)
    except RecursionError as e:
        raise Invalid("nested too deeply") from e


def lines(path: Path, text: str, split: str = "") -> tuple[list, list]:
    """(rows, notes) of JSON Lines."""
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = _parsed(line)
        except json.JSONDecodeError as e:
            whole = _whole(text)
            if isinstance(whole, (list, dict)):
                return json_rows(path, text, split)
            raise UserError(f"{path} line {number}: not JSON ({e}); one object a line is expected") from e
        except Invalid as e:
            row = e
        rows.append((f"{path} line {number}", row))
    if len(rows) == 1 and isinstance(rows[0][1], list) and any(isinstance(item, dict) for item in rows[0][1]):
        return json_rows(path, text, split)
    no_object = Invalid("no `question`: not an object")
    return [(place, no_object if isinstance(row, list) else plain(row)) for place, row in rows], []


def _whole(text: str):
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return None


def json_rows(path: Path, text: str, split: str) -> tuple[list, list]:
    """(rows, notes) of a JSON file: a list of objects or lists, an object that holds such, or JSON Lines.

    Raises:
        UserError: it is no JSON, or none of these.
    """
    try:
        content = _parsed(text)
    except json.JSONDecodeError as e:
        if e.msg == "Extra data" and _whole(text.strip().split("\n")[0]) is not None:
            return lines(path, text, split)[0], ["JSON Lines in a .json file"]
        raise UserError(f"{path}: not valid JSON ({e})") from e
    except Invalid as e:
        raise UserError(f"{path}: {e}") from e
    if isinstance(content, list):
        return [(f"{path} [{i}]", plain(row)) for i, row in enumerate(content)], []
    if not isinstance(content, dict):
        raise UserError(f"{path}: neither an object of subjects nor a list of questions")
    if any(columns.is_question(key) and isinstance(value, str) for key, value in content.items()):
        return [(f"{path} line 1", plain(content))], []
    if content and all(isinstance(row, dict) and any(map(columns.is_question, row)) for row in content.values()):
        return [(f"{path} {key}", plain({"id": key, **row})) for key, row in content.items()], []
    columnwise = _by_column(path, content)
    if columnwise:
        return columnwise, ["a list for each column"]
    lists = {key: items for key, items in content.items() if isinstance(items, list)}
    objects = {key: items for key, items in lists.items() if items and all(isinstance(i, dict) for i in items)}
    if split in objects:
        objects = {split: objects[split]}
    elif len(objects) > 1 and any(key.lower() in SPLITS for key in objects):
        raise UserError(f"--split {split}: {path} has {', '.join(objects)}")
    if len(objects) == 1:
        ((key, items),) = objects.items()
        return [(f"{path} {key}[{i}]", plain(row)) for i, row in enumerate(items)], []
    for key in content:
        if key not in lists:
            raise UserError(f"{path} {key}: not a list of questions")
    return [(f"{path} {s}[{i}]", plain(row, s)) for s, items in lists.items() for i, row in enumerate(items)], []


def _by_column(path, content: dict) -> list:
    """Rows of ``{"question": [...], "answer": [...]}``, or of pandas' ``{"question": {"0": ...}, ...}``."""
    if not any(columns.is_question(key) for key in content):
        return []
    if all(isinstance(values, dict) for values in content.values()):
        content = {key: [*values.values()] for key, values in content.items()}
    if not all(isinstance(values, list) for values in content.values()):
        return []
    if len({len(values) for values in content.values()}) > 1:
        raise UserError(f"{path}: its columns are not of one length")
    rows = zip(*content.values(), strict=True)
    return [(f"{path} [{i}]", plain(dict(zip(content, row, strict=True)))) for i, row in enumerate(rows)]


def plain(row, subject: str | None = None):
    """A row as {column: value}, from the nested layouts too; Invalid where it is none.

    R-Tuning's lists are ``[question, choices…, letter]`` of a ``subject``, or ``[question, answer, …]``; AI2's ARC
    nests the stem and the choices in ``question``; FEVER and WiCE, as R-Tuning has them, ask about a claim.
    """
    if isinstance(row, Invalid):
        return row
    if isinstance(row, list):
        if len(row) < 2:
            return Invalid("no `question`: not a list of a question and its answer")
        if subject is None:
            return {"question": row[0], "answer": row[1]}
        return {"question": row[0], "choices": row[1:-1], "answer": row[-1], "subject": subject}
    if not isinstance(row, dict):
        return Invalid("no `question`: not an object")
    if subject is not None:
        row = {"subject": subject, **row}
    if isinstance(row.get("question"), dict):
        inner = row["question"]
        rest = {key: value for key, value in row.items() if key not in ("question", "id")}  # numbered, as ever
        return {**rest, "question": inner.get("stem"), "choices": inner.get("choices")}
    if _asks_about_a_claim(row):
        verdicts = next(kind for kind in KINDS if row["label"] in kind)
        return {
            "question": phrases.CLAIM.format(evidence=" ".join(map(str, row["evidence"])), claim=row["claim"]),
            "choices": list(verdicts),
            "answer": row["label"],
        }
    return row


def _asks_about_a_claim(row: dict) -> bool:
    claim, label, evidence = (row.get(name) for name in ("claim", "label", "evidence"))
    return isinstance(claim, str) and isinstance(label, str) and label in VERDICTS and isinstance(evidence, list)


KINDS = (
    ("SUPPORTS", "REFUTES", "NOT ENOUGH INFO"),  # FEVER
    ("supported", "partially_supported", "not_supported"),  # WiCE
)
VERDICTS = {verdict for kind in KINDS for verdict in kind}
