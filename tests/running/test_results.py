import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge_boundary.running import journal, results
from knowledge_boundary.running.errors import UserError
from knowledge_boundary.running.journal import Run, record_key
from knowledge_boundary.running.results import clean, read_json, write_json

MODEL = {"name": "tiny", "path": "/a", "fingerprint": "f" * 8, "revision": None, "dtype": "float32", "device": "cpu"}
DATASET = {"name": "facts", "split": "train", "n": 3, "sha256": "d" * 8, "skipped": 0}
RECORDS = [{"id": f"s/train/{i}", "question": f"Où {i}?", "cor": i / 8 + 0.2} for i in range(3)]


def open_run(folder, model=MODEL, dataset=DATASET, inputs=(), **flags):
    args = {"seed": 0, "overwrite": False, "output_dir": str(folder), "num_samples": 10, **flags}
    return Run("run_query_state", folder / "state_init.json", args, model, dataset, inputs)


def finish(run, records=RECORDS):
    return run.finish({"n": len(records)}, [run.records[r["id"]] for r in records])


# ---- files ----


def test_clean_makes_plain_json_values():
    value = {1: np.float32(0.5), "a": (np.int64(3), Path("x/y")), "n": [np.nan, float("inf"), np.float64("-inf")]}
    found = clean(value | {"v": np.array([1.0, np.nan])})
    assert found == {"1": 0.5, "a": [3, "x/y"], "n": [None, None, None], "v": [1.0, None]}
    assert type(found["a"][0]) is int


def test_write_json_is_readable_unescaped_and_leaves_nothing_behind(tmp_path):
    path = tmp_path / "new" / "folder" / "x.json"
    write_json(path, {"city": "Tórshavn 北京", "rate": float("nan")})
    text = path.read_text(encoding="utf-8")
    assert "Tórshavn 北京" in text
    assert "NaN" not in text
    assert json.loads(text) == {"city": "Tórshavn 北京", "rate": None}
    assert [p.name for p in path.parent.iterdir()] == ["x.json"]


def test_numbers_keep_seven_digits():
    assert clean([1 / 3, 123456789.123, 1e-9 / 3, 12345678901234]) == [
        0.3333333,
        123456800.0,
        3.333333e-10,
        12345678901234,
    ]


def test_long_json_is_broken_into_lines_that_read_back_equal(tmp_path):
    value = {"records": [{"question": "é" * 60, "probs": {"A": 0.25, "B": 0.75}, "empty": []}] * 3, "n": 3}
    write_json(tmp_path / "x.json", value)
    text = (tmp_path / "x.json").read_text(encoding="utf-8")
    assert json.loads(text) == value
    assert text.count("\n") > 3
    assert max(map(len, text.splitlines())) <= 120


def test_write_json_replaces_an_old_file(tmp_path):
    path = tmp_path / "x.json"
    write_json(path, list(range(100)))
    write_json(path, [1])
    assert json.loads(path.read_text()) == [1]


