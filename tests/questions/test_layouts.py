"""What a file's columns mean: found by their names, decided once over all rows, said, or refused with both readings."""

import json

import pytest
from files import jsonl

from knowledge_boundary.questions import columns
from knowledge_boundary.questions.readers import load
from knowledge_boundary.running.errors import UserError


def read(tmp_path, rows, name="x.jsonl", mapping=None, seed=0, skip=False):
    """The question set of rows (JSON Lines) or of a file's text."""
    path = tmp_path / name
    if isinstance(rows, str):
        path.write_text(rows, encoding="utf-8")
    else:
        jsonl(path, *rows)
    return load(str(path), "test", columns=mapping and columns.parse(mapping), seed=seed, skip_invalid=skip)


def answers(found):
    """[(the right choice's text or the answer, the aliases)]."""
    return [(q.choices[q.letters.index(q.answer)] if q.choices else q.answer, q.aliases) for q in found.questions]


ABC = {"choices": ["red", "green", "blue"]}
# name: (rows, the right choices' texts, what is said of the answer)
CHOICES = {
    "letters": ([{**ABC, "answer": "B"}, {**ABC, "answer": "C"}], ["green", "blue"], "answer: letter"),
    "lower case": ([{**ABC, "answer": "b"}, {**ABC, "answer": "c"}], ["green", "blue"], "answer: letter"),
    "decorated": ([{**ABC, "answer": "（Ｂ）"}, {**ABC, "answer": "C."}], ["green", "blue"], "answer: letter"),
    "with its text": ([{**ABC, "answer": "B. green"}, {**ABC, "answer": "A"}], ["green", "red"], "answer: letter"),
    "in a list": ([{**ABC, "answer": ["B"]}, {**ABC, "answer": ["A"]}], ["green", "red"], "answer: letter"),
    "from 0": ([{**ABC, "answer": 0}, {**ABC, "answer": 2}], ["red", "blue"], "answer: index from 0"),
    "from 1": ([{**ABC, "answer": 3}, {**ABC, "answer": 1}], ["blue", "red"], "answer: index from 1"),
    "as floats": ([{**ABC, "answer": 0.0}, {**ABC, "answer": 2.0}], ["red", "blue"], "answer: index from 0"),
    "as texts": ([{**ABC, "answer": "3"}, {**ABC, "answer": "1"}], ["blue", "red"], "answer: index from 1"),
    "MMLU's own": ([{**ABC, "answer": 1}, {**ABC, "answer": 2}], ["green", "blue"], "answer: index from 0"),
    "texts": ([{**ABC, "answer": "blue"}, {**ABC, "answer": " Green "}], ["blue", "green"], "answer: an option's text"),
    "numbers as texts": (
        [{"choices": ["5", "6", "9"], "answer": 9}, {"choices": [7, 8, 4], "answer": "7"}],
        ["9", "7"],
        "answer: an option's text",
    ),
    "target": ([{**ABC, "target": "B"}, {**ABC, "target": "A"}], ["green", "red"], "answer (`target`): letter"),
    "label": ([{**ABC, "label": 0}, {**ABC, "label": 2}], ["red", "blue"], "answer (`label`): index from 0"),
    "options by letter": (
        [{"options": {"A": "red", "B": "green"}, "answer": "B"}],
        ["green"],
        "answer: an option's label",
    ),
    "labels and texts": (
        [{"choices": {"label": ["1", "2"], "text": ["red", "green"]}, "answerKey": "2"}],
        ["green"],
        "answer (`answerKey`): an option's label",
    ),
    "labels from 0": (
        [{"choices": {"label": ["0", "1"], "text": ["red", "green"]}, "answer": 1}],
        ["green"],
        "answer: an option's label",
    ),
    "objects": (
        [{"options": [{"key": "A", "value": "red"}, {"key": "B", "value": "green"}], "answer": "B"}],
        ["green"],
        "answer: an option's label",
    ),
    "columns": ([{"A": "red", "B": "green", "Answer": "B"}], ["green"], "answer: letter"),
    "named columns": (
        [{"opa": "red", "opb": "green", "opc": "blue", "cop": 0}],
        ["red"],
        "answer (`cop`): index from 0",
    ),
    "option_a": ([{"option_a": "red", "option_b": "green", "answer": "b"}], ["green"], "answer: letter"),
    "numbered columns": (
        [{"option1": "red", "option2": "green", "answer": 1}],
        ["red"],
        "answer: an option's label",
    ),
    "an index beside": ([{**ABC, "answer": "C", "answer_index": 2}], ["blue"], "answer: letter"),
    "an index from 1 beside": ([{**ABC, "answer": "C", "answer_idx": 3}], ["blue"], "answer: letter"),
    "an index alone": ([{**ABC, "answer_index": 0}], ["red"], "answer (`answer_index`): index from 0"),
    "truth": ([{"choices": ["Yes", "No"], "answer": False}], ["No"], "answer: true or false, as the options say it"),
    "a list as text": ([{"choices": "['red', 'green']", "answer": "B"}], ["green"], "answer: letter"),
    "an object as text": (
        [{"choices": '{"A": "red", "B": "green"}', "answer": "B"}],
        ["green"],
        "answer: an option's label",
    ),
    "Chinese": ([{"题目": "?", "选项": ["红", "绿"], "答案": "B"}], ["绿"], "answer (`答案`): letter"),
    "Chinese columns": (
        [{"问题": "?", "选项A": "红", "选项B": "绿", "正确答案": "B"}],
        ["绿"],
        "answer (`正确答案`): letter",
    ),
}


