import json
from pathlib import Path

import pytest
from files import arc, jsonl, mmlu_folder

from knowledge_boundary.questions.readers import load
from knowledge_boundary.questions.records import Question
from knowledge_boundary.running.errors import UserError

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
HEADLESS = """\
"Which of these is a ""noble"" gas, and why?",Argon,"Iron, cast",Gold,Tin,A
"Two lines
of text",1,2,3,4,D
"""


# ---- MMLU's CSV ----


def test_csv_without_a_header(tmp_path):
    folder = mmlu_folder(
        tmp_path / "mmlu", {"test/chemistry_test.csv": HEADLESS, "dev/chemistry_dev.csv": "q,a,b,c,d,B\n"}
    )
    found = load(folder, "test")
    assert [q.record() for q in found.questions] == [
        {
            "id": "chemistry/test/0",
            "subject": "chemistry",
            "question": 'Which of these is a "noble" gas, and why?',
            "choices": ["Argon", "Iron, cast", "Gold", "Tin"],
            "answer": "A",
            "aliases": [],
        },
        {
            "id": "chemistry/test/1",
            "subject": "chemistry",
            "question": "Two lines\nof text",
            "choices": ["1", "2", "3", "4"],
            "answer": "D",
            "aliases": [],
        },
    ]
    assert found.shots == {"chemistry": [Question("chemistry/dev/0", "chemistry", "q", list("abcd"), "B")]}
    assert (found.name, found.split, found.skipped, found.multiple_choice) == ("mmlu", "test", 0, True)


def test_a_file_s_subject_stands_where_its_column_is_empty(tmp_path):
    folder = mmlu_folder(tmp_path / "m", {"test/law_test.csv": "question,A,B,answer,subject\nq,a,b,A,\nr,a,b,A,art\n"})
    assert [(q.question, q.subject) for q in load(folder, "test").questions] == [("q", "law"), ("r", "art")]


@pytest.mark.parametrize("last", ["answer", "target"])
def test_csv_with_a_header_is_read_by_its_names(tmp_path, last):
    text = f"id,lang,{last},D,C,B,A,question\nx/0,en,B,d,c,b,a,Which?\n"
    folder = mmlu_folder(tmp_path / "m", {"val/history_val.csv": text})
    (q,) = load(folder, "val").questions
    assert (q.subject, q.question, q.choices, q.answer) == ("history", "Which?", ["a", "b", "c", "d"], "B")
    assert q.id == "x/0"


def test_csv_s_subject_column_names_the_subject(tmp_path):
    text = "question,A,B,answer,subject\nq0,yes,no,A,law\nq1,yes,no,B,art\nq2,yes,no,B,law\n"
    path = tmp_path / "all.csv"
    path.write_text(text)
    questions = load(str(path), "test").questions
    assert [q.id for q in questions] == ["law/test/0", "law/test/1", "art/test/0"]
    assert [q.letters for q in questions] == ["AB"] * 3


def test_mmlu_subjects_come_in_alphabetical_order_with_their_own_shots(tmp_path):
    files = {
        f"{split}/{s}_{split}.csv": f"{s} {split},a,b,c,d,C\n" for s in ("law", "art") for split in ("dev", "test")
    }
    found = load(mmlu_folder(tmp_path / "m", files), "test")
    assert [q.question for q in found.questions] == ["art test", "law test"]
    assert {s: [q.question for q in shots] for s, shots in found.shots.items()} == {
        "law": ["law dev"],
        "art": ["art dev"],
    }


