"""The whole chain on a tiny model, by the shell commands of the README; the keys of every file it writes."""

import contextlib

import pytest
import tiny

RECORD = {"id", "subject", "question", "choices", "answer", "aliases"}
META = {
    "stage", "args", "model", "dataset", "inputs", "versions", "git_commit", "seed", "started", "seconds",
}  # fmt: skip
MODEL = {"name", "path", "fingerprint", "revision", "dtype", "device", "parameters"}
DATASET = {"name", "split", "n", "sha256"}
METRICS = {
    "p_correct", "p_wrong", "p_refused", "p_unparsed", "p_incomplete", "ths", "ap", "over_refusal",
    "refusal_precision", "refusal_recall", "refusal_f1", "auroc", "ece", "aurc", "correct_given_attempted",
    "f_simpleqa", "truthfulness", "omniscience", "honesty", "brier", "e_aurc",
}  # fmt: skip
TUNE = ["--lora_r", 8, "--lora_dropout", 0, "--batch_size", 8, "--epochs", 2, "--learning_rate", "1e-3"]


def check(path, stage, record, summary=()) -> dict:
    """A result file's content, its keys checked against the contract."""
    result = tiny.read_json(path)
    assert set(result) == {"meta", "summary", "records"}
    assert result["meta"].keys() == META | ({"costs"} if stage == "eval_refusal" else set())
    assert result["meta"]["stage"] == stage
    assert set(summary) <= result["summary"].keys()
    assert all((RECORD | record) <= r.keys() for r in result["records"])
    if stage != "compare":
        assert result["meta"]["model"].keys() >= MODEL
        assert result["meta"]["model"]["parameters"] > 0
        assert stage in ("run_rehearsal", "finetune") or result["meta"]["dataset"].keys() >= DATASET
        assert result["records"] or stage == "finetune"
    assert not path.with_name(path.name + ".partial").exists()
    return result


TRAINED = ("rehearsed", "cor", "craft")


def chain(model, data, embedder) -> list:
    """The commands of the chain, every path given; those of one list need nothing of each other."""
    base = ["--base_eval", "out/eval_init_basic.json"]
    asking = ["--num_shots", 0, "--chat_template", "--num_samples", 4, "--embedder", embedder, "--output_dir", "out"]
    evaluating = ["eval_refusal.py", "--dataset", f"{data / 'facts'}:train", f"{data / 'facts'}:ood",
                  "--output_dir", "out", "--max_new_tokens", 8]  # fmt: skip
    tuning = ["finetune.sh", "--backend", "builtin", "--model", model]
    names = ("init_basic", "init_refuse", "cor_rait", "craft")
    return [
        [
            ["run_MMLU.py", "--model", model, "--dataset", "world_facts_mc", "--subjects", "country_capital",
             "--limit", 6, "--num_shots", 1, "--method", "unsure", "--output_dir", "out"],
            ["run_MMLU.py", "--model", model, "--dataset", "world_facts_mc", "--subjects", "country_capital",
             "--limit", 6, "--num_shots", 1, "--scoring", "cloze", "--method", "unknown", "--output_dir", "out/cloze"],
            ["run_query_state.py", "--model", model, "--dataset", data / "facts", *asking],
        ],
        [
            ["run_rehearsal.py", "--model", model, "--state", "out/state_init.json", "--num_examples", 6,
             "--output_model", "models/rehearsed", *TUNE],
            [*evaluating, "--model", model, "--prompt", "basic", "--name", "init_basic"],
        ],
        [
            ["run_query_state.py", "--model", "models/rehearsed", "--dataset", data / "facts", *asking],
            [*evaluating, "--model", model, "--prompt", "refuse", "--name", "init_refuse", *base],
        ],
        [
            ["build_rait_data.py", "--model", model, "--method", "all", "--state_init", "out/state_init.json",
             "--state_rehearsal", "out/state_rehearsal.json", "--n_van", 8, "--n_idk", 8, "--name", "small",
             "--output_dir", "out"],
        ],
        [
            [*tuning, "--data", "training_data/small_cor", "--output", "models/cor", *TUNE],
            [*tuning, "--data", "training_data/small_craft", "--output", "models/craft", *TUNE],
        ],
        [
            [*evaluating, "--model", "models/cor", "--prompt", "refuse", "--name", "cor_rait", *base],
            [*evaluating, "--model", "models/craft", "--prompt", "refuse", "--name", "craft", *base],
        ],
        [
            ["eval_refusal.py", "--output_dir", "out", "--compare", *(f"out/eval_{n}.json" for n in names), "--include",
             "out/boundary.json", "out/state_init.json", "out/state_rehearsal.json", "out/selection_cor.json",
             "out/selection_craft.json", *(f"models/{m}/knowledge_boundary.json" for m in TRAINED)],
        ],
    ]  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory, knowing, data, embedder):
    """The folder that the chain was run in, and the commands."""
    folder = tmp_path_factory.mktemp("chain")
    commands = chain(knowing, data, embedder)
    for together in commands:
        for process in [tiny.fork(folder, *line) for line in together]:
            assert process.wait() == 0, (folder / "log").read_text()
    return folder, [line for together in commands for line in together]


