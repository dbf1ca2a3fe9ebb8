"""JSON result files, ``{"meta": …, "summary": …, "records": […]}``: atomic writes, reading, hashes."""

import contextlib
import hashlib
import json
import math
import os
import sys
from pathlib import Path

import ijson

from .errors import UserError

ROOM = 118  # characters of a line: 120, less what may stand around a value
ENCODE = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode  # json.dumps would make one for every value


def clean(value):
    """A JSON-ready copy of ``value``: plain types, paths as text, NaN and infinity as null, floats to 7 digits."""
    if isinstance(value, dict):
        return {str(k): clean(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(v) for v in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return clean(value.tolist())
    if isinstance(value, float):
        return float(f"{value:.7g}") if math.isfinite(value) else None
    return value


@contextlib.contextmanager
def replacing(path: Path, mode: str = "w"):
    """A file to write, which takes ``path``'s place in one step: a reader sees the old file or the new, never a part.

    Args:
        path: the file; its folder is made.
        mode: ``w`` for UTF-8 text, ``wb`` for bytes.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    with open(temporary, mode, encoding=None if "b" in mode else "utf-8") as f:
        yield f
        f.flush()
        os.fsync(f.fileno())
    os.replace(temporary, path)


def write_text(path: Path, text: str) -> None:
    """Replace ``path`` by ``text`` in one step."""
    with replacing(path) as f:
        f.write(text)


def pretty(value, indent: str = "") -> str:
    """JSON to be read by people: what fits on a line of 120 characters stays on it, the rest is indented."""
    line = ENCODE(value)
    if len(indent) + len(line) <= ROOM or not isinstance(value, (dict, list)) or not value:
        return line
    inner = indent + " "
    if isinstance(value, dict):
        items = [f"{ENCODE(k)}: {pretty(v, inner)}" for k, v in value.items()]
        return "{\n" + ",\n".join(inner + item for item in items) + f"\n{indent}}}"
    return "[\n" + ",\n".join(inner + pretty(v, inner) for v in value) + f"\n{indent}]"


def parts(value, indent: str = ""):
    """``pretty(clean(value), indent)`` in parts: of a list too long for a line, one element after the other.

    So a result with any number of records is written with one of them in memory as text.
    """

    def long(v):
        return isinstance(v, list) and len(v) > ROOM  # an element has a character at least

    inner = indent + " "
    if long(value):
        for i, v in enumerate(value):
            yield ("[\n" if i == 0 else ",\n") + inner + pretty(clean(v), inner)
        yield f"\n{indent}]"
    elif isinstance(value, dict) and any(map(long, value.values())):
        for i, (k, v) in enumerate(value.items()):
            yield ("{\n" if i == 0 else ",\n") + f"{inner}{ENCODE(str(k))}: "
            yield from parts(v, inner)
        yield f"\n{indent}}}"
    else:
        yield pretty(clean(value), indent)


def write_json(path: Path, value) -> None:
    """Write ``value`` as UTF-8 JSON that people can read, atomically and without NaN."""
    with replacing(path) as f:
        f.writelines(parts(value))
        f.write("\n")


def read_result(path: Path, fields=None) -> dict:
    """The content of a result file, record by record; what it lacks of ``meta, summary, records`` is absent here too.

    Args:
        path: the file.
        fields: all that is kept of each record; None: everything.

    Raises:
        ijson.JSONError: it is cut off or damaged.
    """
    result = {}
    with open(path, "rb") as f:
        for key in ("meta", "summary"):
            f.seek(0)
            result.update(zip([key], ijson.items(f, key, use_float=True), strict=False))  # the first, if any
        f.seek(0)
        begins = next((event for prefix, event, _ in ijson.parse(f) if prefix == "records"), None)
        f.seek(0)
        records = [kept(r, fields) for r in ijson.items(f, "records.item", use_float=True)]
        return result | ({"records": records} if begins == "start_array" else {})


def kept(record, fields):
    """``record`` with only ``fields``, and with names that it shares with all others: each is parsed for itself."""
    return {sys.intern(k): v for k, v in record.items() if fields is None or k in fields}


def command_of(stage: str) -> str:
    """What a user runs to get a file of ``stage``: its script; two stages are flags of one."""
    return f"eval_refusal.py --{stage}" if stage in ("compare", "calibrate") else f"{stage}.py"


def read_json(path: Path, stage: str, flag: str, fields=None) -> dict:
    """Read the result file of ``stage``.

    Args:
        path: the file, given by the user as ``flag`` (named in errors).
        stage: the stage that must have written it, as in ``meta.stage``.
        flag: the command-line flag that named the file.
        fields: all that is kept of each record; None: everything.

    Raises:
        UserError: missing, cut off, not a result file, or of another stage.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{flag} {path}: no such file; run {command_of(stage)} first or name its output with {flag}")
    try:
        result = read_result(path, fields)
    except (ijson.JSONError, AttributeError) as e:  # the latter: a record that is no object
        reason = e.args[0].decode(errors="replace") if e.args and isinstance(e.args[0], bytes) else str(e)
        reason = reason.partition("\n")[0]
        raise UserError(f"{flag} {path}: cut off or damaged ({reason}); run {command_of(stage)} again") from e
    whole = {"meta", "summary", "records"} <= result.keys()
    if not whole or not all(isinstance(result[key], dict) for key in ("meta", "summary")):
        raise UserError(
            f"{flag} {path}: not a result file (meta, summary, records); give the output of {command_of(stage)}"
        )
    if result["meta"].get("stage") != stage:
        other = command_of(str(result["meta"].get("stage")))
        raise UserError(f"{flag} {path}: written by {other}; give the output of {command_of(stage)}")
    return result


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def sha256_json(value) -> str:
    """SHA-256 of a value's canonical JSON, in hexadecimal."""
    text = json.dumps(clean(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