CSV_ERRORS = {
    "four columns": ("q,a,b,A\n", "line 1: 4 columns; there must be 6"),
    "seven columns": ("q,a,b,c,d,e,A\n", "line 1: 7 columns; there must be 6"),
    "letter E of four": ("q,a,b,c,d,A\nq,a,b,c,d,E\n", "line 2: answer 'E' is not a letter from A to D"),
    "no letter": ("q,a,b,c,d,A\nq,a,b,c,d,x\n", "line 2: answer 'x' is not a letter from A to D"),
    "no answer": ('q,a,b,c,d,A\n\nq,a,b,c,d," "\n', "line 3: the question has no answer"),
    "no question": (" ,a,b,c,d,A\n", "line 1: the question has no text"),
    "header's columns": ("question,A,B,answer\nq,a,b,c,A\n", "line 2: 5 columns; there must be 4"),
}


@pytest.mark.parametrize(("text", "says"), CSV_ERRORS.values(), ids=CSV_ERRORS)
def test_csv_record_that_cannot_be_asked_stops_with_file_and_line(tmp_path, text, says):
    path = tmp_path / "x_test.csv"
    path.write_text(text)
    with pytest.raises(UserError) as e:
        load(str(path), "test")
    assert str(e.value).startswith(f"{path} {says}")
    assert "--skip_invalid" in str(e.value)


@pytest.mark.parametrize(("text", "_"), CSV_ERRORS.values(), ids=CSV_ERRORS)
def test_csv_record_that_cannot_be_asked_is_left_out_and_counted(tmp_path, text, _):
    folder = mmlu_folder(tmp_path / "m", {"test/x_test.csv": text, "test/y_test.csv": "ok,a,b,c,d,A\n"})
    found = load(folder, "test", skip_invalid=True)
    assert found.skipped == 1
    assert found.describe()["skipped"] == 1
    assert all(q.question in ("q", "ok") and q.answer == "A" for q in found.questions)


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("question,A,answer\nq,a,A", "a column for the choice A, but no B column"),
        ("question,A,C,answer\nq,a,c,A", "a column for the choices A, C, but none for B"),
        ("question,A,B\nq,a,b", "no column for the answer; it has question, A, B; name it: --columns answer=NAME"),
    ],
)
def test_csv_header_that_lacks_a_column(tmp_path, header, says):
    path = tmp_path / "x_test.csv"
    path.write_text(f"{header}\n")
    with pytest.raises(UserError, match=says):
        load(str(path), "test")


# ---- ARC ----


def test_arc_s_answer_key_is_a_label_not_always_a_letter(tmp_path):
    file = jsonl(
        tmp_path / "ARC-Easy-Test.jsonl",
        arc("letters", key="C"),
        arc("digits", "1234", "2"),
        arc("three", "ABC", "C"),
        arc("five", "ABCDE", "E"),
    )
    found = load(str(tmp_path), "test").questions
    assert [(q.question, q.letters, q.answer) for q in found] == [
        ("letters", "ABCD", "C"),
        ("digits", "ABCD", "B"),
        ("three", "ABC", "C"),
        ("five", "ABCDE", "E"),
    ]
    assert found[1].choices == ["text 1", "text 2", "text 3", "text 4"]
    label = tmp_path.name
    assert [q.id for q in found] == [f"{label}/test/{i}" for i in range(4)]
    assert load(file, "test").questions[0].id == "ARC-Easy-Test/test/0"


# ---- open questions ----


def test_triviaqa_s_lines_become_open_questions_with_other_answers(tmp_path):
    rows = {"question": " Which hand? ", "answer": "Flush", "aliases": ["Flush", "Flush (poker)", "Flush (poker)", ""]}
    found = load(jsonl(tmp_path / "triviaqa.jsonl", rows), "dev")
    assert found.questions == [Question("triviaqa/dev/0", "triviaqa", "Which hand?", None, "Flush", ["Flush (poker)"])]
    assert not found.multiple_choice