def test_a_write_that_is_killed_leaves_the_old_file_whole(tmp_path, monkeypatch):
    path = tmp_path / "x.json"
    write_json(path, {"old": 1})

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(results.os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        write_json(path, {"new": 2})
    assert json.loads(path.read_text()) == {"old": 1}


def plain_text(value, indent=""):
    """The text of a clean value as files have it, all of it at once: what is written in parts must be this."""
    line = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if len(indent) + len(line) <= 118 or not isinstance(value, (dict, list)) or not value:
        return line
    inner = indent + " "
    if isinstance(value, dict):
        items = [f"{json.dumps(k, ensure_ascii=False)}: {plain_text(v, inner)}" for k, v in value.items()]
        return "{\n" + ",\n".join(inner + item for item in items) + f"\n{indent}}}"
    return "[\n" + ",\n".join(inner + plain_text(v, inner) for v in value) + f"\n{indent}]"


RECORD = {
    "id": "é/0",
    "p": np.array([0.25, np.nan]),
    "n": np.int64(3),
    "where": Path("a/b"),
    "q": '"北京" \n🙂' * 9,
    1: (),
}


@pytest.mark.parametrize("n", [0, 1, 39, 40, 41, 117, 118, 119, 120, 300])
@pytest.mark.parametrize("element", [RECORD, 1, "", [[], {}], np.float32(1 / 3), None])
def test_what_is_written_in_parts_is_the_whole_text(tmp_path, n, element):
    for value in (
        [element] * n,
        {"meta": {"a": 1}, "summary": {"curve": [0.5] * n, "empty": {}}, "records": [element] * n},
        {"records": {"inner": [element] * n}, 2: (element,) * n, "ü": np.zeros(n), "last": [n]},
    ):
        write_json(tmp_path / "x.json", value)
        assert (tmp_path / "x.json").read_text(encoding="utf-8") == plain_text(clean(value)) + "\n"


LEAVES = st.none() | st.booleans() | st.integers(-999, 999) | st.floats() | st.text(max_size=60)
VALUES = st.recursive(LEAVES, lambda v: st.lists(v, max_size=6) | st.dictionaries(st.text(max_size=9), v, max_size=6))


@settings(max_examples=60, deadline=None)
@given(VALUES, st.integers(0, 200))
def test_any_value_is_written_as_one_and_read_back(tmp_path_factory, value, n):
    path = tmp_path_factory.getbasetemp() / "any.json"
    whole = {"meta": {"stage": "s"}, "summary": {"v": value}, "records": [{"v": value}] * n, "more": 0.125}
    write_json(path, whole)
    assert path.read_text(encoding="utf-8") == plain_text(clean(whole)) + "\n"
    del whole["more"]
    assert read_json(path, "s", "--state") == clean(whole)


def test_many_records_take_little_memory_to_write_and_to_read(tmp_path):
    records = [{"id": str(i), "samples": [{"text": "x" * 90, "correct": True}] * 10} for i in range(3000)]
    records.append({"id": "🙂", "samples": []})  # the whole text would have four bytes a character

    def peak(run):
        tracemalloc.start()
        run()
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    path = tmp_path / "x.json"
    assert peak(lambda: write_json(path, {"meta": {"stage": "s"}, "summary": {}, "records": records})) < 1e6
    assert path.stat().st_size > 3e6
    found = []
    assert peak(lambda: found.append(read_json(path, "s", "--state", ("id",)))) < 9e6  # the file's text has 17 MB
    assert found[0]["records"] == [{"id": r["id"]} for r in records]


def whole_result(stage="run_query_state"):
    return json.dumps({"meta": {"stage": stage}, "summary": {}, "records": []})


def test_read_json_returns_the_result(tmp_path):
    path = tmp_path / "x.json"
    path.write_text(whole_result())
    assert read_json(path, "run_query_state", "--state")["records"] == []


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no such file; run run_query_state.py first"),
        (whole_result()[:40], "cut off or damaged"),
        ("", "cut off or damaged"),
        (b'{"meta": "\xff"}', "cut off or damaged"),
        ("[1, 2]", "not a result file"),
        ("[1, 2", "cut off or damaged"),
        ('"meta"', "not a result file"),
        (whole_result() + "}", "cut off or damaged (parse error: trailing garbage)"),
        (whole_result()[:-2] + ",]}", "cut off or damaged (parse error"),
        (whole_result()[:-2] + "7]}", "cut off or damaged"),
        (whole_result()[:-2] + "NaN]}", "cut off or damaged (lexical error"),
        (whole_result()[:-2] + '{"id": "a"} {"id": "b"}]}', "cut off or damaged (parse error"),
        ('{"meta" 1}', "cut off or damaged (parse error"),
        ("{[]: 1}", "cut off or damaged (parse error"),
        ('{"meta": {}, "summary": {}, "records": null}', "not a result file"),
        ('{"meta": {}, "records": []}', "not a result file"),
        (whole_result("run_MMLU"), "written by run_MMLU.py; give the output of run_query_state.py"),
    ],
)
def test_read_json_says_in_one_line_what_is_wrong(tmp_path, content, says):
    path = tmp_path / "x.json"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError) as e:
        read_json(path, "run_query_state", "--state")
    assert str(e.value).startswith(f"--state {path}: ")
    assert says in str(e.value)
    assert "\n" not in str(e.value)


