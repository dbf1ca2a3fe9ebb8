"""Which questions are asked: limits, subjects, checks of a whole set; and the real files, where they are."""

import csv
from pathlib import Path

import pytest
from files import jsonl, mmlu_folder

from knowledge_boundary.questions.readers import load
from knowledge_boundary.questions.records import Question, QuestionSet, by_subject, chosen_subjects, spread
from knowledge_boundary.running.errors import UserError

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


# ---- which questions ----


def test_spread_takes_from_the_whole_list_in_order():
    assert spread(list(range(10)), 5) == [0, 2, 4, 6, 8]
    assert spread(list(range(10)), 3) == [0, 3, 6]
    assert spread(list(range(3)), 3) == spread(list(range(3)), 9) == [0, 1, 2]
    for n in range(1, 30):
        assert len(set(spread(list(range(29)), n))) == n


def numbered(folder, counts):
    rows = [{"question": f"{s}{i}", "answer": "x", "subject": s} for s, n in counts.items() for i in range(n)]
    return jsonl(folder / "x.jsonl", *rows)


def test_limit_is_per_subject_and_keeps_ids(tmp_path):
    found = load(numbered(tmp_path, {"a": 100, "b": 2, "c": 7}), "test", limit=4)
    assert [q.id for q in found.questions] == [
        *(f"a/test/{i}" for i in (0, 25, 50, 75)),
        "b/test/0",
        "b/test/1",
        *(f"c/test/{i}" for i in (0, 1, 3, 5)),
    ]


def test_subjects_are_filtered_in_the_set_s_own_order(tmp_path):
    file = numbered(tmp_path, {"a": 1, "b": 2, "c": 1})
    assert [q.question for q in load(file, "test", subjects="c, a").questions] == ["a0", "c0"]
    with pytest.raises(UserError, match=r"--subjects d: no such subject; there are a, b, c"):
        load(file, "test", subjects="a,d")
    assert chosen_subjects(["x", "y"], None) == ["x", "y"]


def test_subjects_of_an_mmlu_folder(tmp_path):
    files = {f"test/{s}_test.csv": f"{s},a,b,c,d,C\n" for s in ("law", "art", "bad")} | {
        "dev/art_dev.csv": "s,a,b,c,d,A\n"
    }
    files["test/bad_test.csv"] = "not asked\n"
    folder = mmlu_folder(tmp_path / "m", files)
    found = load(folder, "test", subjects="law")
    assert ([q.subject for q in found.questions], found.shots) == (["law"], {})
    with pytest.raises(UserError, match=r"--subjects physics: no such subject; there are art, bad, law"):
        load(folder, "test", subjects="physics")


def test_an_id_that_stands_twice_is_refused(tmp_path):
    rows = [{"question": "q", "answer": "a", "id": "7"}, {"question": "r", "answer": "a", "id": 7}]
    with pytest.raises(UserError, match="id 7 stands twice"):
        load(jsonl(tmp_path / "x.jsonl", *rows), "test")


def test_open_and_multiple_choice_questions_are_not_mixed(tmp_path):
    rows = [{"question": "q", "answer": "a"}, {"question": "r", "answer": "a", "choices": ["a", "b"]}]
    with pytest.raises(UserError, match="some questions have choices and some have none"):
        load(jsonl(tmp_path / "x.jsonl", *rows), "test")


def test_nothing_left_to_ask_is_refused(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"question": "", "answer": "a"}\n')
    with pytest.raises(UserError, match="no question to ask"):
        load(str(path), "test", skip_invalid=True)