@pytest.mark.parametrize(("rows", "right", "said"), CHOICES.values(), ids=CHOICES)
def test_choices(tmp_path, rows, right, said):
    rows = [row if {"题目", "问题"} & row.keys() else {"question": f"q{i}", **row} for i, row in enumerate(rows)]
    found = read(tmp_path, rows)
    assert [text for text, _ in answers(found)] == right
    assert found.reading[0] == said


# name: (rows, what the line names); each holds two readings that both fit every row and differ
AMBIGUOUS = {
    "two bases": (
        [
            {"A": "red", "B": "green", "C": "blue", "answer": "1"},
            {"A": "red", "B": "green", "C": "blue", "answer": "2"},
        ],
        ("index from 0 or index from 1", "'green' or 'red'", "answer=answer:index0 or --columns answer=answer:index1"),
    ),
    "options with a whole number": (
        [{"options": ["red", "green", "blue"], "answer": 1}],
        ("index from 0 or index from 1",),
    ),
    "index or text": (
        [{"choices": ["1", "2", "3", "0"], "answer": 2}, {"choices": ["3", "0", "2", "1"], "answer": 1}],
        ("index from 0 or an option's text", "'3' or '2'"),
    ),
    "letter or text": (
        [{"choices": ["B", "A"], "answer": "A"}, {"choices": ["A", "B"], "answer": "A"}],
        ("letter or an option's text", "'B' or 'A'"),
    ),
    "both bases in one file": (
        [{**ABC, "answer": 0}, {**ABC, "answer": 3}, {**ABC, "answer": 1}],
        ("no index of the choices throughout", "from 0 by 0", "from 1 by 3"),
    ),
    "letters and texts": ([{**ABC, "answer": "B"}, {**ABC, "answer": "blue"}], ("can be read in no one way",)),
    "an index that says otherwise": (
        [{**ABC, "answer": "B", "answer_index": 1}, {**ABC, "answer": "C", "answer_index": 0}],
        ("`answer` ('C') and `answer_index` (0) mean different choices", "line 2"),
    ),
    "two answers": (
        [{"answer": "Lima", "gold": "Lima"}, {"answer": "Bern", "gold": "Rome"}],
        ("line 2", "`answer` ('Bern') and `gold` ('Rome') could both be the answer", "answer=answer or", "answer=gold"),
    ),
    "two questions": (
        [{"prompt": "Answer: what?", "answer": "x"}],
        ("`question` and `prompt` could both be the question", "question=question or --columns question=prompt"),
    ),
    "a mark or an answer": (
        [{"answer": "Lima", "label": 1}, {"answer": "Bern", "label": 0}],
        ("`label` can be read as an answer or as a mark", "should_abstain=label", "answer=answer"),
    ),
}


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize(("rows", "says"), AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_two_readings_are_refused_with_both(tmp_path, rows, says, skip):
    with pytest.raises(UserError) as e:
        read(tmp_path, [{"question": f"q{i}", **row} for i, row in enumerate(rows)], skip=skip)
    assert all(part in str(e.value) for part in says), e.value
    assert "\n" not in str(e.value)


def test_an_ambiguous_file_is_read_as_columns_says(tmp_path):
    rows = [{"question": "2 + 1?", "choices": ["1", "2", "3", "0"], "answer": 2}]
    assert answers(read(tmp_path, rows, mapping="answer=answer:index0")) == [("3", [])]
    assert answers(read(tmp_path, rows, mapping="answer=answer:index1")) == [("2", [])]
    assert answers(read(tmp_path, rows, mapping="answer=answer:text")) == [("2", [])]
    two = [{"question": "q", "answer": "Lima", "gold": "Rome"}]
    assert answers(read(tmp_path, two, mapping="answer=gold")) == [("Rome", [])]
    marked = [{"question": "q", "answer": "x", "label": 1}, {"question": "r", "answer": "y", "label": 0}]
    found = read(tmp_path, marked, mapping="should_abstain=label,answer=answer").questions
    assert [(q.should_abstain, q.answer) for q in found] == [(True, None), (False, "y")]
    assert [q.answer for q in read(tmp_path, marked, mapping="answer=answer").questions] == ["x", "y"]


def test_columns_map_what_has_no_usual_name(tmp_path):
    text = "Nr,Frage,Wahl 1,Wahl 2,Lösung,auch,Fach\n7,Was?,rot,blau,B,,Kunst\n8,Wie?,gut,schlecht,A,,Sitte\n"
    mapping = "question=Frage,choices=Wahl 1+Wahl 2,answer=Lösung,id=Nr,subject=Fach"
    found = read(tmp_path, text, "x.csv", mapping)
    assert [(q.id, q.subject, q.answer, q.choices) for q in found.questions] == [
        ("7", "Kunst", "B", ["rot", "blau"]),
        ("8", "Sitte", "A", ["gut", "schlecht"]),
    ]
    with pytest.raises(UserError, match=r"line 1: 7 columns; there must be 6 .*--columns question=NAME.*'Nr', 'Frage'"):
        read(tmp_path, text, "x.csv")
    with pytest.raises(UserError, match=r"--columns answer=Antwort: no such column in .*x.csv; it has Nr, Frage"):
        read(tmp_path, text, "x.csv", "question=Frage,answer=Antwort")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("question", "not ROLE=COLUMN"),
        ("question=", "not ROLE=COLUMN"),
        ("frage=x", "'frage' is no role; there are question, answer"),
        ("answer=a,answer=b", "answer is given twice"),
    ],
)
def test_columns_that_say_nothing(text, says):
    with pytest.raises(UserError, match=says):
        columns.parse(text)
    assert columns.parse("question=a, b,answer=c:index0") == {"question": "a, b", "answer": "c:index0"}


