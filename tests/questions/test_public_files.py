"""Question files as people have them, kept beside the checkout: each reads as it should, or one line says why not."""

import json
from pathlib import Path

import pytest

from knowledge_boundary.questions.readers import load
from knowledge_boundary.running.errors import UserError

FILES = Path(__file__).resolve().parents[3] / "shared" / "cases" / "files"
EXPECTED = json.loads((FILES / "expected.json").read_text(encoding="utf-8")) if FILES.is_dir() else {}
KEYS = ("question", "choices", "answer", "aliases")
# What the lines must name.
REFUSED = {
    "choices_index_numeric.jsonl": ("index from 0", "an option's text", "--columns answer=answer:index0"),
    "nan_answer.jsonl": ("line 1", "the question has no answer"),
    "withheld.jsonl": ("line 1", "the answer is withheld", "validation"),
    "lonely_surrogate.jsonl": ("line 1", "cannot be encoded"),
}


@pytest.mark.skipif(not EXPECTED, reason=f"{FILES} is not there")
@pytest.mark.parametrize("name", EXPECTED or ["no file"])
def test_public_file(name):
    expected = EXPECTED[name]
    if name in REFUSED:
        assert "refused" in expected or "refused" in expected["or"]
        with pytest.raises(UserError) as e:
            load(str(FILES / name), "test")
        assert all(part in str(e.value) for part in REFUSED[name]), e.value
        assert "\n" not in str(e.value)
        return
    found = load(str(FILES / name), "test")
    assert found.reading
    assert found.describe()["reading"] == found.reading
    if name == "mc1.jsonl":
        (q,) = found.questions
        assert len(q.choices) == 4
        assert q.choices["ABCD".index(q.answer)] == "It passes through you"
    elif name == "should_abstain.jsonl":
        assert [(q.should_abstain, q.answer) for q in found.questions] == [(True, None), (False, "8")]
    else:
        assert [{key: q.record()[key] for key in KEYS} for q in found.questions] == expected["read"]
    if name == "repeated.jsonl":
        assert found.merged == 2
        assert any("1 stand with answers that have nothing in common" in note for note in found.reading)
