"""Thresholds chosen by eval_refusal.py --calibrate, and applied to another evaluation of the model."""

import json
import math

import pytest
import tiny
from evaluated import EIGHT, EIGHT_BASE, made_to_answer
from test_bad_input import fails, files

from knowledge_boundary.evaluation import calibration
from knowledge_boundary.models import loading


def evaluation(rows, name, fingerprint="initial", prompt="basic", **changes):
    meta = {
        "stage": "eval_refusal",
        "args": {"prompt": prompt, "base_eval": None},
        "model": {"fingerprint": fingerprint},
    }
    return {"meta": meta, "summary": {"model": name, "datasets": {"facts/dev": {}}}, "records": rows} | changes


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """A folder of evaluations, good ones and others."""
    folder = tmp_path_factory.mktemp("shelf")
    base = [{**own, "outcome": r["outcome"], "given": r["given"]} for own, r in zip(EIGHT, EIGHT_BASE, strict=True)]
    changed = lambda **fields: [r | fields if i == 2 else r for i, r in enumerate(EIGHT)]  # noqa: E731
    older = [{k: v for k, v in r.items() if k not in ("forced", "score", "p_refusal")} for r in EIGHT]
    many = made_to_answer("c" * 60, "c" * 56 + "w" * 4, [60.0 - i for i in range(60)])
    written = {
        "init.json": evaluation(base, "init_basic"),
        "again.json": evaluation(base, "init_basic"),
        "craft.json": evaluation(EIGHT, "craft", "tuned", "refuse"),
        "many.json": evaluation(many, "many", "tuned", "refuse"),
        "older.json": evaluation(older, "older", "tuned", "refuse"),
        "null.json": evaluation([r | {"score": None} for r in EIGHT], "null", "tuned", "refuse"),
        "nan.json": evaluation(changed(score=math.nan), "nan", "tuned", "refuse"),
        "text.json": evaluation(changed(score="2.0"), "text", "tuned", "refuse"),
        "unanswerable.json": evaluation([r | {"should_abstain": True} for r in EIGHT], "u", "tuned", "refuse"),
        "comparison.json": {"meta": {"stage": "compare"}, "summary": {}, "records": []},
        "other.json": evaluation([r | {"id": "elsewhere"} for r in base[:1]], "init_basic"),
        "knowing.json": evaluation([r | {"outcome": "correct"} for r in base], "init_basic"),
    }
    for name, content in written.items():
        (folder / name).write_text(json.dumps(content))
    return folder


CALIBRATE = ["eval_refusal.py", "--output_dir", "out", "--calibrate"]
TABLE = [
    (["nowhere.json"], "--calibrate nowhere.json: no such file; run eval_refusal.py first"),
    (["comparison.json"], "written by eval_refusal.py --compare; give the output of eval_refusal.py"),
    (["init.json", "older.json"], "--calibrate older.json: record 1 (q0) has no `forced`; evaluate again"),
    (["init.json", "null.json"], "--calibrate null.json: no question has both the signal `score` and a forced answer"),
    (["init.json", "nan.json"], "--calibrate nan.json: "),
    (["init.json", "text.json"], "text.json: record 3 (q2): `score` is '2.0', not a number"),
    (["init.json", "again.json"], "--calibrate again.json: q0 of facts/dev stands twice"),
    (["unanswerable.json"], "unanswerable.json: it has no question with an answer"),
    (
        ["craft.json"],
        "THS is measured against the initial model; name its evaluation of the same questions with --base",
    ),
    (["craft.json", "--base_eval", "nowhere.json"], "--base_eval nowhere.json: no such file"),
    (["craft.json", "--base_eval", "other.json"], "the initial model (other.json) was not asked q0 of facts/dev"),
    (["craft.json", "--base_eval", "knowing.json"], "the initial model is never wrong here, so THS is undefined"),
    (["init.json", "--target", "best"], "--target: 'best' is not ths, risk=R"),
    (["init.json", "--target", "risk=0"], "--target: 'risk=0' is not ths, risk=R"),
    (["init.json", "--target", "risk=1"], "--target: 'risk=1' is not ths, risk=R"),
    (["init.json", "--target", "coverage=2"], "--target: 'coverage=2' is not ths, risk=R"),
    (["init.json", "--target", "coverage=0"], "--target: 'coverage=0' is not ths, risk=R"),
    (["init.json", "--target", "risk=0.1", "--delta", 0], "--delta: 0 is not above 0 and below 1"),
    (["init.json", "--target", "risk=0.1", "--delta", 1], "--delta: 1 is not above 0 and below 1"),
    (["init.json", "--target", "risk=0.1", "--delta", "nan"], "--delta: nan is not above 0 and below 1"),
    (["init.json", "--delta", 0.1], "--delta: is of --target risk=R; --target ths promises nothing"),
    (
        ["init.json", "--target", "risk=0.1"],
        "no threshold of `score` keeps the share wrong at 0.1 with probability 0.95",
    ),
    (["init.json", "--target", "coverage=1"], "only 7 of 8 questions have `score`"),
    (["init.json", "--signal", "hope"], "--signal: invalid choice: 'hope'"),
    (["init.json", "--signal", "probe"], "no question has both the signal `probe` and a forced answer; it has score"),
    (["init.json", "--signal", "all", "score"], "--signal all: is every signal"),
    (["init.json", "craft.json", "--name", "x"], "--name x: names one calibration, and these are 2"),
    (["init.json", "craft.json", "--signal", "sure"], "two calibrations would be named sure"),
    (["init.json", "--compare", "init.json"], "--calibrate and --compare: one after the other"),
    (["init.json", "--calibration", "c.json"], "--calibrate and --calibration: one after the other"),
]


