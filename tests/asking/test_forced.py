"""Refusal scores in evaluation's records, against whole forward passes."""

import math

import pytest
import tiny

from knowledge_boundary.asking import answers, forced, probe, prompts
from knowledge_boundary.judging import outcomes
from knowledge_boundary.questions import readers
from knowledge_boundary.wording.phrases import REFUSAL


@pytest.fixture(scope="module")
def lm(checkpoint):
    """The tiny model."""
    return tiny.load(checkpoint)


@pytest.fixture(scope="module")
def asked(data):
    """Eight open questions."""
    return readers.load(str(data / "facts"), "ood")


def log_p(lm, prompt, text) -> float:
    """Log-probability of ``text`` behind ``prompt``, by one whole pass."""
    ids, start = lm.encode_pair(prompt, f"{lm.format.lead_of(prompt)}{text}")
    logits = tiny.full_forward(lm, ids).log_softmax(-1)
    return sum(float(logits[at - 1, ids[at]]) for at in range(start, len(ids)))


def of(lm, asked, **options) -> list:
    """The records of the refusal prompt."""
    return [r for batch in answers.ask(lm, asked, "refuse", max_new_tokens=8, **options) for r in batch]


def by_id(asked):
    """{id: Question}"""
    return {q.id: q for q in asked.questions}


def test_records_have_the_refusal_s_probability_and_the_forced_answer(lm, asked):
    for r in of(lm, asked):
        prompt = prompts.answer_prompt(lm.format, by_id(asked)[r["id"]], "refuse", "craft")
        refusal = log_p(lm, prompt, REFUSAL)
        assert r["p_refusal"] == pytest.approx(math.exp(refusal), rel=1e-2)
        assert r["forced"]["text"] == r["output"]  # it does not refuse
        assert r["forced"]["outcome"] == r["outcome"] != "refused"
        n = round(math.log(r["forced"]["p"]) / math.log(r["p_answer"]))  # p_answer is the mean over its n tokens
        assert 1 <= n <= 8
        assert r["p_answer"] ** n == pytest.approx(r["forced"]["p"], rel=1e-4)
        assert r["score"] == pytest.approx(math.log(r["forced"]["p"]) - refusal, abs=1e-2)


def test_a_forced_answer_that_refuses_in_other_words_is_asked_again(lm, asked, monkeypatch):
    first = {r["id"]: r for r in of(lm, asked)}
    unwanted = {r["output"] for r in first.values()}
    is_refusal = outcomes.outcome

    def outcome(question, text, match):
        return {"outcome": "refused"} if text in unwanted else is_refusal(question, text, match)

    monkeypatch.setattr(outcomes, "outcome", outcome)
    for r in of(lm, asked):
        before = first[r["id"]]
        assert r["outcome"] == "refused"
        assert r["output"] == before["output"]
        assert r["forced"]["text"] not in unwanted
        assert r["forced"]["outcome"] != "refused"
        assert r["p_refusal"] == before["p_refusal"]
        assert r["score"] != before["score"]


def test_what_refuses_in_every_way_stays_a_refusal(lm, asked, monkeypatch):
    monkeypatch.setattr(outcomes, "outcome", lambda question, text, match: {"outcome": "refused"})
    assert {r["forced"]["outcome"] for r in of(lm, asked)} == {"refused"}


def test_of_r_tuning_s_prompt_the_probability_is_of_what_is_stated(lm, asked, monkeypatch):
    monkeypatch.setattr(probe, "stated", lambda text: text[:3].strip())  # what is behind is no part of the answer
    texts, dropped = answers.probe_prompts(lm, asked, 0, "letter", False, 8)
    how = (outcomes.contains, False, 1024, True, lambda ids: lambda indices: False)
    records = [r for batch in answers.ask_open_probe(lm, asked, texts, dropped, 8, *how) for r in batch]
    for r, prompt in zip(records, texts, strict=True):
        assert r["forced"]["text"] == r["output"]
        expected = log_p(lm, prompt, r["output"]) if r["output"] else None
        if expected is not None:
            assert math.log(r["forced"]["p"]) == pytest.approx(expected, abs=1e-2)
            assert r["score"] == pytest.approx(expected - log_p(lm, prompt, REFUSAL), abs=2e-2)
    assert sum(bool(r["output"]) for r in records) > len(records) / 2


def test_keys_do_not_underflow():
    found = forced.keys("x", "wrong", -900.0, -2000.0)
    assert found["forced"]["p"] == found["p_refusal"] == 0
    assert found["score"] == 1100
