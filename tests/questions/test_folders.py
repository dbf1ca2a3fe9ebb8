"""Folders: which of their files is which split, and copies of data sets as hub tools write them."""

import gzip

import pytest
from files import jsonl
from test_file_formats import WRITERS, arrow, lines, parquet, table

from knowledge_boundary.questions.folders import split_name
from knowledge_boundary.questions.readers import label_of, load, local_path, splits_of
from knowledge_boundary.running.errors import UserError


def rows(name, n=2):
    return [{"question": f"{name} {i}", "answer": "a"} for i in range(n)]


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def asked(*args, **more):
    return [q.question for q in load(*map(str, args), **more).questions]


@pytest.mark.parametrize("name", ["csv", "tsv", "parquet", "jsonl", "ndjson", "arrow"])
@pytest.mark.parametrize(
    "pattern", ["{}.{}", "Quiz-{}.{}", "data/{}.{}", "data/{}-00000-of-00001.{}", "default/{}/0000.{}"]
)
def test_a_folder_of_split_files(tmp_path, name, pattern):
    for split in ("train", "dev", "test"):
        write(tmp_path / "quiz" / pattern.format(split, name), WRITERS[f"x.{name}"](rows(split)))
    folder = tmp_path / "quiz"
    assert splits_of(str(folder)) == ["dev", "test", "train"]
    found = load(str(folder), "test")
    assert [q.question for q in found.questions] == ["test 0", "test 1"]
    assert [q.question for q in found.shots["quiz"]] == ["dev 0", "dev 1"]
    assert asked(folder, "val") == ["dev 0", "dev 1"]
    with pytest.raises(UserError, match=r"--split ood: .* has dev, test, train"):
        load(str(folder), "ood")


def test_packed_files_of_a_folder(tmp_path):
    write(tmp_path / "test.jsonl.gz", gzip.compress(lines(rows("test"))))
    assert asked(tmp_path, "test") == ["test 0", "test 1"]


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("ARC-Easy-Test.jsonl", "test"), ("test-00000-of-00002.parquet", "test"), ("simple_qa_test_set.csv", "test"),
        ("train-00000-of-00001-abcdef0123.parquet", "train"), ("facts_ood.json.gz", "ood"), ("hard.jsonl", "hard"),
        ("NEC_unanswerable.json", "unanswerable"),
    ],
)  # fmt: skip
def test_the_split_that_a_name_tells(tmp_path, name, split):
    assert split_name(tmp_path / name) == split


def test_parts_of_a_split_are_one_and_none_may_be_missing(tmp_path):
    for i in (0, 1):
        write(tmp_path / "data" / f"test-0000{i}-of-00002.parquet", parquet(rows(f"part {i}", 1)))
    assert asked(tmp_path, "test") == ["part 0 0", "part 1 0"]
    (tmp_path / "data" / "test-00000-of-00002.parquet").unlink()
    with pytest.raises(UserError, match=r"not all 2 parts of its split are there"):
        load(str(tmp_path), "test")


def test_what_a_column_means_is_decided_over_all_files_of_a_split(tmp_path):
    for i, answer in enumerate((1, 3)):  # of these, only the second tells from where it counts
        row = {"question": f"q{i}", "options": ["x", "y", "z"], "answer": answer}
        write(tmp_path / f"test-0000{i}-of-00002.parquet", parquet([row]))
    assert [q.answer for q in load(str(tmp_path), "test").questions] == ["A", "C"]


def test_configurations(tmp_path):
    for config in ("easy", "hard"):
        write(tmp_path / "quiz" / config / "test-00000-of-00001.parquet", parquet(rows(config)))
    with pytest.raises(UserError, match=r"has the configurations easy, hard; name one: --dataset .*quiz/NAME"):
        load(str(tmp_path / "quiz"), "test")
    assert asked(tmp_path / "quiz" / "hard", "test") == ["hard 0", "hard 1"]
    write(tmp_path / "owner" / "quiz" / "hard" / "test-00000-of-00001.parquet", parquet(rows("hard")))
    assert asked("owner/quiz/hard", "test", data_dir=str(tmp_path)) == ["hard 0", "hard 1"]


