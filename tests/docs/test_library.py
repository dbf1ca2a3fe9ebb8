"""docs/library.md's code, as it stands there, on a tiny model."""

import importlib.util
import re

import pytest
import tiny

from knowledge_boundary.models.embedder import EMBEDDER

PAGE = (tiny.ROOT / "docs" / "library.md").read_text(encoding="utf-8")
(CODE,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_code_is_short():
    assert len(CODE.splitlines()) <= 40
    assert max(map(len, CODE.splitlines())) <= 120


@pytest.mark.skipif(importlib.util.find_spec(EMBEDDER[0]) is None, reason=f"{EMBEDDER[0]} is not installed")
def test_the_whole_chain_in_a_notebook(tmp_path, monkeypatch, knowing, data):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_model").symlink_to(knowing)
    (tmp_path / "my_questions").mkdir()
    for name, split in (("train", "train"), ("test", "ood"), ("dev", "dev")):
        (tmp_path / "my_questions" / f"{name}.jsonl").symlink_to(data / "facts" / f"{split}.jsonl")
    exec(compile(CODE, "library.md", "exec"), {})
    out = tmp_path / "results" / "notebook"
    before, after = (tiny.read_json(out / f"state_{name}.json") for name in ("init", "rehearsal"))
    assert len(before["records"]) == len(after["records"]) == 24
    assert before["meta"]["model"]["name"] == "my_model"
    assert before["meta"]["dataset"]["n"] == 24
    assert [r["model"] for r in tiny.read_json(out / "comparison.json")["records"]] == [
        "init_basic",
        "init_refuse",
        "craft",
    ]
    assert (out / "report.html").stat().st_size > 10_000
    # A stage takes over from the notebook.
    flags = [
        "--model",
        "my_model",
        "--state_init",
        out / "state_init.json",
        "--method",
        "cor",
        "--n_van",
        2,
        "--n_idk",
        2,
    ]
    assert tiny.call("build_rait_data.py", *flags) == 0
