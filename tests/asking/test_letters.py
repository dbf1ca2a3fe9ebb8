"""Refusing by a letter: records by hand, and against whole forward passes."""

import math

import numpy as np
import pytest
import tiny

from knowledge_boundary.asking import letters, prompts
from knowledge_boundary.engine import exactness, scoring
from knowledge_boundary.questions import readers
from knowledge_boundary.questions.records import LETTERS, Question
from knowledge_boundary.running.errors import UserError
from knowledge_boundary.wording import phrases

GAS = Question("c/test/0", "chemistry", "Which is a noble gas?", ["Iron", "Argon", "Gold", "Tin"], "B")


def record(p, question=GAS, p_sure=0.8, refuse_unsure=False):
    return letters.record(question, np.array(p), 0.6, p_sure, refuse_unsure)


def test_an_answer_by_hand():
    found = record([0.1, 0.4, 0.1, 0.1, 0.3])
    assert found["probs"] == pytest.approx({"A": 1 / 7, "B": 4 / 7, "C": 1 / 7, "D": 1 / 7})
    assert found["forced"] == {"text": "B", "outcome": "correct", "p": pytest.approx(0.4)}
    assert (found["prediction"], found["output"]) == ("B", "B")
    assert (found["outcome"], found["given"]) == ("correct", "correct")
    assert found["p_refusal"] == pytest.approx(0.3)
    assert found["score"] == pytest.approx(math.log(0.4 / 0.3))
    assert (found["p_answer"], found["p_sure"], found["letter_mass"]) == (0.4, 0.8, 0.6)
    assert found["confidence"] == pytest.approx(0.6)
    assert {key: found[key] for key in ("id", "answer")} == {"id": "c/test/0", "answer": "B"}


def test_a_refusal_by_hand():
    found = record([0.2, 0.1, 0.1, 0.1, 0.5])
    assert (found["output"], found["prediction"]) == ("N", "A")
    assert (found["outcome"], found["given"]) == ("refused", "refused")
    assert found["forced"] == {"text": "A", "outcome": "wrong", "p": pytest.approx(0.2)}
    assert found["probs"] == pytest.approx({"A": 0.4, "B": 0.2, "C": 0.2, "D": 0.2})
    assert found["score"] == pytest.approx(math.log(0.2 / 0.5))
    assert (found["p_answer"], found["p_refusal"]) == pytest.approx((0.5, 0.5))


def test_at_a_tie_the_model_answers_with_the_first():
    found = record([0.1, 0.3, 0.3, 0.0, 0.3])
    assert (found["output"], found["outcome"], found["score"]) == ("B", "correct", 0)


def test_an_answer_that_the_model_is_unsure_of():
    found = record([0.1, 0.4, 0.1, 0.1, 0.3], p_sure=0.4, refuse_unsure=True)
    assert (found["outcome"], found["given"], found["output"]) == ("refused", "correct", "B")


def test_what_underflows_keeps_a_score():
    sure, mute = record([0.0, 1.0, 0.0, 0.0, 0.0]), record([0.0, 0.0, 0.0, 0.0, 1.0])
    assert 700 < sure["score"] < math.inf
    assert mute["score"] == -sure["score"]
    assert sum(mute["probs"].values()) == pytest.approx(1)


def test_three_and_ten_choices():
    three = Question("a", "s", "Which?", ["x", "y", "z"], "C")
    found = record([0.1, 0.2, 0.3, 0.4], three)
    assert (found["output"], found["forced"]["outcome"], set(found["probs"])) == ("N", "correct", set("ABC"))
    letters.check_questions([three, Question("b", "s", "Which?", list("abcdefghij"), "A")], "x")
    assert phrases.REFUSAL_LETTER not in LETTERS  # so that no question has a choice of that letter


def test_what_no_letter_can_refuse():
    with pytest.raises(UserError, match=r"^--refusal letter: for multiple choice only, and o/1 of my\.json is an open"):
        letters.check_questions([GAS, Question("o/1", "s", "Who?", None, "I")], "my.json")


