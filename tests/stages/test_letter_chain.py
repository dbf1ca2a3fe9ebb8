"""Refusing by a letter, from the boundary to the report, on a tiny model and R-Tuning's split of MMLU's subjects."""

from pathlib import Path

import pytest
import tiny

SUBJECTS = {"anatomy": 13, "astronomy": 12, "virology": 8}  # two in domain, one out of it
TUNE = ["--lora_r", 0, "--batch_size", 8, "--epochs", 60, "--learning_rate", "3e-3"]
STATE = ["run_query_state.py", "--dataset", "exam", "--split", "test", "--domain", "ID", "--num_shots", 1]
PARTS = ["exam:test:ID_test", "exam:test:OOD"]


def exam(folder) -> None:
    """MMLU's layout: one example and some questions of each of ``SUBJECTS``."""
    for split in ("dev", "test"):
        (folder / split).mkdir(parents=True)
        for subject, n in SUBJECTS.items():
            rows = [f"What is {split} {i} of {subject}?,{i},{i + 1},{i + 2},{i + 3},{'ABCD'[i % 4]}" for i in range(n)]
            (folder / split / f"{subject}_{split}.csv").write_text("\n".join(rows[: 1 if split == "dev" else n]) + "\n")


def run_all(commands):
    for line in commands:
        assert tiny.call(*line) == 0, line


@pytest.fixture(scope="module")
def half(tmp_path_factory, checkpoint):
    """The folder in which the chain has come to its two states."""
    folder = tmp_path_factory.mktemp("letters")
    exam(folder / "exam")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run_all([
            ["run_MMLU.py", "--model", checkpoint, "--dataset", "exam", "--domain", "ID", "--num_shots", 1],
            [*STATE, "--model", checkpoint],
            ["run_rehearsal.py", "--model", checkpoint, "--dataset", "exam", "--state",
             "results/tiny/exam/state_init_ID.json", "--num_examples", 5, "--lora_r", 4, "--learning_rate", "1e-2"],
            [*STATE, "--model", "models/tiny-rehearsal"],
            ["eval_refusal.py", "--model", checkpoint, "--prompt", "basic", "--refusal", "letter", "--dataset", *PARTS,
             "--name", "init", "--output_dir", "out"],
        ])  # fmt: skip
    return folder


def test_the_states_are_of_the_part(half):
    results = half / "results" / "tiny" / "exam"
    sizes = {"anatomy": 7, "astronomy": 6}  # the larger halves
    names = ("boundary_ID", "state_init_ID", "state_rehearsal_ID")
    assert {p.stem for p in results.glob("*.json")} == set(names)
    for name in names:
        result = tiny.read_json(results / f"{name}.json")
        assert result["meta"]["args"]["domain"] == "ID"
        assert {s: x["n"] for s, x in result["summary"]["subjects"].items()} == sizes
    assert {p.stem for p in results.glob("*.png")} == set(names)


def test_what_comes_next_is_of_the_part(half, checkpoint, monkeypatch, capsys):
    monkeypatch.chdir(half)
    assert tiny.call(*STATE, "--model", checkpoint, "--overwrite") == 0
    init, second = (f"results/tiny/exam/state_{name}_ID.json" for name in ("init", "rehearsal"))
    assert f"run_rehearsal.py --model {checkpoint} --state {init}\n" in capsys.readouterr().out
    assert tiny.call(*STATE, "--model", "models/tiny-rehearsal", "--overwrite") == 0
    assert f"--model {checkpoint} --state_rehearsal {second} --state_init {init}\n" in capsys.readouterr().out


