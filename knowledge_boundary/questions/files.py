"""What stands in a file: parquet, arrow, CSV, TSV, JSON or JSON Lines, each also packed by gzip, as rows of columns."""

import csv
import gzip
import io
import re
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from ..running.errors import UserError
from . import columns, objects
from .records import Invalid

# In the order in which one of them is taken where a folder holds the same rows in several.
FORMATS = (".parquet", ".arrow", ".jsonl", ".ndjson", ".json", ".csv", ".tsv")
MMLU = ["question", "A", "B", "C", "D", "answer"]


@dataclass
class Table:
    """A file's rows.

    Attributes:
        where: the file, as messages name it.
        names: its columns.
        rows: (place, {column: value}) of each, or (place, the ``Invalid`` that says what is wrong with it).
        typed: whether values have types; those of CSV and TSV are all texts.
        notes: what was found out about the file and is to be said.
    """

    where: str
    names: list
    rows: list
    typed: bool = True
    notes: list = field(default_factory=list)


def ending(path) -> str:
    """The format's ending: ".jsonl" for ``x.jsonl`` and ``x.jsonl.gz``; "" for a file of no known format."""
    name = Path(path).name.lower().removesuffix(".gz")
    return next((known for known in FORMATS if name.endswith(known)), "")


def stem(path) -> str:
    """A file's or folder's name without the format's endings: "x" for ``a/x.jsonl.gz``."""
    name = Path(path).name
    return re.sub(r"(?i)(\.gz)?$", "", name)[: -len(ending(path))] if ending(path) else name


def read(path: Path, split: str = "", mapping: dict | None = None) -> Table:
    """The rows of a file.

    Args:
        path: a file of one of ``FORMATS``, with or without .gz.
        split: which list is meant in a JSON file that holds several.
        mapping: --columns, by which a header is found that has no usual name.

    Raises:
        UserError: no known format, damaged, or not UTF-8.
    """
    kind = ending(path)
    if not kind:
        raise UserError(
            f"--dataset {path}: {path.suffix or 'no'} ending; one of {' '.join(FORMATS)} is expected (or .gz)"
        )
    if kind in (".parquet", ".arrow"):
        return read_arrow(path, content(path), kind, mapping)
    text = decoded(path, content(path))
    if kind in (".csv", ".tsv"):
        return read_csv(path, text, "\t" if kind == ".tsv" else ",", mapping)
    rows, notes = (objects.json_rows if kind == ".json" else objects.lines)(path, text, split)
    names = dict.fromkeys(name for _, row in rows if isinstance(row, dict) for name in row)
    return Table(str(path), [*names], rows, notes=notes)


def content(path: Path) -> bytes:
    """A file's bytes, unpacked where it is packed."""
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.name.lower().endswith(".gz") else data
    except (gzip.BadGzipFile, EOFError, zlib.error) as e:
        raise UserError(f"{path}: not gzip, or cut off ({e})") from e
    except OSError as e:
        raise UserError(f"{path}: cannot be read ({e.strerror})") from e


def decoded(path: Path, data: bytes) -> str:
    """The text of UTF-8, a byte order mark allowed; UserError where it is in another encoding."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data[:4096]:
        raise UserError(f"{path} line 1: not UTF-8 but UTF-16, or not a text at all; save the file as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = data[: e.start].count(b"\n") + 1
        try:
            chinese = re.search("[\u4e00-\u9fff]", data.decode("gb18030"))
        except UnicodeDecodeError:
            chinese = None
        guess = ", perhaps GB18030" * bool(chinese)
        raise UserError(f"{path} line {line}: not UTF-8 ({e.reason}){guess}; save the file as UTF-8") from e


def read_arrow(path: Path, data: bytes, kind: str, mapping) -> Table:
    """A parquet or arrow file; of its columns those that can mean something."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if kind == ".parquet":
            file = pq.ParquetFile(pa.BufferReader(data))
            names = file.schema_arrow.names
            table = file.read(columns=columns.wanted(names, mapping) + _lists(pa, file.schema_arrow, mapping))
        else:
            table = _arrow(pa, data)
            names = table.column_names
            table = table.select(columns.wanted(names, mapping))
    except (pa.ArrowException, OSError) as e:
        raise UserError(f"{path}: not {kind[1:]}, or cut off ({str(e).splitlines()[0]})") from e
    classes = columns.class_names(table.schema.metadata)
    rows = [(f"{path} row {i}", named(row, classes)) for i, row in enumerate(table.to_pylist())]
    return Table(str(path), names, rows)