# ---- against whole forward passes ----


@pytest.fixture(scope="module")
def asked(mmlu_like):
    return readers.load(str(mmlu_like), "test")


def whole(lm, text, named):
    """(probabilities of the letters, their share of the vocabulary) by one whole forward pass."""
    every = tiny.full_forward(lm, lm.encode(text))[-1].double().softmax(-1)
    own = every[scoring.candidate_ids(lm, text, named)]
    return (own / own.sum()).tolist(), float(own.sum())


def sureness(lm, text):
    one, other = (lm.encode(text + end) for end in (phrases.SURE, phrases.UNSURE))
    at = next(i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return float(tiny.full_forward(lm, one[:at])[-1][[one[at], other[at]]].double().softmax(-1)[0])


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("prompt", phrases.PROMPTS)
def test_letters_equal_one_forward_each(llama, asked, prompt, shared):
    found = asked.in_order(letters.ask_letters(llama, asked, prompt, batch_tokens=256, shared=shared))
    for r, q in zip(found, asked.questions, strict=True):
        text = prompts.answer_prompt(llama.format, q, prompt, "craft", "letter")
        assert ("respond with N." in text) == (prompt in ("refuse", "cautious"))
        p, held = whole(llama, text, "ABCDN")
        assert [*(r["probs"][k] * (1 - p[4]) for k in "ABCD"), r["p_refusal"]] == pytest.approx(p, abs=1e-6)
        assert r["letter_mass"] == pytest.approx(held, abs=1e-6)
        assert r["score"] == pytest.approx(math.log(max(p[:4]) / p[4]), abs=1e-4)
        best = "ABCD"[int(np.argmax(p[:4]))]
        assert (r["prediction"], r["output"]) == (best, best if max(p[:4]) >= p[4] else "N")
        sure = sureness(llama, f"{text}{best}.{phrases.SURE_QUESTION}")
        assert r["p_sure"] == pytest.approx(sure, abs=1e-5)
        assert r["confidence"] == pytest.approx((r["p_answer"] + sure) / 2, abs=1e-5)


def test_the_letters_come_from_one_pass(llama, asked, monkeypatch):
    calls, own = [], scoring.run
    monkeypatch.setattr(scoring, "run", lambda *a, **k: calls.append(len(a[1])) or own(*a, **k))
    list(letters.ask_letters(llama, asked, "bare", batch_tokens=4096, shared=exactness.check(llama)))
    assert calls[0] == len(asked.questions)
    assert sum(calls[1:]) == len(asked.questions)  # R-Tuning's question behind each


def test_what_is_done_is_not_asked_again(llama, asked):
    ask = lambda skip: list(letters.ask_letters(llama, asked, "refuse", "short", batch_tokens=128, skip=skip))  # noqa: E731
    batches = ask(lambda ids: lambda indices: False)
    assert len(batches) > 1
    done = {r["id"] for r in batches[0]}
    rest = ask(lambda ids: lambda indices: done.issuperset(ids[i] for i in indices))
    assert rest == batches[1:]


def test_a_letter_of_several_tokens(llama, asked, monkeypatch):
    monkeypatch.setattr(letters, "REFUSAL_LETTER", "NΩ")
    with pytest.raises(UserError, match=r"letter Ω is not one token after the prompt .* use --refusal text"):
        list(letters.ask_letters(llama, asked, "bare"))
    with pytest.raises(UserError, match="use --refusal text"):
        letters.check_tokens(llama, asked.questions, "refuse", "craft")


def test_a_letter_that_is_another_s_token(llama, asked, monkeypatch):
    monkeypatch.setattr(letters, "REFUSAL_LETTER", "A")
    with pytest.raises(UserError, match=r"letters ABCDA are not distinct tokens .* use --refusal text"):
        letters.check_tokens(llama, asked.questions, "bare", "craft")