@pytest.mark.parametrize("prompt", ["refuse", "bare"])
def test_the_chain_by_letters(half, checkpoint, monkeypatch, capsys, prompt):
    monkeypatch.chdir(half)
    states = [f"--state_{name}=results/tiny/exam/state_{name}_ID.json" for name in ("init", "rehearsal")]
    asked, name = ["--prompt", prompt, "--refusal", "letter"], "tiny_exam_ID" + "_bare" * (prompt == "bare") + "_letter"
    run_all([
        *(["build_rait_data.py", "--model", checkpoint, *states, *asked, "--method", method, "--threshold", 0.25,
           "--n_van", 6, "--n_idk", 6, "--output_dir", f"out/{prompt}"] for method in ("all", "soft")),
        ["finetune.sh", "--backend", "builtin", "--model", checkpoint, "--data", f"training_data/{name}_cor",
         "--output", f"models/{prompt}", *TUNE],
    ])  # fmt: skip
    assert f"Next:    python eval_refusal.py --model models/{prompt} {' '.join(asked)}\n" in capsys.readouterr().out
    run_all([
        ["eval_refusal.py", "--model", f"models/{prompt}", *asked, "--dataset", *PARTS, "--name", prompt,
         "--base_eval", "out/eval_init.json", "--output_dir", "out"],
        ["eval_refusal.py", "--model", f"models/{prompt}", *asked, "--dataset", "exam:test:ID", "--output_dir", "out"],
    ])  # fmt: skip
    selected = {
        r["id"]: r for r in tiny.read_json(f"out/{prompt}/selection_cor.json")["records"] if r["label"] != "dropped"
    }
    pairs = tiny.read_json(f"training_data/{name}_cor/{name}_cor.json")["instances"]
    assert len(pairs) == len(selected)
    for pair, r in zip(pairs, selected.values(), strict=True):
        assert pair["output"] == f"{r['answer'] if r['label'] == 'van' else 'N'}<|im_end|>"
        lettered = "\n".join([r["question"], *(f"{k}. {c}" for k, c in zip("ABCD", r["choices"], strict=True))])
        said = pair["input"].removeprefix("<|im_start|>user\n").removesuffix("<|im_end|>\n<|im_start|>assistant\n")
        assert (said == lettered) == (prompt == "bare")
        assert ("respond with N.\n" in said) == (prompt == "refuse")
    soft = tiny.read_json(f"training_data/{name}_soft/{name}_soft.json")["instances"]
    assert {pair["output"] for pair in soft} <= {f"{letter}<|im_end|>" for letter in "ABCDN"}
    # It has learned what it was taught, refusals among it, and says so in letters.
    taught = tiny.read_json(f"out/eval_{prompt}_{prompt}_letter.json")
    own = {r["id"]: r for r in taught["records"]}
    assert own.keys() >= selected.keys()
    for i, r in selected.items():
        wanted = ("correct", r["answer"]) if r["label"] == "van" else ("refused", "N")
        assert (own[i]["outcome"], own[i]["output"]) == wanted
        assert (own[i]["score"] < 0) == (own[i]["outcome"] == "refused")
    assert taught["summary"]["datasets"]["exam/test/ID"]["letter_mass"] > 0.9
    calibrate = ["--calibrate", f"out/eval_{prompt}.json", "--base_eval", "out/eval_init.json", "--target", "ths"]
    run_all([["eval_refusal.py", *calibrate, "--output_dir", f"out/{prompt}"]])
    assert tiny.read_json(f"out/{prompt}/calibration_{prompt}.json")["summary"]["model"]["refusal"] == "letter"
    files = [
        "--calibration",
        f"out/{prompt}/calibration_{prompt}.json",
        "--compare",
        "out/eval_init.json",
        f"out/eval_{prompt}.json",
    ]
    files += ["--include", f"out/{prompt}/selection_cor.json", "results/tiny/exam/boundary_ID.json"]
    run_all([["eval_refusal.py", *files, "--output_dir", f"out/{prompt}"]])
    rows = {(r["model"], r["dataset"]): r for r in tiny.read_json(f"out/{prompt}/comparison.json")["records"]}
    labels = {"exam/test/ID_test": 12, "exam/test/OOD": 8}
    names = ("init", prompt, f"{prompt}_calibrated")
    assert {key: rows[key]["n"] for key in rows} == {(m, d): n for m in names for d, n in labels.items()}
    assert Path(f"out/{prompt}/report.html").is_file()


def test_the_records_of_an_evaluation(half):
    result = tiny.read_json(half / "out" / "eval_init.json")
    assert result["meta"]["args"]["refusal"] == "letter"
    for r in result["records"]:
        assert sum(r["probs"].values()) == pytest.approx(1)
        assert r["forced"]["text"] == r["prediction"] == max(r["probs"], key=r["probs"].get)
        assert r["forced"]["outcome"] == ("correct" if r["prediction"] == r["answer"] else "wrong")
        assert r["outcome"] == r["given"] == ("refused" if r["output"] == "N" else r["forced"]["outcome"])
        assert 0 < r["p_refusal"] < 1
        assert 0 <= r["confidence"] <= 1
        assert 0 < r["letter_mass"] < 1


def test_the_initial_model_is_the_one_that_is_asked_plainly(half, checkpoint, monkeypatch, capsys):
    monkeypatch.chdir(half)
    line = ["eval_refusal.py", "--model", checkpoint, "--refusal", "letter", "--dataset", *PARTS, "--output_dir", "out"]
    for prompt in ("cautious", "bare"):  # neither has a base of its own
        assert tiny.call(*line, "--prompt", prompt) == 0
    files = [f"out/eval_tiny_{prompt}_letter.json" for prompt in ("cautious", "bare")]
    compare = ["eval_refusal.py", "--output_dir", "out/plain", "--compare", *files]
    assert tiny.call(*compare) == 2
    assert "--base_eval" in capsys.readouterr().err
    assert tiny.call(*compare, "out/eval_init.json") == 0
    assert tiny.read_json("out/plain/comparison.json")["summary"]["base"] == "init"


def test_letters_that_are_no_tokens_are_found_before_anything_is_written(half, checkpoint, monkeypatch, capsys):
    monkeypatch.chdir(half)
    monkeypatch.setattr("knowledge_boundary.asking.letters.REFUSAL_LETTER", "Ω")
    line = ["--model", checkpoint, "--refusal", "letter", "--output_dir", "out/none"]
    state = ["--state_init", "results/tiny/exam/state_init_ID.json", "--method", "cor", "--threshold", 0.25]
    for command in (
        ["build_rait_data.py", *line, *state, "--name", "none"],
        ["eval_refusal.py", *line, "--dataset", *PARTS],
    ):
        assert tiny.call(*command) == 2
        assert capsys.readouterr().err.endswith("for this tokenizer; use --refusal text\n")
    assert not Path("out/none").exists()
    assert not Path("training_data/none_cor").exists()


@pytest.mark.parametrize("prompt", ["cautious", "bare"])
def test_open_questions_by_the_new_prompts(checkpoint, data, tmp_path, monkeypatch, prompt):
    monkeypatch.chdir(tmp_path)
    line = ["--model", checkpoint, "--dataset", data / "facts", "--split", "ood", "--prompt", prompt]
    assert tiny.call("eval_refusal.py", *line, "--max_new_tokens", 3, "--output_dir", "out") == 0
    result = tiny.read_json(f"out/eval_tiny_{prompt}.json")
    assert (result["meta"]["args"]["prompt"], result["meta"]["args"]["refusal"]) == (prompt, "text")
    assert len(result["records"]) == 8
