"""A newcomer's own files through a stage: what was read is said and kept in the result."""

import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tiny


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [{"frage": f"What is {i}?", "wahl": ["x", "y", "z"], "loesung": i % 3} for i in range(6)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "exam.parquet")
    lines = '{"question": "Who?", "answer": "Ada"}\n' * 2 + '{"question": "Why?", "should_abstain": true}\n'
    (tmp_path / "mine.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    return tmp_path


def test_a_parquet_file_by_its_columns(folder, checkpoint, capfd):
    asked = [
        "--model",
        checkpoint,
        "--dataset",
        "exam.parquet",
        "--columns",
        "question=frage,choices=wahl,answer=loesung",
    ]
    assert tiny.call("run_query_state.py", *asked, "--split", "test", "--num_shots", 0) == 0
    said = "answer (`loesung`): index from 0"
    assert f"exam test: {said}; question: `frage`" in capfd.readouterr().out
    state = tiny.read_json(folder / "results" / checkpoint.name / "exam" / "state_init.json")
    assert state["meta"]["dataset"]["reading"][0] == said
    assert [r["answer"] for r in state["records"]] == list("ABCABC")
    assert "licence" not in state["meta"]["dataset"]


def test_a_packed_file_with_repeats_and_questions_that_nobody_can_answer(folder, checkpoint, capfd):
    asked = ["--model", checkpoint, "--dataset", "mine.jsonl.gz", "--prompt", "refuse", "--max_new_tokens", 2]
    assert tiny.call("eval_refusal.py", *asked) == 0
    out = capfd.readouterr().out
    assert "mine test: answer: text; 1 of 3 questions cannot be answered; 1 repeated questions merged" in out
    found = tiny.read_json(folder / "results" / checkpoint.name / "mine" / f"eval_{checkpoint.name}_refuse.json")
    assert [(r["question"], r["answer"], r.get("should_abstain")) for r in found["records"]] == [
        ("Who?", "Ada", None),
        ("Why?", None, True),
    ]


def test_columns_that_are_not_there_end_before_a_model_is_loaded(folder, checkpoint, capfd):
    assert tiny.call("run_MMLU.py", "--model", checkpoint, "--dataset", "exam.parquet", "--columns", "question=x") == 2
    assert "--columns question=x: no such column in exam.parquet; it has frage, wahl, loesung" in capfd.readouterr().err
    assert tiny.call("run_MMLU.py", "--model", checkpoint, "--dataset", "exam.parquet") == 2
    assert "exam.parquet: no column for the question; it has frage, wahl, loesung" in capfd.readouterr().err
