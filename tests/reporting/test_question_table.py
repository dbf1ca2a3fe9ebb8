import json

import pytest
from pages import EVIL, evaluation, question, selection, state

from knowledge_boundary.reporting.question_table import embedded, question_table


def text_of(table, row, key):
    return table["texts"][row[key]]


@pytest.fixture(scope="module")
def table():
    selections = [selection("cor"), selection("craft")]
    evaluations = [evaluation("init_basic"), evaluation("craft", shift=1)]
    return question_table("init_basic", state(), state(0.1), selections, evaluations)


def test_evaluated_questions_come_first_with_every_model_s_answer(table):
    assert table["models"] == ["init_basic", "craft"]
    assert table["initial"] == 0
    assert table["datasets"] == ["world_facts/test", "world_facts/ood"]
    assert len(table["rows"]) == 120 + 300
    for i, row in enumerate(table["rows"][:120]):
        assert row["id"] == f"country_capital{i % 3}/test/{i}"
        assert text_of(table, row, "question") == f"What is the capital of place {i}?"
        assert table["datasets"][row["dataset"]] == ("world_facts/test" if i < 80 else "world_facts/ood")
        assert [a[0] for a in row["answers"]] == [i % 4, (i + 1) % 4]
        assert [a[2] for a in row["answers"]] == [round(i / 120, 4)] * 2
    first = table["rows"][0]
    assert [table["texts"][a[1]] for a in first["answers"]] == ["Town 0", "Village 0"]
    assert "state" not in first


def test_training_questions_have_their_states_and_every_selection(table):
    before, after = state()["records"], state(0.1)["records"]
    for i in range(300):
        row = table["rows"][120 + i]
        assert "answers" not in row
        assert row["state"] == pytest.approx([r[k] for k in ("cor", "cer") for r in (before[i], after[i])], abs=1e-4)
        label, reason, nearest, similarity = row["selected"][1]
        assert table["labels"][label] == ("van", "idk", "dropped")[i % 3]
        assert table["reasons"][reason] == ("kept: random", "kept: random", "dropped: not drawn")[i % 3]
        assert (nearest, similarity) == ((120 + i - 1, round(1 - i / 1000, 4)) if i % 3 == 1 else (None, None))
    assert table["taus"] == [0.97, 0.97]


def test_each_text_stands_once(table):
    assert len(set(table["texts"])) == len(table["texts"])
    assert embedded(table).count('"I don\'t know."') == 1


def test_a_question_that_was_selected_and_evaluated_is_one_row():
    asked, tested = state(n=4), evaluation("craft", n=3)
    for record, other in zip(tested["records"], asked["records"], strict=False):
        record |= {"id": other["id"], "question": other["question"]}
    tested["records"][2]["question"] = "Another with the same id?"
    rows = question_table("init_basic", asked, None, [], [tested])["rows"]
    assert ["answers" in r for r in rows] == [True, True, True, False, False]
    assert ["state" in r for r in rows] == [True, True, False, True, True]


def test_a_question_of_two_data_sets_has_two_rows_with_the_same_state():
    tested = evaluation("craft", n=2)
    for record, label in zip(tested["records"], ("a/test", "b/test"), strict=True):
        record |= question("s", "train", 0) | {"dataset": label}
    known = state(n=1, subject="s")
    rows = question_table("init_basic", known, None, [], [tested])["rows"]
    assert [r["dataset"] for r in rows] == [0, 1]
    assert (
        rows[0]["state"] == rows[1]["state"] == [round(known["records"][0]["cor"], 4), None, rows[0]["state"][2], None]
    )


def test_without_the_initial_model_or_any_question():
    assert question_table("init_basic", None, None, [], [evaluation("craft")])["initial"] is None
    assert question_table("init_basic", None, None, [], []) is None


@pytest.mark.parametrize("evil", [EVIL, "<!--<script>", "]]>&amp;\u2028\u2029", '"\\ é \\u003c'])
def test_embedded_json_cannot_end_its_element_and_reads_back(evil):
    text = embedded({"texts": [evil]})
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == {"texts": [evil]}