def test_boundary(finished):
    out = finished[0] / "out"
    for folder, scoring in ((out, "letter"), (out / "cloze", "cloze")):
        result = check(folder / "boundary.json", "run_MMLU", {"probs", "prediction", "correct", "cor"},
                       {"accuracy", "n", "chance", "subjects"})  # fmt: skip
        assert result["meta"]["args"]["scoring"] == scoring
        assert result["summary"]["n"] == len(result["records"]) == 6
        for r in result["records"]:
            assert sum(r["probs"].values()) == pytest.approx(1)
            assert r["correct"] == (r["prediction"] == r["answer"])
            assert r["cor"] == r["probs"][r["answer"]]
        assert {"n", "accuracy", "ci95", "mean_cor", "known"} <= result["summary"]["subjects"]["country_capital"].keys()
        assert (folder / "boundary.png").is_file()


def test_training_data_of_the_boundary(finished):
    folder = finished[0] / "training_data"
    unsure = tiny.read_json(folder / "tiny_world_facts_mc_unsure" / "tiny_world_facts_mc_unsure.json")
    assert unsure["type"] == "text2text"
    assert len(unsure["instances"]) == 6
    assert all(i["output"].endswith(("I am sure.<|im_end|>", "I am unsure.<|im_end|>")) for i in unsure["instances"])
    assert (folder / "tiny_world_facts_mc_unknown" / "tiny_world_facts_mc_unknown.json").is_file()


def test_states(finished):
    out = finished[0] / "out"
    init = check(out / "state_init.json", "run_query_state", {"cor", "cer", "samples", "greedy"}, {"mean_cor"})
    rehearsed = check(out / "state_rehearsal.json", "run_query_state", {"cor", "cer", "samples", "greedy"})
    assert [r["id"] for r in init["records"]] == [r["id"] for r in rehearsed["records"]]
    for r in init["records"]:
        assert len(r["samples"]) == 4
        assert {"text", "correct"} == r["samples"][0].keys() == r["greedy"].keys()
        assert r["cor"] == pytest.approx(sum(s["correct"] for s in r["samples"]) / 4)
        assert -1 <= r["cer"] <= 1
    # The model was taught every other question.
    cors = [r["cor"] for r in init["records"]]
    assert min(cors[::2]) > 0.7
    assert max(cors[1::2]) < 0.5


def test_rehearsal(finished):
    path = finished[0] / "models" / "rehearsed" / "knowledge_boundary.json"
    result = check(path, "run_rehearsal", {"cor", "cer"}, {"above_thresholds", "by_rank", "losses"})
    assert len(result["records"]) == 6
    assert min(r["cor"] for r in result["records"]) > 0.7