README = """\
---
license: mit
configs:
- config_name: default
  data_files:
  - split: validation
    path: some/first-*.jsonl
  - split: eval
    path: [some/second.jsonl]
---
# A quiz
"""


def test_the_readme_s_configurations_name_the_splits(tmp_path):
    write(tmp_path / "README.md", README.encode())
    write(tmp_path / "some" / "first-a.jsonl", lines(rows("first")))
    write(tmp_path / "some" / "second.jsonl", lines(rows("second")))
    assert splits_of(str(tmp_path)) == ["eval", "validation"]
    assert asked(tmp_path, "eval") == ["second 0", "second 1"]
    (tmp_path / "README.md").write_text("---\n[broken\n---\n")
    assert asked(tmp_path / "some", "second") == ["second 0", "second 1"]


def test_a_hub_cache_is_read_at_its_main_branch(tmp_path):
    folder = tmp_path / "datasets--owner--quiz"
    for revision in ("old", "new"):
        write(folder / "snapshots" / revision / "test.jsonl", lines(rows(revision)))
    with pytest.raises(UserError, match="2 revisions and none is the main one"):
        load(str(folder), "test")
    write(folder / "refs" / "main", b"new")
    assert asked(folder, "test") == asked("owner/quiz", "test", data_dir=str(tmp_path)) == ["new 0", "new 1"]
    assert local_path(str(folder))[1] == local_path("owner/quiz", str(tmp_path))[1] == "quiz"


def test_the_only_file_of_a_set_is_its_train_split_as_on_the_hub(tmp_path):
    write(tmp_path / "quiz" / "quiz_facts.jsonl", lines(rows("only")))
    assert asked(tmp_path / "quiz", "train") == asked(tmp_path / "quiz", "facts") == ["only 0", "only 1"]
    assert splits_of(str(tmp_path / "quiz")) == ["train"]
    with pytest.raises(UserError, match=r"--split test: .* has facts, train"):
        load(str(tmp_path / "quiz"), "test")


def test_the_same_rows_in_two_formats_are_read_once_with_types(tmp_path):
    write(tmp_path / "test.csv", table(rows("csv")))
    write(tmp_path / "test.jsonl", lines(rows("jsonl")))
    assert asked(tmp_path, "test") == ["jsonl 0", "jsonl 1"]
    write(tmp_path / "other_test.jsonl", lines(rows("other")))
    with pytest.raises(UserError, match=r"2 files of .* end in it: other_test\.jsonl, test\.jsonl"):
        load(str(tmp_path), "test")


def test_what_save_to_disk_writes(tmp_path):
    write(tmp_path / "law" / "data-00000-of-00001.arrow", arrow(rows("law")))
    write(tmp_path / "law" / "state.json", b'{"_split": "test"}')
    write(tmp_path / "law" / "dataset_info.json", b"{}")
    assert asked(tmp_path / "law", "test") == ["law 0", "law 1"]


def test_a_subject_s_own_file_in_any_format(tmp_path):
    for subject in ("art", "law"):
        for split in ("dev", "test"):
            write(tmp_path / "m" / split / f"{subject}.jsonl", lines(rows(f"{subject} {split}")))
    found = load(str(tmp_path / "m"), "test", subjects="law")
    assert [q.id for q in found.questions] == ["law/test/0", "law/test/1"]
    assert [q.question for q in found.shots["law"]] == ["law dev 0", "law dev 1"]


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("a/x.jsonl.gz", "x"), ("x.csv", "x"), ("mmlu", "mmlu"), ("owner/quiz", "quiz"),
        ("owner/quiz/hard", "quiz-hard"),
        ("owner/mmlu-redux-2.0", "mmlu-redux-2.0"), ("data/v1.5", "v1.5"), ("/abs/datasets--owner--quiz", "quiz"),
    ],
)  # fmt: skip
def test_a_data_set_s_name_in_results(name, label):
    assert label_of(name) == label


def test_a_missing_file_is_no_set_of_the_hub(tmp_path):
    with pytest.raises(UserError, match=r"--dataset data/none\.jsonl: no such file or folder"):
        load("data/none.jsonl", "test")
    jsonl(tmp_path / "x.jsonl", *rows("x"))
    assert asked("x.jsonl", "test", data_dir=str(tmp_path)) == ["x 0", "x 1"]