def test_record_key_is_the_id_behind_its_data_set():
    assert record_key({"id": "a/b/0"}) == "a/b/0"
    assert record_key({"id": "a/b/0", "dataset": "facts/test"}) == "facts/test:a/b/0"


# ---- the journal ----


def test_a_resumed_run_ends_as_an_undisturbed_one(tmp_path):
    whole = open_run(tmp_path / "whole")
    assert whole.resume() == 0
    whole.journal(RECORDS)
    finish(whole)

    first = open_run(tmp_path / "parts")
    first.resume()
    first.journal(RECORDS[:1])
    second = open_run(tmp_path / "parts")
    assert second.resume() == 1
    assert second.skip(["s/train/0", "s/train/1"])([0])
    assert not second.skip(["s/train/0", "s/train/1"])([0, 1])
    second.journal(RECORDS[1:])
    finish(second)

    contents = [json.loads((tmp_path / name / "state_init.json").read_text()) for name in ("whole", "parts")]
    for content in contents:
        del content["meta"]["started"], content["meta"]["seconds"], content["meta"]["args"]["output_dir"]
    assert contents[0] == contents[1]
    assert contents[0]["records"] == RECORDS
    assert [p.name for p in (tmp_path / "parts").iterdir()] == ["state_init.json"]


@pytest.mark.parametrize("torn", ['{"id": "s/train/1", "cor"', '{"id": "s/train/1", "cor": 0.3}', "\x00\x00"])
def test_a_torn_last_line_is_dropped_and_appends_start_on_a_line_of_their_own(tmp_path, torn):
    run = open_run(tmp_path)
    run.resume()
    run.journal(RECORDS[:1])
    with open(run.partial, "a") as f:
        f.write(torn)
    again = open_run(tmp_path)
    assert again.resume() == 1
    again.journal(RECORDS[1:2])
    lines = again.partial.read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines[1:]] == ["s/train/0", "s/train/1"]
    assert json.loads(lines[0])["stage"] == "run_query_state"
    third = open_run(tmp_path)
    assert third.resume() == 2
    assert list(third.records.values()) == RECORDS[:2]


@pytest.mark.parametrize("content", [b"", b'{"stage": "run_que'])
def test_a_journal_killed_in_its_first_line_starts_anew(tmp_path, content):
    run = open_run(tmp_path)
    tmp_path.joinpath("state_init.json.partial").write_bytes(content)
    assert run.resume() == 0
    run.journal(RECORDS)
    assert open_run(tmp_path).resume() == 3


def test_beginning_anew_with_nothing_finished_keeps_one_first_line(tmp_path):
    for _ in range(3):
        run = open_run(tmp_path)
        assert run.resume() == 0
        run.begin()
    assert len(run.partial.read_text().splitlines()) == 1


def test_the_journal_is_on_disk_line_by_line_with_nan_as_null(tmp_path):
    run = open_run(tmp_path)
    run.resume()
    run.journal([{"id": "é", "cor": np.float32("nan"), "p": np.array([0.25])}])
    assert run.partial.read_text(encoding="utf-8").splitlines()[1] == '{"id": "é", "cor": null, "p": [0.25]}'
    assert run.records["é"] == {"id": "é", "cor": None, "p": [0.25]}


def other_versions(monkeypatch):
    versions = journal.package_versions() | {"torch": "0.0.1"}
    monkeypatch.setattr(journal, "package_versions", lambda: versions)