def test_columns_of_an_unknown_reading(tmp_path):
    with pytest.raises(UserError, match="'index2' is none of letter, label, index0"):
        read(tmp_path, [{"question": "q", "answer": "a"}], mapping="answer=answer:index2")


# ---- open questions ----

OPEN = {
    "text": ([{"answer": "Lima"}], [("Lima", [])]),
    "a list": ([{"answer": ["Lima", None, "Ciudad", ""]}], [("Lima", ["Ciudad"])]),
    "answers": ([{"answers": ["Lima"]}], [("Lima", [])]),
    "a list as text": ([{"possible_answers": '["Lima", "L."]'}], [("Lima", ["L."])]),
    "a list as Python writes it": (
        [{"answer": "['Lima', \"L'ima\"]"}, {"answer": "Rome"}],
        [("Lima", ["L'ima"]), ("Rome", [])],
    ),
    "a list as numpy writes it": ([{"answer": "['Lima' 'L.']"}], [("Lima", ["L."])]),
    "a list that is the answer": ([{"answer": "[1, 2]"}], [("[1, 2]", [])]),
    "TriviaQA's": ([{"answer": {"value": "Lima", "aliases": ["L.", "Lima"], "type": "x"}}], [("Lima", ["L."])]),
    "SQuAD's": ([{"answers": {"text": ["Lima", "L."], "answer_start": [1, 2]}}], [("Lima", ["L."])]),
    "objects": ([{"answers": [{"text": "Lima"}, {"text": "L."}]}], [("Lima", ["L."])]),
    "one among others": ([{"answer": "L.", "possible_answers": ["Lima", "L."]}], [("L.", ["Lima"])]),
    "TruthfulQA's": (
        [{"best_answer": "No", "correct_answers": ["No, never", "Nope"], "incorrect_answers": ["Yes"]}],
        [("No", ["No, never", "Nope"])],
    ),
    "FreshQA's": ([{"answer_0": "Lima", "answer_1": "L.", "answer_2": ""}], [("Lima", ["L."])]),
    "reference answers": ([{"reference_answers": ["Lima"], "should_abstain": False}], [("Lima", [])]),
    "HaluEval's": ([{"knowledge": "k", "right_answer": "Lima", "hallucinated_answer": "Rome"}], [("Lima", [])]),
    "numbers": ([{"answer": 7}, {"answer": 5.0}, {"answer": 2.5}], [("7", []), ("5", []), ("2.5", [])]),
    "truth": ([{"answer": True}, {"answer": False}], [("yes", []), ("no", [])]),
    "words that look like values": (
        [{"answer": "None"}, {"answer": "nan"}, {"answer": "true"}, {"answer": "null"}],
        [("None", []), ("nan", []), ("true", []), ("null", [])],
    ),
    "aliases that are none": (
        [{"answer": "Lima", "aliases": [None, float("nan"), "", "<unk>", "L."]}],
        [("Lima", ["L."])],
    ),
    "an alias as text": ([{"answer": "Lima", "aliases": "L.|Ciudad"}], [("Lima", ["L.", "Ciudad"])]),
    "no aliases": ([{"answer": "Lima", "aliases": float("nan")}], [("Lima", [])]),
    "other names": ([{"gold": "Lima"}], [("Lima", [])]),
    "output": ([{"output": "Lima"}], [("Lima", [])]),
}