def test_missing_splits_files_and_endings_are_named(tmp_path):
    mmlu_folder(tmp_path / "m", {"test/law_test.csv": "q,a,b,c,d,C\n", "dev/x.txt": ""})
    with pytest.raises(UserError, match=r"--split val: .* has test"):
        load(str(tmp_path / "m"), "val")
    with pytest.raises(UserError, match=r"--split dev: .* has test"):
        load(str(tmp_path / "m"), "dev")
    (tmp_path / "j").mkdir()
    jsonl(tmp_path / "j" / "train.jsonl", {"question": "q", "answer": "a"})
    with pytest.raises(UserError, match=r"--split test: .* has train"):
        load(str(tmp_path / "j"), "test")
    with pytest.raises(
        UserError, match=r"no such file or folder, and not one of mmlu, .*world_facts_mc, nor owner/name"
    ):
        load(str(tmp_path / "nothing.jsonl"), "test")
    (tmp_path / "x.xlsx").write_text("")
    with pytest.raises(UserError, match=r"\.xlsx ending; one of \.parquet .*\.tsv is expected"):
        load(str(tmp_path / "x.xlsx"), "test")
    (tmp_path / "none").mkdir()
    with pytest.raises(UserError, match=r"no file in it that ends in one of \.parquet"):
        load(str(tmp_path / "none"), "test")
    with pytest.raises(UserError, match="pararel: not on the hub"):
        load("pararel", "test")


def test_data_dir_s_copy_is_read_before_the_hub(tmp_path):
    mmlu_folder(tmp_path / "mmlu", {"test/law_test.csv": "q,a,b,c,d,C\n"})
    found = load("mmlu", "test", data_dir=str(tmp_path))
    assert (found.name, [q.id for q in found.questions]) == ("mmlu", ["law/test/0"])


def test_describe_s_hash_is_of_what_is_asked_and_of_the_shots():
    def described(answer="a", shot="s", name="n"):
        q = Question("i", "sub", "q", None, answer)
        return QuestionSet(name, "test", [q], {"sub": [Question("d", "sub", shot, None, "x")]}).describe()

    assert described() == described()
    assert {k: described()[k] for k in ("name", "split", "n", "skipped")} == {
        "name": "n",
        "split": "test",
        "n": 1,
        "skipped": 0,
    }
    assert described()["sha256"] != described(answer="b")["sha256"]
    assert described()["sha256"] != described(shot="t")["sha256"]
    assert described()["sha256"] == described(name="m")["sha256"]


def test_subjects_in_the_order_of_their_first_question():
    questions = [Question(str(i), s, "q", None, "a") for i, s in enumerate("abba")]
    assert {s: [q.id for q in qs] for s, qs in by_subject(questions).items()} == {"a": ["0", "3"], "b": ["1", "2"]}


# ---- real files ----


def real(name):
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return path


@pytest.mark.parametrize(("split", "n", "repeated"), [("dev", 100, 0), ("val", 488, 0), ("test", 4474, 11)])
def test_real_mmlu(split, n, repeated):
    found = load(str(real("mmlu")), split)
    assert (len(found.questions), found.merged) == (n, repeated)
    assert {len(q.choices) for q in found.questions} == {4}
    assert {len(shots) for shots in found.shots.values()} == {5}
    files = sorted(real("mmlu").glob(f"{split}/*.csv"))
    assert [*by_subject(found.questions)] == [f.name.removesuffix(f"_{split}.csv") for f in files]
    rows = [row for f in files for row in csv.reader(f.open(encoding="utf-8", newline=""))]
    rows = list(dict.fromkeys(tuple(c.strip() for c in r) for r in rows))  # eleven stand twice
    assert [(q.question, *q.choices, q.answer) for q in found.questions] == rows


@pytest.mark.parametrize(("split", "n"), [("dev", 570), ("test", 2376)])
def test_real_arc_easy(split, n):
    found = load(str(real("arc_easy")), split)
    assert len(found.questions) == n
    assert {len(q.choices) for q in found.questions} == {3, 4, 5}
    first = found.questions[0]
    assert (found.name, first.id) == ("arc_easy", f"arc_easy/{split}/0")


@pytest.mark.parametrize(("split", "n"), [("train", 1500), ("dev", 500)])
def test_real_triviaqa(split, n):
    found = load("triviaqa", split, data_dir=str(real("triviaqa").parent))
    assert len(found.questions) == n
    assert len(found.shots["triviaqa"]) == 6
    assert not any(q.answer in q.aliases for q in found.questions)