def test_a_folder_s_split_file_is_found_and_its_dev_file_gives_the_shots(tmp_path):
    folder = tmp_path / "facts"
    folder.mkdir()
    jsonl(folder / "train.jsonl", {"question": "t", "answer": "1"})
    jsonl(folder / "dev.jsonl", *({"question": f"d{i}", "answer": str(i), "subject": "s"} for i in range(7)))
    found = load(str(folder), "train")
    assert [q.question for q in found.questions] == ["t"]
    assert found.shots == {}  # of the subjects that are asked
    assert [q.question for q in load(str(folder), "dev").shots["s"]] == ["d0", "d1", "d2", "d3", "d4", "d5"]


def test_numbers_and_given_ids(tmp_path):
    rows = [{"question": "q", "answer": 7, "id": 12, "subject": "s"}, {"question": "r", "answer": "x", "subject": "s"}]
    found = load(jsonl(tmp_path / "x.jsonl", *rows), "train").questions
    assert [(q.id, q.answer, q.subject) for q in found] == [("12", "7", "s"), ("s/train/1", "x", "s")]


def test_no_question_is_its_own_shot(tmp_path):
    jsonl(tmp_path / "dev.jsonl", *({"question": f"d{i}", "answer": "a"} for i in range(4)))
    asked = load(str(tmp_path), "dev")
    shots = [[s.question for s in asked.shots_of(q, 2)] for q in asked.questions]
    assert shots == [["d1", "d2"], ["d0", "d2"], ["d0", "d1"], ["d0", "d1"]]


@pytest.mark.parametrize("asked", ["val", "dev", "validation"])
def test_val_and_dev_are_one_where_a_set_has_only_one_of_them(tmp_path, asked, capsys):
    jsonl(tmp_path / "Quiz-Dev.jsonl", {"question": "q", "answer": "a"})
    jsonl(tmp_path / "Quiz-Test.jsonl", {"question": "t", "answer": "a"})
    assert [q.question for q in load(str(tmp_path), asked).questions] == ["q"]
    assert ("Quiz-Dev.jsonl is read" in capsys.readouterr().out) == (asked != "dev")


# ---- generic choices ----


@pytest.mark.parametrize(("answer", "letter"), [("B", "B"), ("Rome", "B"), (" Rome ", "B"), ("C", "C"), ("Paris", "A")])
def test_choices_are_answered_by_letter_or_by_text(tmp_path, answer, letter):
    row = {"question": "q", "choices": ["Paris", "Rome ", "Bern"], "answer": answer}
    (q,) = load(jsonl(tmp_path / "x.jsonl", row), "test").questions
    assert (q.answer, q.choices) == (letter, ["Paris", "Rome", "Bern"])


MC = {"question": "ok", "choices": ["no", "yes"], "answer": "yes"}
JSONL_ERRORS = {
    "no answer": ({"question": "q"}, "the question has no answer"),
    "null answer": ({"question": "q", "answer": None}, "the question has no answer"),
    "empty answer": ({"question": "q", "answer": " "}, "the question has no answer"),
    "no question": ({"answer": "a"}, "no `question`"),
    "empty question": ({"question": "\n", "answer": "a"}, "the question has no text"),
    "not an object": (["q", "a"], "no `question`"),
    "number as question": ({"question": 3, "answer": "a"}, "the question has no text"),
    "a list of lists": ({"question": "q", "answer": [["a"]]}, "the answer is not a text"),
    "no list of aliases": ({"question": "q", "answer": "a", "aliases": 3}, "`aliases` is not a list"),
    "one choice": ({**MC, "choices": ["yes"]}, "1 choices; there must be 2 to 10"),
    "eleven choices": ({**MC, "choices": [*"abcdefghij", "yes"]}, "11 choices"),
    "empty choice": ({**MC, "choices": ["yes", " "]}, "choice B is empty"),
    "no list of choices": ({**MC, "choices": 3}, "`choices` is not a list"),
    "other text": ({**MC, "answer": "x"}, "answer 'x' is none of the choices 'no', 'yes'"),
    "same text twice": ({**MC, "choices": ["yes", "yes"]}, "can be more than one of the choices"),
    "choices, no answer": ({**MC, "answer": None}, "the question has no answer"),
    "two answers": ({**MC, "answer": ["yes", "no"]}, "is more than one choice"),
    "arc key": (arc("q", key="E"), "answer 'E' is none of the choices' labels A, B, C, D"),
    "arc no key": (arc("q", key=None), "the question has no answer"),
    "arc no stem": (arc(""), "the question has no text"),
    "arc one choice": (arc("q", "A"), "1 choices"),
}