@pytest.mark.parametrize(("rows", "expected"), OPEN.values(), ids=OPEN)
def test_open_answers(tmp_path, rows, expected):
    found = read(tmp_path, [{"question": f"q{i}", **row} for i, row in enumerate(rows)])
    assert answers(found) == expected
    assert not found.multiple_choice


def test_what_was_dropped_or_turned_is_said(tmp_path):
    rows = [{"question": "q", "answer": ["a", None]}, {"question": "r", "answer": "b", "aliases": [""]}]
    assert "2 empty answers or aliases dropped" in read(tmp_path, rows).reading
    rows = [{"question": "q", "answer": True}, {"question": "r", "answer": "b"}]
    assert read(tmp_path, rows).reading[0] == "answer: text; 1 true/false read as yes/no"


@pytest.mark.parametrize("value", [None, float("nan"), "", "  ", [], [None], {"value": None}])
def test_no_answer_is_never_an_answer(tmp_path, value):
    rows = [{"question": "q", "answer": "a"}, {"question": "r", "answer": value}]
    with pytest.raises(UserError, match=r"line 2: the question has no answer"):
        read(tmp_path, rows)
    found = read(tmp_path, rows, skip=True)
    assert (len(found.questions), found.skipped) == (1, 1)


@pytest.mark.parametrize("value", ["<unk>", " <unk> ", ["<unk>"], {"value": "<unk>", "aliases": ["<unk>"]}])
def test_an_answer_that_is_withheld(tmp_path, value):
    with pytest.raises(UserError, match=r"line 2: the answer is withheld .*validation"):
        read(tmp_path, [{"question": "q", "answer": "a"}, {"question": "r", "answer": value}])


