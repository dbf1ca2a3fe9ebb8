"""Files of every format: read back as they were written, or one line that names the file and the line."""

import csv
import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from knowledge_boundary.questions.readers import load
from knowledge_boundary.running.errors import UserError

TEXT = 'Who said: "Eureka",\nand\twhere? Ötzi 水 🙂'
ROWS = [
    {"id": "a", "question": TEXT, "answer": "Archimedes", "subject": "history"},
    {"id": "b", "question": "What is the capital of Peru?", "answer": "None", "subject": "geography"},
]
CHOICES = [{"question": f"{TEXT} {i}", "choices": ["x, y", 'z"'], "answer": i} for i in (0, 1)]
EXPECTED = [("a", TEXT, "Archimedes", "history"), ("b", ROWS[1]["question"], "None", "geography")]


def table(rows, delimiter=","):
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0].keys(), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def parquet(rows, metadata=None):
    out = io.BytesIO()
    written = pa.Table.from_pylist(rows)
    pq.write_table(written.replace_schema_metadata(metadata), out)
    return out.getvalue()


def arrow(rows, stream=True):
    out = io.BytesIO()
    written = pa.Table.from_pylist(rows)
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(out, written.schema) as sink:
        sink.write_table(written)
    return out.getvalue()


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


WRITERS = {
    "x.csv": table,
    "bom.csv": lambda rows: b"\xef\xbb\xbf" + table(rows),
    "unix.csv": lambda rows: table(rows).replace(b"\r\n", b"\n"),
    "semicolons.csv": lambda rows: table(rows, ";"),
    "sep.csv": lambda rows: b"sep=;\r\n" + table(rows, ";"),
    "tabs.csv": lambda rows: table(rows, "\t"),
    "x.tsv": lambda rows: table(rows, "\t"),
    "x.parquet": parquet,
    "x.arrow": arrow,
    "file.arrow": lambda rows: arrow(rows, False),
    "x.jsonl": lines,
    "x.ndjson": lines,
    "crlf.jsonl": lambda rows: b"\xef\xbb\xbf" + lines(rows).replace(b"\n", b"\r\n"),
    "list.jsonl": lambda rows: json.dumps(rows).encode(),
    "pretty.jsonl": lambda rows: json.dumps(rows, indent=1, ensure_ascii=False).encode(),
    "lines.json": lines,
    "list.json": lambda rows: json.dumps(rows).encode(),
    "inside.json": lambda rows: json.dumps({"version": 1, "example": rows}).encode(),
    "splits.json": lambda rows: json.dumps({"train": [{"question": "t", "answer": "t"}], "test": rows}).encode(),
    "by id.json": lambda rows: json.dumps({r["id"]: {k: r[k] for k in r if k != "id"} for r in rows}).encode(),
    "columns.json": lambda rows: json.dumps({k: [r[k] for r in rows] for k in rows[0]}).encode(),
    "pandas.json": lambda rows: json.dumps({k: {i: r[k] for i, r in enumerate(rows)} for k in rows[0]}).encode(),
}


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("name", WRITERS)
def test_round_trip(tmp_path, name, packed):
    data = WRITERS[name](ROWS)
    path = tmp_path / (name + packed)
    path.write_bytes(gzip.compress(data) if packed else data)
    found = load(str(path), "test")
    assert [(q.id, q.question.replace("\r\n", "\n"), q.answer, q.subject) for q in found.questions] == EXPECTED
    assert found.name == name.rpartition(".")[0]


@pytest.mark.parametrize("name", ["x.parquet", "x.arrow", "x.jsonl", "list.json", "inside.json"])
def test_round_trip_of_choices(tmp_path, name):
    (tmp_path / name).write_bytes(WRITERS[name](CHOICES))
    found = load(str(tmp_path / name), "test").questions
    assert [(q.choices, q.answer) for q in found] == [(["x, y", 'z"'], "A"), (["x, y", 'z"'], "B")]


def test_letters_beside_a_list_of_no_usual_name_in_parquet(tmp_path):
    (tmp_path / "x.parquet").write_bytes(parquet([{"question": "Which?", "respuestas": ["x", "y"], "answer": "B"}]))
    with pytest.raises(UserError, match="--columns choices=respuestas"):
        load(str(tmp_path / "x.parquet"), "test")


