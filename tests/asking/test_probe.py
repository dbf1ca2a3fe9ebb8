"""The probe of open questions: what an answer states, and its records against a plain greedy loop."""

import pytest
import tiny

from knowledge_boundary.asking import probe
from knowledge_boundary.engine import exactness
from knowledge_boundary.judging import outcomes
from knowledge_boundary.questions.records import Question, QuestionSet
from knowledge_boundary.wording.phrases import SURE, SURE_QUESTION

ASKED = [Question(f"f/test/{i}", "facts", f"What is the capital of {c}?", None, c) for i, c in enumerate("VWXYZ")]


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("Paris", "Paris"),
        ("Paris.", "Paris"),
        ("Paris. The capital of Italy is Rome.", "Paris"),
        (f"Paris.{SURE_QUESTION}{SURE}", "Paris"),
        ("Paris. Are you sure you accurately", "Paris"),
        ("St. Louis. It lies", "St. Louis"),
        ("J. S. Bach", "J. S. Bach"),
        ("Prof. Moriarty. He", "Prof. Moriarty"),
        ("Washington, D.C.", "Washington, D.C."),
        ("in 1889. It", "in 1889"),
        ("1. Paris", "1. Paris"),
        ("3.14", "3.14"),
        ("the tower (in Paris). It", "the tower (in Paris)"),
        ("巴黎。它在法国。", "巴黎"),
        ("", ""),
    ],
)
def test_an_answer_ends_at_its_first_full_stop(text, stated):
    assert probe.stated(text) == stated


def greedy(lm, text, most) -> str:
    """The plain loop: the likeliest token after the whole sequence, again and again."""
    ids, own = lm.encode(text), []
    while len(own) < most:
        token = int(tiny.full_forward(lm, ids + own)[-1].argmax())
        if token in lm.end_tokens or "\n" in lm.decode([*own, token]).lstrip():
            break
        own.append(token)
    return lm.decode(own).strip()


def records(lm, asked, num_samples=0, match=outcomes.contains, seed=0):
    """``probe.ask_open`` of ``asked``."""
    texts, dropped = probe.fitted_prompts(lm, asked, 0, "letter", False, [6] * len(asked.questions))
    shared = exactness.check(lm, texts, 6)
    batches = probe.ask_open(
        lm, asked, texts, dropped, match, num_samples, 0.7, 6, 1024, shared, lambda ids: lambda i: False, seed
    )
    return asked.in_order(batches)


def test_the_greedy_answer_is_judged(llama):
    asked = QuestionSet("facts", "test", ASKED)
    first = [greedy(llama, f"Question: {q.question} Answer:", 6) for q in ASKED]
    found = records(llama, asked)
    assert [r["prediction"] for r in found] == [probe.stated(text) for text in first]
    assert all(r == {**q.record(), "prediction": r["prediction"], "correct": False, "cor": 0.0}
               for r, q in zip(found, ASKED, strict=True))  # fmt: skip
    right = [Question(q.id, q.subject, q.question, None, probe.stated(t)) for q, t in zip(ASKED, first, strict=True)]
    found = records(llama, QuestionSet("facts", "test", right), match=outcomes.exact)
    assert [(r["correct"], r["cor"]) for r in found] == [(bool(q.answer), float(bool(q.answer))) for q in right]


def test_an_unanswerable_question_has_no_right_answer(llama):
    asked = QuestionSet("facts", "test", [Question("a", "facts", "Who knows?", None, None, should_abstain=True)])
    (r,) = records(llama, asked, match=lambda question, texts: [{"correct": True} for _ in texts])
    assert (r["correct"], r["cor"], r["should_abstain"]) == (False, 0.0, True)


def test_draws_are_a_function_of_the_seed(llama):
    asked = QuestionSet("facts", "test", ASKED)
    found, again, other = (records(llama, asked, 4, seed=s) for s in (0, 0, 1))
    assert found == again
    assert all(len(r["samples"]) == 4 for r in found)
    assert [r["samples"] for r in other] != [r["samples"] for r in found]
    assert (
        [r["prediction"] for r in other]
        == [r["prediction"] for r in found]
        == [r["prediction"] for r in records(llama, asked)]
    )