@pytest.mark.parametrize("row", [{"answer": ""}, {"answer": "<unk>"}, {**ABC, "answer": -1}, {**ABC, "answer": ""}])
@pytest.mark.parametrize("skip", [False, True])
def test_a_split_whose_answers_are_all_withheld(tmp_path, row, skip):
    with pytest.raises(UserError, match=r"the answers are withheld: none of its 3 records has one in `answer`; use"):
        read(tmp_path, [{"question": f"q{i}", **row} for i in range(3)], skip=skip)


def test_chosen_by_the_columns_and_drawn_by_the_seed(tmp_path):
    sciq = {"question": "q", "distractor1": "x", "distractor2": "y", "distractor3": "z", "correct_answer": "right"}
    gpqa = {"Question": "q", "Correct Answer": "right", **{f"Incorrect Answer {i}": "xyz"[i - 1] for i in (1, 2, 3)}}
    listed = {"question": "q", "correct_answer": "right", "incorrect_answers": ["x", "y", "z"]}
    targets = {"question": "q", "mc1_targets": {"right": 1, "x": 0, "y": 0, "z": 0}}
    orders = []
    for row in (sciq, gpqa, listed, targets):
        found = [read(tmp_path, [row], seed=seed) for seed in range(20)]
        assert {answers(f)[0] for f in map(answers_as_tuple, found)} == {("right", ())}
        assert all("drawn by --seed" in f.reading[0] for f in found)
        orders.append([f.questions[0].choices for f in found])
    assert orders[0] == orders[1] == orders[2] == orders[3]  # a function of the seed and of what is asked alone
    assert {f.index("right") for f in orders[0]} == {0, 1, 2, 3}
    many = read(tmp_path, [{**sciq, "question": f"q{i}"} for i in range(40)])
    assert {q.answer for q in many.questions} == set("ABCD")


def answers_as_tuple(found):
    for q in found.questions:
        q.aliases = tuple(q.aliases)
    return found


# ---- questions that nobody can answer ----

NOBODY = {
    "should_abstain": [{"should_abstain": True, "answer": None}, {"answer": "8"}],
    "as text": [{"should_abstain": "True", "answer": ""}, {"should_abstain": "False", "answer": "8"}],
    "as number": [{"unanswerable": 1, "answer": ["x"]}, {"unanswerable": 0, "answer": ["8"]}],
    "answerable": [{"answerable": False, "answer": None}, {"answerable": True, "answer": ["8"]}],
    "unknown": [{"unknown": True, "answer": ["x"], "category": None}, {"unknown": False, "answer": ["8"]}],
    "AbstentionBench's": [
        {"reference_answers": [], "should_abstain": True},
        {"reference_answers": ["8"], "should_abstain": False},
    ],
}