def test_what_was_found_out_about_a_file_is_said(tmp_path):
    (tmp_path / "x.csv").write_bytes(table(ROWS, ";"))
    assert "columns parted by ;" in load(str(tmp_path / "x.csv"), "test").reading
    (tmp_path / "x.json").write_bytes(lines(ROWS))
    assert "JSON Lines in a .json file" in load(str(tmp_path / "x.json"), "test").reading


def test_parquet_s_named_classes_and_gaps(tmp_path):
    features = {"answer": {"names": ["A", "B"], "_type": "ClassLabel"}, "question": {"_type": "Value"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    (tmp_path / "x.parquet").write_bytes(parquet([{**CHOICES[0], "answer": 1}], metadata))
    found = load(str(tmp_path / "x.parquet"), "test")
    assert (found.questions[0].answer, found.reading[0]) == ("B", "answer: letter")
    options = [{"question": "q", "options": {"A": "x", "B": "y"}, "answer": "B"}]
    options += [{"question": "r", "options": {"A": "x", "B": "y", "C": "z"}, "answer": "C"}]
    (tmp_path / "o.parquet").write_bytes(parquet(options))
    assert [q.choices for q in load(str(tmp_path / "o.parquet"), "test").questions] == [["x", "y"], ["x", "y", "z"]]
    numbers = pa.table({"question": ["q", "r", "s"], "answer": [5.0, float("nan"), 7.0]})
    pq.write_table(numbers, tmp_path / "n.parquet")
    found = load(str(tmp_path / "n.parquet"), "test", skip_invalid=True)
    assert ([q.answer for q in found.questions], found.skipped) == (["5", "7"], 1)
    with pytest.raises(UserError, match=r"n\.parquet row 1: the question has no answer"):
        load(str(tmp_path / "n.parquet"), "test")


CSV = {
    "an index without a name": (",question,answer\n0,q,a\n", ["a"]),
    "any case": ("QUESTION,Answer\nq,a\n", ["a"]),
    "other columns": ("metadata,problem,answer\n\"{'a': 1}\",q,a\n", ["a"]),
    "blank lines": ("question,answer\n\nq,a\n,\n", ["a"]),
    "columns that a spreadsheet adds": ("question,answer,,\nq,a,,\n", ["a"]),
    "cells that a spreadsheet adds": ("question,answer\nq,a,,\n", ["a"]),
    "q and a": ("q,a\nWho?,me\n", ["me"]),
    "lines before the header": (
        "FreshQA,\nby X,\nquestion,answer_0,answer_1\nq,a,b\n".replace("by X,", "by X,,"),
        ["a"],
    ),
    "NaN as text": ("question,answer\nWhat is not a number?,NaN\n", ["NaN"]),
    "None as text": ("question,answer\nHow many?,None\n", ["None"]),
    "True and False": ("question,answer\nq,True\nr,False\n", ["yes", "no"]),
    "true in other words": ("question,answer\nq,True\nr,Paris\n", ["True", "Paris"]),
    "whole numbers with a gap": ("question,answer,should_abstain\nq,5.0,\nr,,True\n", ["5", None]),
    "numbers as they are": ("question,answer\nq,5.0\n", ["5.0"]),
    "a list": ('question,answer\nq,"[""a"", ""b""]"\n', ["a"]),
}


@pytest.mark.parametrize(("text", "expected"), CSV.values(), ids=CSV)
def test_csv_as_programs_write_it(tmp_path, text, expected):
    path = tmp_path / "x.csv"
    path.write_text(text, encoding="utf-8")
    assert [q.answer for q in load(str(path), "test").questions] == expected


def test_fewer_choices_than_columns(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("question,A,B,C,D,answer\nq,w,x,y,z,D\nr,w,x,,,B\n")
    found = load(str(path), "test")
    assert [len(q.choices) for q in found.questions] == [4, 2]
    assert "choices: columns A to D; questions with fewer: 1" in found.reading
    path.write_text("question,A,B,C,D,answer\nq,w,,y,z,D\n")
    with pytest.raises(UserError, match=r"line 2: choice B is empty"):
        load(str(path), "test")


def test_tsv_whose_quotes_are_plain_marks(tmp_path):
    path = tmp_path / "x.tsv"
    path.write_text('question\tanswer\n"Heroes" was by whom?\tBowie\n"One\tTwo"\n')
    assert [(q.question, q.answer) for q in load(str(path), "test").questions] == [
        ('"Heroes" was by whom?', "Bowie"),
        ('"One', 'Two"'),
    ]


REFUSED = {
    "x.csv": [
        ("question,answer\nq\n", "line 2: 1 columns; there must be 2"),
        ("question,answer\nq,a,b\n", "line 2: 3 columns; there must be 2"),
        ('question,answer\nq,a\n"r,a\ns,b\n', "line 3: not CSV"),
        ("Who?,me\nWhy?,so\n", "line 1: 2 columns; there must be 6 (question, A, B, C, D, answer), or a first line"),
        ("question,answer,answer\nq,a,b\n", "line 1: column `answer` stands twice"),
        ("question,note\nq,a\n", "no column for the answer; it has question, note; name it: --columns answer=NAME"),
        ("q,a\n".encode("utf-16"), "line 1: not UTF-8 but UTF-16"),
        ("question,answer\nq,a\n".encode("utf-16-le"), "line 1: not UTF-8 but UTF-16"),
        ("question,answer\n水是什么,水\n".encode("gb18030"), "line 2: not UTF-8"),
        ("question,answer\n水是什么,水\n".encode("gb18030"), "perhaps GB18030; save the file as UTF-8"),
        ("question,answer\nOù?,là\n".encode("latin-1"), "line 2: not UTF-8"),
    ],
    "x.jsonl": [
        ('{"question": "q", "answer": "a"}\n{"question": "r", "ans', "line 2: not JSON"),
        ('{"question": "q", "answer": "a", "answer": "b"}\n', "line 1: key `answer` stands twice"),
        ('{"question": "What is \\ud83d?", "answer": "x"}\n', "line 1: text that cannot be encoded"),
        ('{"question": "q", "answer": "\\ude00"}\n', "line 1: text that cannot be encoded"),
        ('{"question": "q", "answer": "a", "aliases": ["\\ud83d"]}\n', "line 1: text that cannot be encoded"),
        ('{"question": "q", "choices": ["\\ud83d", "b"], "answer": "B"}\n', "line 1: text that cannot be encoded"),
        ("[" * 100000 + "\n", "line 1: "),
        ('{"q1": "x", "answer": "a"}\n', "no column for the question; it has q1, answer; name it: --columns question="),
    ],
    "x.json": [
        ('[{"question": "q", "answer": "a"}, {"ques', "not valid JSON"),
        ('{"train": [{"question": "q", "answer": "a"}], "dev": [{"question": "q", "answer": "a"}]}', "--split test: "),
        ('{"question": ["q", "r"], "answer": ["a"]}', "not of one length"),
        ('{"question": "q", "answer": "a"}\n{"question": ', "line 2: not JSON"),
        ("3", "neither an object of subjects nor a list of questions"),
    ],
    "x.parquet": [("question,answer\n", "x.parquet: not parquet"), (parquet(ROWS)[:-9], "x.parquet: not parquet")],
    "x.arrow": [("question,answer\n", "x.arrow: not arrow")],
    "x.csv.gz": [
        ("question,answer\n", "not gzip"),
        (gzip.compress(b"question,answer\nq,a\n" * 99, mtime=0)[:-20], "cut off"),
    ],
    "x.txt": [("Who?", ".txt ending; one of .parquet")],
}


@pytest.mark.parametrize(
    ("name", "content", "says"), [(name, *case) for name, cases in REFUSED.items() for case in cases]
)
def test_a_file_that_cannot_be_read_gives_one_line(tmp_path, name, content, says):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    with pytest.raises(UserError) as e:
        load(str(path), "test")
    assert says in str(e.value)
    assert "x." in str(e.value)
    assert "\n" not in str(e.value)