def _lists(pa, schema, mapping) -> list:
    """The columns of lists of texts that have no usual name: they may be choices."""
    known = columns.wanted(schema.names, mapping)
    texts = (pa.list_(pa.string()), pa.large_list(pa.large_string()), pa.list_(pa.large_string()))
    return [f.name for f in schema if f.name not in known and any(f.type.equals(kind) for kind in texts)]


def _arrow(pa, data: bytes):
    try:
        return pa.ipc.open_stream(data).read_all()
    except pa.ArrowInvalid:
        return pa.ipc.open_file(data).read_all()


def named(row: dict, classes: dict) -> dict:
    """A row with the names of its classes in place of their numbers; -1, which hub sets write for none, stays."""
    for name, labels in classes.items():
        if isinstance(row.get(name), int) and 0 <= row[name] < len(labels):
            row[name] = labels[row[name]]
    return row


def read_csv(path: Path, text: str, delimiter: str, mapping) -> Table:
    """CSV or TSV with a header, or MMLU's six columns without one."""
    usual, notes = delimiter, []
    declared = re.match(r"sep=(.)\r?\n", text)  # spreadsheets write it
    if declared:
        delimiter, text = declared[1], text[declared.end() :]
    for other in (delimiter, *(d for d in ",;\t|" if d != delimiter)):
        first = [cells for _, cells in _first(text, other)]
        header = next((i for i, cells in enumerate(first) if columns.is_header(cells, mapping)), None)
        if header is not None:
            delimiter = other
            break
    if delimiter != usual:
        notes.append(f"columns parted by {'a tab' if delimiter == chr(9) else delimiter}")
    lines = records(path, text, delimiter)
    if header is None:
        return headless(path, lines)
    if header:
        notes.append(f"line {lines[header][0]} is the header; {header} before it left out")
    names = [cell.strip() for cell in lines[header][1]]
    for name in {n for n in names if n and names.count(n) > 1}:
        raise UserError(f"{path} line {lines[header][0]}: column `{name}` stands twice; rename one")
    rows = []
    for line, cells in lines[header + 1 :]:
        while len(cells) > len(names) and not cells[-1]:
            cells = cells[:-1]
        fits = len(cells) == len(names)
        row = dict(zip(names, cells, strict=True)) if fits else Invalid(
            f"{len(cells)} columns; there must be {len(names)}"
        )  # fmt: skip
        rows.append((f"{path} line {line}", row))
    return Table(str(path), names, rows, False, notes)


def headless(path: Path, lines: list) -> Table:
    """MMLU's files have no header."""
    says = "there must be 6 (question, A, B, C, D, answer), or a first line that names them"
    if lines and len(lines[0][1]) != len(MMLU):
        says += f" (--columns question=NAME,answer=NAME if it does: {', '.join(map(repr, lines[0][1][:8]))})"
    rows = [
        (
            f"{path} line {line}",
            dict(zip(MMLU, cells, strict=True)) if len(cells) == 6 else Invalid(f"{len(cells)} columns; {says}"),
        )
        for line, cells in lines
    ]
    return Table(str(path), MMLU, rows, False)


def _first(text: str, delimiter: str) -> list:
    """The first lines, for the search of a header; what is no CSV is said later."""
    csv.field_size_limit(1 << 30)
    reader, found = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), []
    try:
        for cells in reader:
            if any(cells):
                found.append((reader.line_num, cells))
            if len(found) == 4:
                break
    except csv.Error:
        pass
    return found


def records(path: Path, text: str, delimiter: str) -> list:
    """(line, cells) of each record; a TSV whose quotes are plain marks is read so.

    Raises:
        UserError: a quote that is never closed.
    """
    try:
        found = _records(text, delimiter, csv.QUOTE_MINIMAL)
        if delimiter != "\t" or len({len(cells) for _, cells in found}) < 2:
            return found
    except csv.Error as e:
        if delimiter != "\t":
            raise UserError(f"{path} line {e.line}: not CSV ({e})") from e
        found = None
    plain = _records(text, delimiter, csv.QUOTE_NONE)
    return plain if found is None or len({len(cells) for _, cells in plain}) == 1 else found


def _records(text: str, delimiter: str, quoting: int) -> list:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting, strict=True)
    found, line = [], 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                found.append((reader.line_num, cells))
            line = reader.line_num + 1
    except csv.Error as e:
        e.line = line  # where the damaged record begins
        raise
    return found