@pytest.mark.parametrize("rows", NOBODY.values(), ids=NOBODY)
def test_unanswerable(tmp_path, rows):
    found = read(tmp_path, [{"question": f"q{i}", **row} for i, row in enumerate(rows)])
    assert [(q.should_abstain, q.answer, q.aliases) for q in found.questions] == [(True, None, []), (False, "8", [])]
    records = [q.record() for q in found.questions]
    assert records[0]["should_abstain"] is True
    assert "should_abstain" not in records[1]
    assert any(note.startswith("1 of 2 questions cannot be answered") for note in found.reading)


def test_unanswerable_by_the_files_of_unknownbench_and_falseqa(tmp_path):
    nec = [{"prompt": "What is a Snorvule?", "label": 1, "category": "animals"}]
    found = read(tmp_path, nec, "NEC_unanswerable.json")
    assert [(q.should_abstain, q.subject) for q in found.questions] == [(True, "animals")]
    with pytest.raises(UserError, match="its questions can be answered, but it has no answers to judge by"):
        read(tmp_path, nec, "NEC_answerable.json")
    refunq = [{"prompt": "who built it", "label": ["Ada", "A. Ruh"]}]
    assert answers(read(tmp_path, refunq, "RefuNQ_answerable.json")) == [("Ada", ["A. Ruh"])]
    nobody = [{"prompt": "who built Zzz", "label": "NEC"}, {"prompt": "who built Yyy", "label": "NEC"}]
    assert [q.should_abstain for q in read(tmp_path, nobody, "x.json").questions] == [True, True]
    text = "question,answer,label\nWhy do cows fly?,They do not.,1\nWhy do birds fly?,\"['Wings', 'Lift']\",0\n"
    (tmp_path / "FalseQA").mkdir()
    found = read(tmp_path, text, "FalseQA/test.csv")
    assert [q.should_abstain for q in found.questions] == [True, False]
    assert (found.questions[1].answer, found.questions[1].aliases) == ("Wings", ["Lift"])
    with pytest.raises(UserError, match=r"`label` can be read as an answer or as a mark"):
        read(tmp_path, text, "other.csv")


def test_a_mark_that_says_neither_and_an_answerable_question_without_an_answer(tmp_path):
    with pytest.raises(UserError, match=r"line 1: `should_abstain` is 'maybe', neither true nor false"):
        read(tmp_path, [{"question": "q", "answer": "a", "should_abstain": "maybe"}])
    with pytest.raises(UserError, match=r"line 2: the question has no answer to judge by"):
        read(tmp_path, [{"question": "q", "should_abstain": True}, {"question": "r", "should_abstain": False}])


def test_no_unanswerable_question_is_a_few_shot_example(tmp_path):
    jsonl(tmp_path / "test.jsonl", {"question": "q", "answer": "a"})
    jsonl(tmp_path / "dev.jsonl", {"question": "n", "should_abstain": True}, {"question": "d", "answer": "a"})
    found = load(str(tmp_path), "test")
    assert [s.question for s in found.shots[tmp_path.name]] == ["d"]


# ---- repeats and ids ----


def test_repeats_are_merged_and_counted(tmp_path):
    rows = [
        {"question": "Who  built it?", "answer": "Nero", "id": "a"},
        {"question": " Who built it? ", "answer": "Nero", "aliases": ["Emperor Nero"], "id": "b"},
        {"question": "Where?", "answer": "Rome", "id": "c"},
        {"question": "Where?", "answer": "Bern", "id": "d"},
    ]
    found = read(tmp_path, rows)
    assert [(q.id, q.answer, q.aliases) for q in found.questions] == [
        ("a", "Nero", ["Emperor Nero"]),
        ("c", "Rome", ["Bern"]),
    ]
    assert (found.merged, found.describe()["merged"]) == (2, 2)
    assert "2 repeated questions merged" in found.reading


def test_a_question_with_other_choices_is_another(tmp_path):
    rows = [{"question": "q", "choices": c, "answer": "a"} for c in (["a", "b"], ["a", "c"], ["a", "b"])]
    found = read(tmp_path, rows)
    assert ([q.choices for q in found.questions], found.merged) == ([["a", "b"], ["a", "c"]], 1)