OTHERS = {
    "flag": ({"num_samples": 5}, "--num_samples was 10, is now 5"),
    "seed": ({"seed": 1}, "--seed was 0, is now 1"),
    "model": ({"model": MODEL | {"fingerprint": "e" * 8}}, "model.fingerprint was 'ffffffff', is now 'eeeeeeee'"),
    "dtype": ({"model": MODEL | {"dtype": "bfloat16"}}, "model.dtype was 'float32', is now 'bfloat16'"),
    "data": ({"dataset": DATASET | {"sha256": "0" * 8}}, "dataset.sha256 was 'dddddddd', is now '00000000'"),
    "split": ({"dataset": DATASET | {"split": "test"}}, "dataset.split was 'train', is now 'test'"),
    "new flag": ({"top_p": 0.9}, "--top_p was None, is now 0.9"),
}


@pytest.mark.parametrize(("changes", "says"), OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("ended", [False, True])
def test_what_another_run_left_is_refused_with_what_differs(tmp_path, changes, says, ended):
    run = open_run(tmp_path)
    run.resume()
    run.journal(RECORDS)
    if ended:
        finish(run)
    other = open_run(tmp_path, **changes)
    with pytest.raises(UserError, match="of another run: ") as e:
        other.finished() if ended else other.resume()
    assert says in str(e.value)
    assert "--overwrite" in str(e.value)
    assert "\n" not in str(e.value)


def test_what_another_version_left_is_refused(tmp_path, monkeypatch):
    run = open_run(tmp_path)
    run.resume()
    run.journal(RECORDS)
    other_versions(monkeypatch)
    with pytest.raises(UserError, match=r"versions\.torch was .*, is now '0\.0\.1'"):
        open_run(tmp_path).resume()


def test_several_differences_are_counted(tmp_path):
    open_run(tmp_path).begin()
    with pytest.raises(UserError, match=r"--num_samples was 10, is now 5 \(and 1 more\)"):
        open_run(tmp_path, num_samples=5, seed=1).resume()


def test_inputs_are_compared_by_content_not_by_path(tmp_path):
    a, b, c = (tmp_path / name for name in "abc")
    for path, text in ((a, "x"), (b, "x"), (c, "y")):
        path.write_text(text)
    open_run(tmp_path, inputs=[a]).begin()
    open_run(tmp_path, inputs=[b]).resume()
    with pytest.raises(UserError, match=r"inputs\[0\]\.sha256"):
        open_run(tmp_path, inputs=[c]).resume()


def test_where_the_model_lies_decides_nothing(tmp_path):
    open_run(tmp_path).begin()
    assert open_run(tmp_path, model=MODEL | {"path": "/elsewhere"}).resume() == 0


def test_finished_is_the_same_run_s_result_or_nothing(tmp_path):
    run = open_run(tmp_path)
    assert run.finished() is None
    run.resume()
    run.journal(RECORDS)
    result = finish(run)
    assert open_run(tmp_path).finished() == result
    assert open_run(tmp_path, overwrite=True).finished() is None


def test_overwrite_discards_the_journal_of_another_run(tmp_path):
    run = open_run(tmp_path)
    run.resume()
    run.journal(RECORDS)
    new = open_run(tmp_path, num_samples=5, overwrite=True)
    assert new.finished() is None
    assert new.resume() == 0
    assert new.records == {}
    assert not new.partial.exists()


def test_meta_says_what_was_run(tmp_path):
    source = tmp_path / "in.json"
    source.write_text("abc")
    run = open_run(tmp_path, inputs=[source])
    run.resume()
    run.journal(RECORDS)
    meta = finish(run)["meta"]
    assert meta["stage"] == "run_query_state"
    assert meta["seed"] == 0
    assert meta["args"]["num_samples"] == 10
    assert (meta["model"], meta["dataset"]) == (MODEL, DATASET)
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2's own example
    assert meta["inputs"] == [{"path": str(source), "sha256": abc}]
    assert {"stage", "versions", "git_commit", "started", "seconds"} <= meta.keys()
