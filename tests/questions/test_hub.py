"""Rows of the hub's own schemas become questions."""

from pathlib import Path

import pytest

from knowledge_boundary.questions import hub
from knowledge_boundary.questions.records import Question
from knowledge_boundary.running.errors import UserError

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


# ---- rows of the hub's own schemas ----

HUB_ROWS = {
    "mmlu": (
        [
            {"question": "q0", "subject": "law", "choices": ["a", "b", "c", "d"], "answer": 3},
            {"question": "q1", "subject": "art", "choices": ["a", "b", "c", "d"], "answer": 0},
            {"question": "q2", "subject": "law", "choices": ["a", "b", "c", "d"], "answer": 1},
        ],
        [
            Question("law/test/0", "law", "q0", list("abcd"), "D"),
            Question("art/test/0", "art", "q1", list("abcd"), "A"),
            Question("law/test/1", "law", "q2", list("abcd"), "B"),
        ],
    ),
    "arc_challenge": (
        [
            {
                "id": "Mercury_1",
                "question": "q",
                "choices": {"text": ["x", "y", "z"], "label": ["1", "2", "3"]},
                "answerKey": "3",
            },
            {
                "id": "M_2",
                "question": "r",
                "choices": {"text": list("vwxyz"), "label": list("ABCDE")},
                "answerKey": "E",
            },
        ],
        [
            Question("arc_challenge/test/0", "arc_challenge", "q", ["x", "y", "z"], "C"),
            Question("arc_challenge/test/1", "arc_challenge", "r", list("vwxyz"), "E"),
        ],
    ),
    "triviaqa": (
        [
            {
                "question": "Which city?",
                "question_id": "tc_1",
                "question_source": "",
                "entity_pages": {"title": []},
                "search_results": {"title": []},
                "answer": {
                    "aliases": ["Saint-Étienne", "St Etienne"],
                    "normalized_aliases": ["saint étienne", "st etienne"],
                    "matched_wiki_entity_name": "",
                    "normalized_matched_wiki_entity_name": "",
                    "normalized_value": "saint étienne",
                    "type": "WikipediaEntity",
                    "value": "Saint-Étienne",
                },
            }
        ],
        [Question("triviaqa/test/0", "triviaqa", "Which city?", None, "Saint-Étienne", ["St Etienne"])],
    ),
    "nq_open": (
        [
            {"question": "when was it", "answer": ["14 December 1972 UTC", "December 1972"]},
            {"question": "who", "answer": ["Bobby Scott"]},
        ],
        [
            Question("nq_open/test/0", "nq_open", "when was it", None, "14 December 1972 UTC", ["December 1972"]),
            Question("nq_open/test/1", "nq_open", "who", None, "Bobby Scott"),
        ],
    ),
    "popqa": (
        [
            {
                "id": 4222362,
                "subj": "George Rankin",
                "prop": "place of birth",
                "obj": "politician",
                "subj_id": 1850297,
                "prop_id": 22,
                "obj_id": 2834605,
                "s_aliases": '["George James Rankin"]',
                "o_aliases": '["political leader"]',
                "s_uri": "",
                "o_uri": "",
                "s_wiki_title": "",
                "o_wiki_title": "",
                "s_pop": 142,
                "o_pop": 25692,
                "question": "What is George Rankin's occupation?",
                "possible_answers": '["politician", "political leader", "pol\\u00edtico"]',
            }
        ],
        [
            Question(
                "place_of_birth/test/0",
                "place_of_birth",
                "What is George Rankin's occupation?",
                None,
                "politician",
                ["political leader", "político"],
            )
        ],
    ),
}


@pytest.mark.parametrize("name", HUB_ROWS)
def test_hub_rows(name):
    rows, expected = HUB_ROWS[name]
    assert hub.questions_from_rows(rows, name, "test", False) == (expected, 0)


HUB_ERRORS = {
    "index beyond": ("mmlu", {"subject": "law", "choices": ["a", "b"], "answer": 2}, "answer 2 is no index of its 2"),
    "index -1": ("mmlu", {"subject": "law", "choices": ["a", "b"], "answer": -1}, "answer -1 is no index"),
    "key": ("arc_easy", {"choices": {"text": ["a", "b"], "label": ["A", "B"]}, "answerKey": "C"}, "answer 'C' is none"),
    "empty value": ("triviaqa", {"answer": {"value": "", "aliases": ["x"]}}, "the question has no answer"),
    "no answers": ("nq_open", {"answer": []}, "the question has no answer"),
    "no obj": ("popqa", {"prop": "genre", "obj": "", "possible_answers": "[]"}, "the question has no answer"),
}


@pytest.mark.parametrize(("name", "row", "says"), HUB_ERRORS.values(), ids=HUB_ERRORS)
def test_hub_row_that_cannot_be_asked(name, row, says):
    good = HUB_ROWS["arc_challenge" if name == "arc_easy" else name][0][0]
    rows = [good, {"question": "q", **row}]
    with pytest.raises(UserError) as e:
        hub.questions_from_rows(rows, name, "test", False)
    assert str(e.value).startswith(f"{name} test row 1: ")
    assert says in str(e.value)
    questions, skipped = hub.questions_from_rows(rows, name, "test", True)
    assert (len(questions), skipped) == (1, 1)