def test_selections(finished):
    out = finished[0] / "out"
    taken = {}
    for method in ("van", "cor", "corcer", "craft"):
        result = check(
            out / f"selection_{method}.json", "build_rait_data",
            {"cor_init", "cor_rehearsal", "cer_init", "delta_cor", "label", "reason"},
            {"pools", "asked", "taken", "crss", "mean_max_similarity"},
        )  # fmt: skip
        assert {r["label"] for r in result["records"]} <= {"van", "idk", "dropped"}
        taken[method] = result["summary"]["taken"]
        folder = finished[0] / "training_data" / f"small_{method}"
        data = tiny.read_json(folder / f"small_{method}.json")
        assert len(data["instances"]) == sum(taken[method].values())
        assert sum("I don't know." in i["output"] for i in data["instances"]) == taken[method]["idk"]
        assert [p.suffix for p in folder.iterdir()] == [".json"]
    assert taken["van"]["idk"] == 0
    assert taken["cor"] == taken["corcer"] == taken["craft"]
    assert min(taken["craft"].values()) > 0


def test_fine_tunes(finished):
    for name in ("cor", "craft"):
        folder = finished[0] / "models" / name
        summary = check(folder / "knowledge_boundary.json", "finetune", set(), {"losses", "steps"})["summary"]
        losses = summary["losses"]
        first, second = losses[: len(losses) // 2], losses[len(losses) // 2 :]
        assert sum(second) < sum(first)  # two epochs: each has seen every example once
        assert (folder / "adapter_model.safetensors").is_file()
        assert not folder.with_name(f"{name}.checkpoints").exists()


def test_evaluations(finished):
    out = finished[0] / "out"
    for name in ("init_basic", "init_refuse", "cor_rait", "craft"):
        result = check(out / f"eval_{name}.json", "eval_refusal", {"output", "outcome", "confidence"}, {"datasets"})
        assert result["summary"]["datasets"].keys() == {"facts/train", "facts/ood"}
        for metrics in result["summary"]["datasets"].values():
            assert metrics.keys() >= METRICS
            assert all({"value", "ci95"} == metrics[m].keys() for m in METRICS)
            rates = [metrics[f"p_{o}"]["value"] for o in ("correct", "wrong", "refused", "unparsed", "incomplete")]
            assert sum(rates) == pytest.approx(1)
    basic = tiny.read_json(out / "eval_init_basic.json")["summary"]["datasets"]["facts/train"]
    assert basic["p_correct"]["value"] == pytest.approx(0.5, abs=0.15)


def test_comparison_and_report(finished):
    out = finished[0] / "out"
    result = tiny.read_json(out / "comparison.json")
    rows = {(r["model"], r["dataset"]): r for r in result["records"]}
    models = ("init_basic", "init_refuse", "cor_rait", "craft")
    assert rows.keys() == {(m, d) for m in models for d in ("facts/train", "facts/ood")}
    assert all(METRICS | {"n"} <= r.keys() for r in result["records"])
    assert rows["init_basic", "facts/train"]["ths"]["value"] == pytest.approx(0)
    assert rows["init_basic", "facts/train"]["over_refusal"]["value"] == 0
    assert len(result["summary"]["paired_tests"]) == 2 * 6
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Not on this page" not in page
    assert all(f">{name}/knowledge_boundary.json<" in page for name in TRAINED)


def test_the_same_command_has_nothing_to_do(finished, capsys):
    folder, commands = finished
    for line in commands:
        with contextlib.chdir(folder):
            assert tiny.call(*line) == 0
        assert "Already done" in capsys.readouterr().out, line


def test_nothing_else_is_written(finished):
    assert {p.name for p in finished[0].iterdir()} == {"out", "models", "training_data", "log"}
    assert "Traceback" not in (finished[0] / "log").read_text()


# ---- paths by default ----


def run_all(folder, commands):
    """Run commands in this process, in ``folder``."""
    with contextlib.chdir(folder):
        for line in commands:
            assert tiny.call(*line) == 0, line


@pytest.mark.parametrize("way", ["data_dir", "folder"])
def test_each_stage_finds_what_the_one_before_it_wrote(tmp_path, knowing, data, embedder, way):
    named = ["--dataset", "facts"] if way == "data_dir" else ["--dataset", data / "facts"]
    asked = [*named, "--data_dir", data] if way == "data_dir" else named
    run_all(tmp_path, [
        ["run_query_state.py", "--model", knowing, *asked, "--num_shots", 0, "--num_samples", 2, "--chat_template",
         "--embedder", embedder],
        ["run_rehearsal.py", "--model", knowing, *named, "--num_examples", 4, *TUNE],
        ["run_query_state.py", "--model", "models/tiny-rehearsal", *asked, "--num_shots", 0, "--num_samples", 2,
         "--chat_template", "--embedder", embedder],
        ["build_rait_data.py", "--model", knowing, *named, "--n_van", 4, "--n_idk", 4],
        ["finetune.sh", "--backend", "builtin", "--model", knowing, "--data", "training_data/tiny_facts_craft",
         "--output", "models/craft", *TUNE],
        ["eval_refusal.py", "--model", "models/craft", *asked, "--split", "ood"],
    ])  # fmt: skip
    results = tmp_path / "results"
    for name in ("state_init.json", "state_rehearsal.json", "selection_craft.json"):
        assert (results / "tiny" / "facts" / name).is_file()
    assert (results / "craft" / "facts" / "eval_craft_refuse.json").is_file()


# ---- multiple choice ----


def test_multiple_choice(tmp_path, checkpoint, data):
    for split, rows in (("dev", 2), ("test", 12)):
        for subject in ("sums", "capitals"):
            (tmp_path / "quiz" / split).mkdir(parents=True, exist_ok=True)
            lines = [
                f"What is {split} {i} of {subject}?,{i},{i + 1},{i + 2},{i + 3},{'ABCD'[i % 4]}" for i in range(rows)
            ]
            (tmp_path / "quiz" / split / f"{subject}_{split}.csv").write_text("\n".join(lines) + "\n")
    asked = ["--dataset", "quiz", "--split", "test"]
    run_all(tmp_path, [
        ["run_MMLU.py", "--model", checkpoint, *asked, "--num_shots", 2, "--method", "uncertain"],
        ["run_query_state.py", "--model", checkpoint, *asked, "--num_shots", 2],
        ["run_rehearsal.py", "--model", checkpoint, "--dataset", "quiz", "--num_examples", 5, *TUNE],
        ["run_query_state.py", "--model", "models/tiny-rehearsal", *asked, "--num_shots", 2],
        ["build_rait_data.py", "--model", checkpoint, "--dataset", "quiz", "--threshold", 0.25, "--n_van", 4,
         "--n_idk", 4, "--method", "all", "--format", "messages"],
        ["finetune.sh", "--backend", "builtin", "--model", checkpoint, "--data", "training_data/tiny_quiz_craft",
         "--output", "models/craft", *TUNE],
        ["eval_refusal.py", "--model", checkpoint, "--prompt", "basic", *asked, "--output_dir", "out",
         "--name", "init"],
        ["eval_refusal.py", "--model", "models/craft", *asked, "--output_dir", "out", "--name", "craft", "--base_eval",
         "out/eval_init.json"],
    ])  # fmt: skip
    folder = tmp_path / "results" / "tiny" / "quiz"
    state = check(folder / "state_init.json", "run_query_state", {"cor", "cer", "probs", "prediction"})
    boundary = tiny.read_json(folder / "boundary.json")
    for r, b in zip(state["records"], boundary["records"], strict=True):
        assert r["cor"] == pytest.approx(r["probs"][r["answer"]])
        assert -1.3863 <= r["cer"] <= 0
        assert r["probs"] == pytest.approx(b["probs"])
    assert boundary["summary"]["subjects"].keys() == {"sums", "capitals"}
    entry = tiny.read_json(folder / "selection_craft.json")["records"][0]
    assert entry["delta_cor"] == pytest.approx(entry["cor_rehearsal"] - entry["cor_init"])
    exchange = tiny.read_json(tmp_path / "training_data" / "tiny_quiz_craft" / "tiny_quiz_craft.json")[0]["messages"]
    assert [m["role"] for m in exchange] == ["user", "assistant"]
    assert (
        check(tmp_path / "out" / "eval_craft.json", "eval_refusal", {"outcome"})["records"][0]["dataset"] == "quiz/test"
    )