@pytest.mark.parametrize(
    "rows",
    [
        [{"question": "q", "choices": ["a", "b"], "answer": x} for x in "ab"],
        [{"question": "q", "answer": "a"}, {"question": "q", "should_abstain": True}],
    ],
)
def test_one_question_with_two_answers_is_refused_with_both_lines(tmp_path, rows):
    with pytest.raises(UserError, match=r"line 1 and .* line 2: one question with two answers"):
        read(tmp_path, rows)
    found = read(tmp_path, [*rows, {**rows[0], "question": "r"}], skip=True)
    assert ([q.question for q in found.questions], found.skipped, found.merged) == (["r"], 2, 0)
    assert "2 left out that give one question two answers" in found.reading


def test_ids_that_start_again_get_their_subject_s_name(tmp_path):
    rows = [{"question": f"{s}{i}", "answer": "x", "subject": s, "id": i} for s in "ab" for i in range(2)]
    found = read(tmp_path, rows)
    assert [q.id for q in found.questions] == ["a/0", "a/1", "b/0", "b/1"]
    assert any("ids start again" in note for note in found.reading)


def test_columns_that_mean_nothing_are_left_alone(tmp_path):
    rows = [{"Unnamed: 0": 0, "question": "q", "answer": "a", "context": "long", "level": "hard"}]
    assert answers(read(tmp_path, rows)) == [("a", [])]


LETTERS_WITHOUT_CHOICES = {
    "choices in the question": [{"question": "Which? A. red B. green", "answer": "B"}],
    "choices under another name": [{"question": "Which?", "respuestas": ["red", "green"], "answer": "B"}],
    "an index of such": [{"question": "Which?", "respuestas": ["red", "green"], "answer": 1}],
    "letters only": [{"question": f"Which {i}?", "answer": "ABCD"[i]} for i in range(4)],
}


@pytest.mark.parametrize("rows", LETTERS_WITHOUT_CHOICES.values(), ids=LETTERS_WITHOUT_CHOICES)
def test_letters_without_choices_are_no_open_answers(tmp_path, rows):
    with pytest.raises(UserError, match=r"no column has the choices; name it: --columns choices=.* answer=answer:text"):
        read(tmp_path, rows)
    assert answers(read(tmp_path, rows, mapping="answer=answer:text"))[0][0] == str(rows[0]["answer"])
    if "respuestas" in rows[0]:
        mapping = "choices=respuestas,answer=answer:" + ("letter" if rows[0]["answer"] == "B" else "index0")
        assert answers(read(tmp_path, rows, mapping=mapping)) == [("green", [])]


def test_a_letter_may_be_an_open_answer(tmp_path):
    rows = [{"question": "Which vitamin is in lemons?", "answer": "C"}, {"question": "Who?", "answer": "Ada"}]
    assert [text for text, _ in answers(read(tmp_path, rows))] == ["C", "Ada"]


def test_columns_that_differ_in_spelling_only(tmp_path):
    with pytest.raises(UserError, match="`question` and `Question` differ in their spelling only"):
        read(tmp_path, [{"question": "q", "Question": "r", "answer": "a"}])


def test_the_hash_of_a_plain_file_is_as_it_was(tmp_path):
    rows = [{"question": "q", "answer": "a", "aliases": ["b"]}, {"question": "r", "answer": "a"}]
    found = read(tmp_path, rows)
    assert found.describe()["sha256"] == "d5ad2f606a35ac6f442acf00e4e6abef7a2f4d16a93d2e9820677d10af72fff2"
    assert json.dumps([q.record() for q in found.questions]) == json.dumps(
        [
            {"id": f"x/test/{i}", "subject": "x", "question": q, "choices": None, "answer": "a", "aliases": a}
            for i, (q, a) in enumerate([("q", ["b"]), ("r", [])])
        ]
    )
