"""The two halves of a split: nothing is in both, nothing is lost, and a question's half depends on its text alone."""

import pytest
import tiny
from files import jsonl, mmlu_folder

from knowledge_boundary.questions import halves
from knowledge_boundary.questions.readers import check_split, load
from knowledge_boundary.running.errors import UserError

ROWS = [{"question": f"What is {i}?", "answer": str(i), "subject": "ab"[i % 2]} for i in range(60)]


def texts(questions) -> list:
    return [q.question for q in questions]


def both(path, split="train", **how) -> list:
    return [load(str(path), name, **how) for name in halves.named(split)]


def test_nothing_is_in_both_and_nothing_is_lost(tmp_path):
    path = jsonl(tmp_path / "mine.jsonl", *ROWS)
    one, two = both(path)
    whole = load(str(path), "train")
    assert not {*texts(one.questions)} & {*texts(two.questions)}
    assert sorted(q.id for q in one.questions + two.questions) == sorted(q.id for q in whole.questions)
    assert (one.split, two.split) == ("train_half1", "train_half2")
    assert min(len(one.questions), len(two.questions)) > 15
    assert one.reading[-1] == f"{len(one.questions)} of its 60 questions, by a hash of their text"


def test_a_half_depends_on_the_text_alone(tmp_path):
    one = {*texts(both(jsonl(tmp_path / "mine.jsonl", *ROWS))[0].questions)}
    turned = [row | {"question": row["question"].upper().replace(" ", "  ")} for row in reversed(ROWS)]
    again = both(jsonl(tmp_path / "other.jsonl", *turned), subjects="a")[0]
    assert {" ".join(t.split()).lower() for t in texts(again.questions)} == {
        r["question"].lower() for r in ROWS if r["question"] in one and r["subject"] == "a"
    }


def test_the_same_question_with_other_choices_is_in_the_same_half(tmp_path):
    rows = [{"question": f"What is {i}?", "choices": [str(i), x], "answer": "A"} for i in range(20) for x in "xy"]
    one, two = both(jsonl(tmp_path / "mine.jsonl", *rows))
    assert all(texts(half.questions).count(q.question) == 2 for half in (one, two) for q in half.questions)


def test_examples_are_the_first_half_s_of_the_same_subject_first(tmp_path):
    rows = [*ROWS, {"question": "Why?", "answer": "so", "subject": "rare"}, {"question": "?", "should_abstain": True}]
    one, two = both(jsonl(tmp_path / "mine.jsonl", *rows))
    for half in (one, two):
        half.check_shots(5)
        for subject in "ab":
            assert {q.subject for q in half.shots[subject]} == {subject}
            assert {*texts(half.shots[subject])} <= {*texts(one.questions)}
    assert all(q.question not in texts(one.shots_of(q, 5)) for q in one.questions)


def test_examples_of_the_set_s_own_are_kept_but_those_that_the_other_half_asks(tmp_path):
    lines = "".join(f"What is {i}?,{i},{i + 1},{i + 2},{i + 3},A\n" for i in range(9))
    folder = mmlu_folder(tmp_path / "m", {"dev/law_dev.csv": lines})
    one, two = both(folder, "dev")
    for own, other in ((one, two), (two, one)):
        assert texts(own.shots["law"]) == texts(own.questions)
        assert not {*texts(own.shots["law"])} & {*texts(other.questions)}


def test_a_folder_s_split_of_that_name_is_read_whole(tmp_path):
    tiny.write_jsonl(tmp_path / "m" / "a.jsonl", ROWS)
    card = "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train_half1\n    path: a.jsonl\n---\n"
    (tmp_path / "m" / "README.md").write_text(card)
    assert len(load(str(tmp_path / "m"), "train_half1").questions) == 60
    check_split(str(tmp_path / "m"), "train_half1")


def test_a_half_of_what_is_not_there(tmp_path):
    tiny.write_jsonl(tmp_path / "m" / "train.jsonl", ROWS)
    tiny.write_jsonl(tmp_path / "m" / "test.jsonl", ROWS)
    check_split(str(tmp_path / "m"), "train_half2")
    with pytest.raises(UserError, match="--split dev"):
        check_split(str(tmp_path / "m"), "dev_half2")
