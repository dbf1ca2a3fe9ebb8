"""Rows of the hub's own schemas become questions."""

import dataclasses
from types import SimpleNamespace

import pytest

from knowledge_boundary.questions.readers import load
from knowledge_boundary.questions.records import Question, by_subject
from knowledge_boundary.questions.sets import DATASETS
from knowledge_boundary.running.errors import UserError

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


@pytest.fixture
def hub_rows(monkeypatch):
    """Puts rows in the place of the hub's."""

    def put(rows):
        monkeypatch.setattr("datasets.load_dataset_builder", lambda *_, **__: SimpleNamespace(config=None))
        monkeypatch.setattr("datasets.load_dataset", lambda *_, **__: [dict(row) for row in rows])

    return put


@pytest.mark.parametrize("name", HUB_ROWS)
def test_hub_rows(name, hub_rows):
    rows, expected = HUB_ROWS[name]
    hub_rows(rows)
    split = DATASETS[name].splits[-1]
    found = load(name, split)
    wanted = [dataclasses.replace(q, id=q.id.replace("/test/", f"/{split}/")) for q in expected]
    assert [q for s in by_subject(wanted).values() for q in s] == found.questions
    assert found.skipped == 0


HUB_ERRORS = {
    "index beyond": ("mmlu", {"subject": "law", "choices": ["a", "b"], "answer": 2}, "answer 2 is no index of its 2"),
    "index -1": ("mmlu", {"subject": "law", "choices": ["a", "b"], "answer": -1}, "the answer is withheld (-1)"),
    "key": ("arc_easy", {"choices": {"text": ["a", "b"], "label": ["A", "B"]}, "answerKey": "C"}, "answer 'C' is none"),
    "empty value": ("triviaqa", {"answer": {"value": "", "aliases": []}}, "the question has no answer"),
    "withheld": ("triviaqa", {"answer": {"value": "<unk>", "aliases": []}}, "the answer is withheld (<unk>)"),
    "no answers": ("nq_open", {"answer": []}, "the question has no answer"),
    "no obj": ("popqa", {"prop": "genre", "obj": "", "possible_answers": "[]"}, "the question has no answer"),
}


@pytest.mark.parametrize(("name", "row", "says"), HUB_ERRORS.values(), ids=HUB_ERRORS)
def test_hub_row_that_cannot_be_asked(name, row, says, hub_rows):
    good = HUB_ROWS["arc_challenge" if name == "arc_easy" else name][0][0]
    hub_rows([good, {"question": "another", **row}])
    split = DATASETS[name].splits[-1]
    with pytest.raises(UserError) as e:
        load(name, split)
    assert f" {split} row 1: " in str(e.value)
    assert says in str(e.value)
    found = load(name, split, skip_invalid=True)
    assert (len(found.questions), found.skipped) == (1, 1)
