"""Whatever a file holds, it is read or refused in one line; nothing that is missing ever becomes an answer."""

import csv
import json
import random

import pytest

from knowledge_boundary.questions.readers import load
from knowledge_boundary.running.errors import UserError

COLUMNS = [
    "question", "Question", "prompt", "answer", "answers", "label", "answerKey", "answer_index", "choices", "options",
    "A", "B", "C", "option1", "option2", "aliases", "id", "subject", "category", "should_abstain", "answerable",
    "unknown", "mc1_targets", "correct_answer", "distractor1", "incorrect_answers", "best_answer", "correct_answers",
    "possible_answers", "answer_0", "claim", "evidence", "x",
]  # fmt: skip
VALUES = [
    None, float("nan"), float("inf"), "", " ", "a", "B", "b", 0, 1, 2, -1, 3.0, 0.5, True, False, "<unk>", "[]", "nan",
    "['x', 'y']", '["x", "y"]', [], ["x"], ["x", None], ["x", "y", "z"], [1, 2, 3], [["x"]], [None, None], {"a": 1},
    {"text": ["x", "y"], "label": ["A", "B"]}, {"text": "x"}, {"value": "v", "aliases": ["w"]}, {"A": "x", "B": "y"},
    {"choices": ["x", "y"], "labels": [1, 0]}, {"choices": None, "labels": None}, {"text": None, "label": None},
    [{"label": "A", "text": "x"}, {"label": "B", "text": "y"}], [{"text": "x"}], "\ud83d", 10**30,
]  # fmt: skip


def written(folder, draw):
    """A file of a few rows of any columns and values."""
    names = ["question"] * (draw.random() < 0.8) + draw.sample(COLUMNS, draw.randint(1, 5))
    usual = {name: draw.sample(VALUES, draw.randint(1, 3)) for name in names}
    rows = [
        {n: f"q{i}" if n == "question" and draw.random() < 0.9 else draw.choice(usual[n]) for n in names}
        for i in range(draw.randint(1, 4))
    ]
    path = folder / draw.choice(["x.jsonl", "x.json", "x.csv"])
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8", errors="replace") as file:
            writer = csv.DictWriter(file, dict.fromkeys(names))
            writer.writeheader()
            writer.writerows([{n: "" if v is None else str(v) for n, v in row.items()} for row in rows])
    else:
        lines = "\n".join(json.dumps(row) for row in rows)
        path.write_text(lines if path.suffix == ".jsonl" else json.dumps(rows))
    return path


def test_every_file_is_read_or_refused(tmp_path):
    counts = {"read": 0, "refused": 0}
    for seed in range(1500):
        draw = random.Random(seed)
        path = written(tmp_path, draw)
        try:
            found = load(str(path), "test", skip_invalid=draw.random() < 0.5)
        except UserError as e:
            counts["refused"] += "\n" not in str(e)
            continue
        counts["read"] += 1
        for q in found.questions:
            json.dumps(q.record(), ensure_ascii=False).encode("utf-8")
            assert q.question.strip()
            if q.should_abstain:
                assert (q.choices, q.answer, q.aliases) == (None, None, [])
                continue
            for text in (q.answer, *q.aliases, *(q.choices or [])):
                assert isinstance(text, str)
                assert text.strip()
                assert text != "<unk>"
            assert q.choices is None or q.answer in q.letters
    assert min(counts.values()) > 100, counts
    assert sum(counts.values()) == 1500  # each refusal is one line


@pytest.mark.parametrize("value", ["nan", "None", "true", "null", "NaN"])
def test_text_that_looks_like_no_value_stays_the_text_of_its_publisher(tmp_path, value):
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({"question": "q", "answer": value, "aliases": [value.upper()]}))
    (q,) = load(str(path), "test").questions
    assert (q.answer, q.aliases) == (value, [value.upper()])
