"""Asking for a model's knowledge: questions that nobody can answer."""

from dataclasses import replace

import numpy as np
import pytest
import tiny

from knowledge_boundary.engine.drawing import SamplingSettings
from knowledge_boundary.judging import outcomes
from knowledge_boundary.knowledge import querying, selection
from knowledge_boundary.questions.records import Question, QuestionSet
from knowledge_boundary.running.errors import UserError
from knowledge_boundary.training import examples

ASKED = [
    Question("f/test/0", "facts", "What is the capital of France?", None, "Paris"),
    Question("f/test/1", "facts", "Who will win the cup in 2391?", None, None, should_abstain=True),
    Question("f/test/2", "facts", "How many grains of sand are there?", None, None, should_abstain=True),
]


def embed(texts):
    """Each text's own axis: equal texts alike, others not at all."""
    return np.eye(64)[[sum(map(ord, text)) % 64 for text in texts]]


@pytest.mark.parametrize("match", ["exact", "contains", "embedding"])
def test_no_answer_to_an_unanswerable_question_is_correct(llama, match):
    asked = QuestionSet("facts", "test", ASKED)
    texts, dropped = querying.query_prompts(llama, asked, 0)
    draws = SamplingSettings(num_samples=4, max_new_tokens=4)
    judged = outcomes.matcher(match, 0.0, embed)  # near enough at any cosine of 0 or more
    found = asked.in_order(querying.query(llama, asked, texts, dropped, draws, judged, embed))
    assert [r.get("should_abstain") for r in found] == [None, True, True]
    for r in found[1:]:
        assert r["answer"] is None
        assert (len(r["samples"]), r["cor"]) == (4, 0)
        assert -1 <= r["cer"] <= 1
        assert not any(v["correct"] for v in (*r["samples"], r["greedy"]))
    if match == "embedding":
        assert found[0]["cor"] > 0


def test_an_unanswerable_question_is_no_few_shot_example(llama):
    shots = {
        "facts": [replace(ASKED[1], id="f/dev/0"), replace(ASKED[0], id="f/dev/1", question="Italy?", answer="Rome")]
    }
    asked = QuestionSet("facts", "test", ASKED, shots)
    texts, _ = querying.query_prompts(llama, asked, 1)
    assert all("Question: Italy?\nAnswer: Rome\n\n" in text for text in texts)
    with pytest.raises(UserError, match="has 1 examples for facts"):
        querying.query_prompts(llama, asked, 2)


def test_a_chinese_exam_is_asked_in_its_own_words(llama):
    one = Question("law/val/0", "law", "下列哪一项正确？", ["甲", "乙", "丙", "丁"], "C", exam="ceval")
    shot = replace(one, id="law/dev/0", question="哪一项错误？", answer="B")
    asked = QuestionSet("ceval", "val", [one], {"law": [shot]})
    texts, dropped = querying.query_prompts(llama, asked, 1)
    assert texts[0].endswith("答案：B\n\n下列哪一项正确？\nA. 甲\nB. 乙\nC. 丙\nD. 丁\n答案：")
    (r,) = asked.in_order(querying.query(llama, asked, texts, dropped))
    whole = tiny.full_forward(llama, llama.encode(texts[0]))[-1]
    own = whole[[llama.encode(texts[0] + letter)[-1] for letter in "ABCD"]].double().softmax(-1)
    assert list(r["probs"].values()) == pytest.approx(own.tolist(), abs=1e-5)
    (entry,) = selection.join([r], None)
    pairs, _, _ = examples.refusal_examples(llama.format, [entry | {"label": "van"}])
    assert "下面是一道关于法学的单项选择题。如果你知道答案" in pairs[0][0]
