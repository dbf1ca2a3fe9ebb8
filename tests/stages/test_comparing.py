"""Several seeds and calibrated rows by eval_refusal.py --compare, as a user runs it."""

import json

import pytest
import tiny
from evaluated import made_to_answer
from test_bad_input import fails, files


def evaluation(name, native, forced, fingerprint, prompt="refuse", base="init.json"):
    """An evaluation's file of the same questions on a calibration split and on a test set."""
    meta = {
        "stage": "eval_refusal",
        "args": {"prompt": prompt, "base_eval": base},
        "model": {"name": name, "fingerprint": fingerprint},
        "inputs": [],
        "costs": {"answers": {"seconds": 3.0, "forward_passes": 2.0}},
    }
    rows = made_to_answer(native, forced, [float(len(forced) - i) for i in range(len(forced))])
    rows = [r | {"question": f"{r['id']}?", "choices": None, "answer": "yes", "aliases": []} for r in rows]
    return {"meta": meta, "summary": {"model": name}, "records": rows}


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A folder with evaluations of the initial model and of three seeds, on dev and on test."""
    written = {
        "init": evaluation("init_basic", "ccccwwwwcw", "ccccwwwwcw", "initial", "basic", None),
        "craft0": evaluation("craft_seed0", "cccrrrrrrw", "cccwwwcwcw", "f0"),
        "craft1": evaluation("craft_seed1", "ccwrrrrrrr", "ccwccwwwww", "f1"),
        "van": evaluation("van", "ccccwwwcww", "ccccwwwcww", "f2"),
    }
    for split in ("dev", "test"):
        (tmp_path / split).mkdir()
        for name, content in written.items():
            label = f"facts/{split}"
            content["summary"]["datasets"] = {label: {}}
            records = [r | {"dataset": label} for r in content["records"]]
            if split == "test":
                records = records[::-1]
            (tmp_path / split / f"{name}.json").write_text(json.dumps(content | {"records": records}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


EVALS = ["test/init.json", "test/van.json", "test/craft0.json", "test/craft1.json"]
COMPARE = ["eval_refusal.py", "--output_dir", "out", "--compare"]


def calibrate(*names, flags=()):
    given = ["dev/init.json", *(f"dev/{name}.json" for name in names)]
    assert tiny.call("eval_refusal.py", "--output_dir", "dev", "--calibrate", *given, *flags) == 0


def test_seeds_and_thresholds_beside_each_other(shelf, capfd):
    calibrate("craft0", "craft1")
    calibrate(flags=["--signal", "confidence"])
    thresholds = [f"dev/calibration_{name}.json" for name in ("craft_seed1", "craft_seed0", "init_basic", "confidence")]
    capfd.readouterr()
    assert tiny.call(*COMPARE, *EVALS, "--calibration", *thresholds) == 0
    said = capfd.readouterr().out
    result = tiny.read_json("out/comparison.json")
    rows = {r["model"]: r for r in result["records"]}
    assert list(rows) == ["init_basic", "van", "craft", "craft_calibrated", "init_basic_calibrated", "confidence"]
    assert [r["kind"] for r in rows.values()] == ["native"] * 3 + ["calibrated"] + ["baseline"] * 2
    assert [r["n_seeds"] for r in rows.values()] == [1, 1, 2, 2, 1, 1]
    assert rows["craft_calibrated"]["seeds"] == ["craft_seed0", "craft_seed1"]
    assert rows["craft"]["ths"]["value"] == pytest.approx((0.3 - 0.1 + 0.2 - 0.1) / 2)
    # The test set is dev's over again, so each threshold is where THS is highest: 3 right; 4 right and 1 wrong.
    assert rows["craft_calibrated"]["p_correct"]["value"] == pytest.approx((0.3 + 0.4) / 2)
    assert rows["craft_calibrated"]["ths"]["value"] == pytest.approx(0.3)
    assert rows["craft_calibrated"]["threshold"] == [8.0, 6.0]
    assert rows["craft_calibrated"]["cost"] == {"seconds": 3, "forward_passes": 2}
    tests = result["summary"]["paired_tests"]
    assert [t["kind"] for t in tests] == ["native"] * 3 + ["calibrated"] * 3
    assert {c["name"] for c in result["summary"]["baseline_curves"]} == {
        "init_basic",
        "confidence",
        "sure",
    }
    assert [i["path"] for i in result["meta"]["inputs"]] == [*EVALS, *thresholds]
    assert "(2 and 1 seeds)" in said
    assert "At thresholds that were chosen on other questions:" in said
    assert "<title>" in (shelf / "out" / "report.html").read_text(encoding="utf-8")

    before = files(shelf)
    assert tiny.call(*COMPARE, *EVALS, "--calibration", *thresholds) == 0
    assert "Already done" in capfd.readouterr().out
    assert "inputs" in fails(capfd, *COMPARE, *EVALS, "--calibration", *thresholds[:-1])  # other rows: another run
    assert files(shelf) == before


def test_a_threshold_that_the_test_set_chose_is_warned_of(shelf, capfd):
    calibrate()
    assert tiny.call(*COMPARE, "dev/init.json", "dev/van.json", "--calibration", "dev/calibration_init_basic.json") == 0
    out = capfd.readouterr().out
    assert "Warning: facts/dev, init_basic_calibrated: Its threshold was chosen on 10 of these very questions" in out


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ([*EVALS, EVALS[1]], "--compare test/van.json: given twice"),
        ([*EVALS, "--calibration", "dev/calibration_van.json", "dev/calibration_van.json"], "given twice"),
        ([*EVALS, "dev/craft0.json"], "--compare dev/craft0.json: two files are of craft and of one model"),
        ([*EVALS[:2], "--calibration", "nowhere.json"], "--calibration nowhere.json: no such file"),
        ([*EVALS[:2], "--calibration", "test/init.json"], "--calibration test/init.json: written by eval_refusal.py"),
        (
            [EVALS[0], EVALS[2], "--calibration", "dev/calibration_van.json"],
            "--calibration dev/calibration_van.json: fits none of the evaluations (it is of the model van)",
        ),
        (["test/van.json", "test/craft0.json"], "name the initial model's file with --base_eval"),
    ],
)
def test_one_line_and_nothing_written(shelf, capfd, line, message):
    calibrate("van")
    before = files(shelf)
    assert message in fails(capfd, *COMPARE, *line)
    assert files(shelf) == before
