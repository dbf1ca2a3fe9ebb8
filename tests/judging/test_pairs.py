"""Labelled answers: those that judging was tuned on, those it is only measured on, and public cases that went wrong."""

import json
from collections import Counter
from pathlib import Path

import pytest
import tiny

from knowledge_boundary.judging.outcomes import outcome
from knowledge_boundary.questions.records import Question

PAIRS = Path(__file__).parent / "pairs"
CASES = tiny.ROOT.parent / "shared" / "cases" / "judging.jsonl"
REFUSALS_IN = {"en", "zh", "fr", "es", "de", "ja", "ko", "pt", "it", "ru", "ar", "hi"}


def read(path) -> list:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def found(record) -> str:
    question = Question("i", "s", record["question"], record["choices"], record["gold"], record["aliases"])
    return outcome(question, record["answer"])["outcome"]


def agreement(records) -> float:
    return sum(found(r) == r["outcome"] for r in records) / len(records)


TUNED, MEASURED, LIKE_CASES = (read(PAIRS / f"{name}.jsonl") for name in ("tune", "measure", "measure_plain"))


def test_the_pairs_are_many_of_all_kinds_and_apart():
    every = [*TUNED, *MEASURED, *LIKE_CASES]
    assert len(every) >= 600
    assert len(MEASURED) >= 300
    assert len(LIKE_CASES) >= 250
    assert min(Counter(r["outcome"] for r in MEASURED + LIKE_CASES)[o] for o in ("correct", "wrong", "refused")) >= 150
    assert {r["language"] for r in every if r["outcome"] == "refused"} >= REFUSALS_IN
    tuned = {(r["question"], r["gold"], r["answer"]) for r in TUNED}
    assert not tuned & {(r["question"], r["gold"], r["answer"]) for r in [*MEASURED, *LIKE_CASES]}


# Below what was measured by less than a point: what is changed in judging shows here.
@pytest.mark.parametrize(
    ("records", "least"), [(TUNED, 0.955), (MEASURED, 0.89), (LIKE_CASES, 0.97)], ids=["tuned on", "hard", "plain"]
)
def test_agreement(records, least):
    assert agreement(records) >= least


@pytest.mark.skipif(not CASES.is_file(), reason=f"no {CASES}")
def test_public_cases():
    wrong = [(r["answer"], r["gold"], r["outcome"], found(r)) for r in read(CASES) if found(r) != r["outcome"]]
    assert wrong == []