@pytest.mark.parametrize(("row", "says"), JSONL_ERRORS.values(), ids=JSONL_ERRORS)
def test_json_record_that_cannot_be_asked_stops_with_file_and_line_or_is_counted(tmp_path, row, says):
    good = {"question": "ok", "answer": "a"}
    if isinstance(row, dict) and ("choices" in row or "answerKey" in row):
        good = arc("ok") if "answerKey" in row else MC
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(good) + "\n\n" + json.dumps(row) + "\n")
    with pytest.raises(UserError) as e:
        load(str(path), "test")
    assert str(e.value).startswith(f"{path} line 3: ")
    assert says in str(e.value)
    found = load(str(path), "test", skip_invalid=True)
    assert ([q.question for q in found.questions], found.skipped) == (["ok"], 1)


def test_a_line_that_is_not_json_stops_with_file_and_line(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"question": "q", "answer": "a"}\n{"question": \n')
    with pytest.raises(UserError, match=r"x\.jsonl line 2: not JSON"):
        load(str(path), "test", skip_invalid=True)


# ---- R-Tuning's JSON ----


def test_rtuning_s_object_of_subjects(tmp_path):
    path = tmp_path / "MMLU_ID_test.json"
    path.write_text(json.dumps({"law": [["q0", "a", "b", "c", "d", "D"]], "art": [["q1", "a", "b", "A"]]}))
    found = load(str(path), "test").questions
    assert [(q.id, q.choices, q.answer) for q in found] == [
        ("law/test/0", ["a", "b", "c", "d"], "D"),
        ("art/test/0", ["a", "b"], "A"),
    ]


def test_rtuning_s_list_of_questions(tmp_path):
    path = tmp_path / "pararel.json"
    path.write_text(json.dumps([["Where?", "Paris", "capital"], ["Who?", "Ada"]]))
    found = load(str(path), "train").questions
    assert found == [
        Question("pararel/train/0", "pararel", "Where?", None, "Paris"),
        Question("pararel/train/1", "pararel", "Who?", None, "Ada"),
    ]


RTUNING_ERRORS = {
    "letter": ({"law": [["q", "a", "b", "c", "d", "E"]]}, " law[0]: answer 'E' is not a letter from A to D"),
    "one field": ([["Where?", "Paris"], ["Where?"]], " [1]: no `question`: not a list of a question and its answer"),
    "no answer": ([["Where?", None]], " [0]: the question has no answer"),
    "no list": ([["Where?", "Paris"], "Where?"], " [1]: no `question`: not an object"),
    "no column": ([{"question": "Where?"}], ": no column for the answer; it has question"),
    "a scalar": ({"law": 3}, " law: not a list of questions"),
    "neither": (3, ": neither an object of subjects nor a list of questions"),
}


@pytest.mark.parametrize(("content", "says"), RTUNING_ERRORS.values(), ids=RTUNING_ERRORS)
def test_rtuning_record_that_cannot_be_asked(tmp_path, content, says):
    path = tmp_path / "x.json"
    path.write_text(json.dumps(content))
    with pytest.raises(UserError) as e:
        load(str(path), "test")
    assert str(e.value).startswith(f"{path}{says}")


def test_rtuning_file_cut_in_half(tmp_path):
    path = tmp_path / "x.json"
    path.write_text('{"law": [["q", ')
    with pytest.raises(UserError, match=r"x\.json: not valid JSON"):
        load(str(path), "test")