@pytest.mark.parametrize(
    ("line", "message"), TABLE, ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else ""
)
def test_one_line_and_nothing_written(shelf, monkeypatch, capfd, line, message):
    monkeypatch.chdir(shelf)
    before = files(shelf)
    assert message in fails(capfd, *CALIBRATE, *line)
    assert files(shelf) == before


def test_every_model_s_threshold_is_written_and_found_again(shelf, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(shelf)
    line = [*CALIBRATE, "init.json", "craft.json", "--output_dir", tmp_path]
    assert tiny.call(*line) == 0
    said = capfd.readouterr().out
    assert (
        "craft: score, --target ths: from 1 on, 50.0 % of 8 questions answered, 25.0 % of these wrong, THS 20.8" in said
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["calibration_craft.json", "calibration_init_basic.json"]
    found = calibration.read(tmp_path / "calibration_craft.json")
    summary = found["summary"]
    assert (found["meta"]["stage"], found["records"]) == ("calibrate", [])
    assert (found["meta"]["args"]["target"], found["meta"]["args"]["signal"]) == ("ths", "score")
    assert [one["path"] for one in found["meta"]["inputs"]] == ["craft.json", "init.json"]
    assert [one["path"] for one in summary["evaluations"]] == ["craft.json"]
    assert len(summary["evaluations"][0]["sha256"]) == 64
    assert (summary["name"], summary["threshold"], summary["n"]) == ("craft", 1.0, 8)
    assert summary["model"]["fingerprint"] == "tuned"
    before = files(tmp_path)
    assert tiny.call(*line) == 0  # the same again
    assert files(tmp_path) == before
    assert "--target was 'ths', is now 'coverage=0.5'" in fails(capfd, *line, "--target", "coverage=0.5")
    assert files(tmp_path) == before


def test_a_promised_risk_and_another_name(shelf, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(shelf)
    line = [*CALIBRATE, "many.json", "--target", "risk=0.1", "--name", "promised", "--output_dir", tmp_path]
    assert tiny.call(*line) == 0
    assert "(promised with probability 0.95)" in capfd.readouterr().out
    summary = tiny.read_json(tmp_path / "calibration_promised.json")["summary"]
    assert (summary["name"], summary["delta"], summary["ths"]) == ("promised", 0.05, None)
    assert summary["risk"] < 0.1


def test_of_all_signals_those_that_promise_nothing_are_said_and_left_out(shelf, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(shelf)
    line = [*CALIBRATE, "many.json", "--target", "risk=0.1", "--signal", "all", "--output_dir", tmp_path]
    assert tiny.call(*line) == 0
    assert [p.name for p in tmp_path.iterdir()] == ["calibration_many.json"]
    assert "Left out: --calibrate many.json: no threshold of `confidence` keeps" in capfd.readouterr().out


# ---- applied to a model's evaluation ----


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory, checkpoint, data):
    """A folder with the evaluation of a tiny model, and a calibration by it that answers about half."""
    folder = tmp_path_factory.mktemp("applied")
    flags = ["--model", checkpoint, "--dataset", data / "facts", "--output_dir", folder, "--max_new_tokens", 6]
    asking = ["eval_refusal.py", *flags, "--split", "dev", "--prompt", "basic"]
    assert tiny.call(*asking, "--name", "native") == 0
    line = ["eval_refusal.py", "--calibrate", folder / "eval_native.json", "--target", "coverage=0.5"]
    assert tiny.call(*line, "--output_dir", folder) == 0
    return folder, asking


def test_an_evaluation_with_a_calibration_answers_where_it_says(evaluated):
    folder, asking = evaluated
    path = folder / "calibration_native.json"
    assert tiny.call(*asking, "--calibration", path) == 0
    found = tiny.read_json(folder / "eval_tiny_basic_calibrated.json")
    native = tiny.read_json(folder / "eval_native.json")["records"]
    threshold = tiny.read_json(path)["summary"]["threshold"]
    assert [one["path"] for one in found["meta"]["inputs"]] == [str(path)]
    assert [r["outcome"] == "refused" for r in found["records"]] == [r["score"] < threshold for r in native]
    assert {r["outcome"] == "refused" for r in found["records"]} == {True, False}
    for key in ("given", "confidence", "score", "forced"):
        assert [r[key] for r in found["records"]] == [r[key] for r in native]
    (summary,) = found["summary"]["datasets"].values()
    assert summary["p_refused"]["value"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("change", "flags", "message"),
    [
        ({}, ["--prompt", "refuse"], "was asked with --prompt basic, this evaluation with refuse"),
        ({}, ["--prompt", "basic", "--wording", "short"], "was asked with --wording craft, this evaluation with short"),
        ({"model": {"fingerprint": "x"}}, [], "no usable `model.prompt`"),
        ({"threshold": "high"}, [], "no usable `threshold`"),
        ({"signal": "agreement"}, ["--prompt", "basic"], "its signal is agreement; give --num_samples"),
    ],
)
def test_a_calibration_that_does_not_fit(evaluated, tmp_path, monkeypatch, capfd, change, flags, message):
    folder, asking = evaluated
    content = tiny.read_json(folder / "calibration_native.json")
    content["summary"] |= change
    (tmp_path / "c.json").write_text(json.dumps(content))
    monkeypatch.setattr(loading, "load", lambda *_, **__: pytest.fail("a model was loaded before the error was found"))
    line = [*asking, *flags, "--calibration", tmp_path / "c.json", "--output_dir", tmp_path]
    assert message in fails(capfd, *line)
    assert [p.name for p in tmp_path.iterdir()] == ["c.json"]


def test_a_calibration_of_another_model_and_files_that_are_none(evaluated, checkpoint, tmp_path, capfd):
    folder, asking = evaluated
    path = folder / "calibration_native.json"
    other = tiny.save(tmp_path / "other", "llama", seed=7)
    line = [*asking, "--model", other, "--calibration", path, "--output_dir", tmp_path]
    assert "is of another model, native" in fails(capfd, *line)
    for given, message in (
        ([tmp_path / "nowhere.json"], "no such file; run eval_refusal.py --calibrate first"),
        ([folder / "eval_native.json"], "written by eval_refusal.py; give the output of eval_refusal.py --calibrate"),
        ([path, path], "--calibration: one file for one model; several are of --compare"),
    ):
        assert message in fails(capfd, *asking, "--calibration", *given, "--output_dir", tmp_path)
    for flag, value in (("--target", "ths"), ("--delta", 0.1), ("--signal", "score")):
        assert f"{flag}: is of --calibrate" in fails(capfd, *asking, flag, value)
