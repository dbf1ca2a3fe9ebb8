"""The benchmarks end to end on a tiny checkpoint, and what they measure with."""

import importlib.util
import json
import os
import sys
from types import SimpleNamespace

import pytest
import tiny
import torch

sys.path.insert(0, str(tiny.ROOT / "benchmarks"))

import bench_estimator
import bench_selection
import common
import lm_eval_peer
import numpy as np
import sampling_checks

from knowledge_boundary.asking import prompts
from knowledge_boundary.questions import readers

HARNESS = importlib.util.find_spec("lm_eval") is not None


def benchmark(cwd, script, checkpoint, *flags):
    """Run a benchmark in a process of its own; returns its output and its JSON line."""
    done = tiny.forked(cwd, f"benchmarks/{script}", "--model", checkpoint, "--device", "cpu", "--rounds", 1, *flags)
    assert done.returncode == 0, done.stderr
    line = json.loads(done.stdout.splitlines()[-1])
    assert line["benchmark"] == script.removesuffix(".py")
    assert line["machine"]["versions"]["torch"]
    assert line["machine"]["model"]["dtype"] == "float32"
    return done.stdout, line["results"]


def check_peers(peers, names, rate):
    """Whether all peers have all figures; peaks are measured on Linux only."""
    assert list(peers) == names
    assert peers["ours"]["ours_is_faster_by"] == 1
    for figures in peers.values():
        assert figures[rate]["min"] <= figures[rate]["median"] <= figures[rate]["max"]
        assert figures["share_of_limit"] > 0
        assert (figures["peak_bytes"] is not None) == (sys.platform == "linux")


def test_conflict(tmp_path):
    flags = ["--n_van", 300, "--n_idk", 200, "--dimensions", 16, "--rounds", 2]
    done = tiny.forked(tmp_path, "benchmarks/bench_conflict.py", *flags)
    assert done.returncode == 0, done.stderr
    peers = json.loads(done.stdout.splitlines()[-1])["results"]["peers"]
    assert list(peers) == ["matrix", "ours"]
    assert peers["ours"]["same_nearest"] == 1
    assert peers["ours"]["max_difference"] < 1e-6
    assert "200 × 300 vectors of 16 dimensions" in done.stdout


def test_scoring(tmp_path, checkpoint):
    out, results = benchmark(
        tmp_path, "bench_scoring.py", checkpoint, "--dataset", "world_facts_mc",
        "--subjects", "country_capital,element_symbol", "--limit", 3, "--num_shots", 2,
    )  # fmt: skip
    assert ("lm_eval: left out" in out) == (not HARNESS)
    assert list(results) == ["country_capital", "element_symbol"]
    for subject in results.values():
        check_peers(subject["peers"], ["loop", *["lm_eval"] * HARNESS, "ours"], "questions_per_second")
        assert subject["questions"] == 3
        assert subject["unique_tokens"] < subject["tokens"]
        for figures in subject["peers"].values():
            assert figures["agreement"] == 1
            assert figures["max_difference"] < 1e-4


def test_sampling(tmp_path, checkpoint, data):
    _, results = benchmark(
        tmp_path, "bench_sampling.py", checkpoint, "--dataset", data / "facts", "--limit", 2, "--num_samples", 30,
        "--max_new_tokens", 3, "--prompts", "3shot", "--generate_batch", 2,
    )  # fmt: skip
    assert list(results) == ["3shot"]
    found = results["3shot"]
    assert found["answers"] == found["questions"] * 30 == 120
    check_peers(found["peers"], ["generate", "ours"], "answers_per_second")
    assert found["peers"]["ours"]["tokens"] < found["peers"]["generate"]["tokens"]
    first = found["first_token"]
    for figures in found["peers"].values():
        # Draws from any other distribution lie further from the model's than exact draws do.
        assert abs(figures["first_token_distance"] - first["exact_draws"]) < 6 * first["exact_draws_sd"]


def test_evaluation(tmp_path, checkpoint, data):
    _, results = benchmark(
        tmp_path, "bench_evaluation.py", checkpoint, "--dataset", data / "facts", "--split", "ood",
        "--max_new_tokens", 4,
    )  # fmt: skip
    peers = results["peers"]
    assert list(peers) == ["without", "apart", "ours"]
    assert all(figures["questions_per_second"]["median"] > 0 for figures in peers.values())
    assert peers["ours"]["ours_is_faster_by"] == 1
    assert results["questions"] == 8
    assert all(figures["same_output"] == 1 for figures in results["peers"].values())
    assert results["peers"]["apart"]["largest_difference_of_scores"] < 1e-3
    assert results["peers"]["without"]["largest_difference_of_scores"] is None
    assert results["peers"]["without"]["time_over_without"] == 1


def test_estimator(tmp_path, checkpoint, data, embedder):
    flags = ["--model", checkpoint, "--device", "cpu", "--dataset", data / "facts", "--embedder", embedder]
    flags += ["--limit", 4, "--num_shots", 0, "--max_new_tokens", 1, "--seeds", 3]
    done = tiny.forked(tmp_path, "benchmarks/bench_estimator.py", *flags)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])["results"]
    assert list(found) == ["sample", "horvitz_thompson", "mass"]
    assert found["sample"]["cer"]["share_of_variance"] == 1
    assert found["sample"]["cer"]["difference"] == 0
    for figures in found.values():
        assert abs(figures["cer"]["difference"]) <= 6 * figures["cer"]["difference_se"]
        assert 0 <= figures["changes_side"] <= 1
    assert "4 questions, N = 10, 3 seeds; tiny, float32, cpu" in done.stdout


def test_estimator_figures_by_hand():
    cor = np.array([[0.4, 0.6, 0.6], [0.0, 0.0, -0.1]])
    values = np.stack([cor, 2 * cor], axis=-1)
    found = bench_estimator.figures_of(values, values + np.array([0.1, 0]), 0.5)
    assert found["changes_side"] == pytest.approx(2 / 6)
    assert found["outside"] == pytest.approx(1 / 6)
    assert found["cor"]["variance"] == pytest.approx((0.04 / 3 + 0.01 / 3) / 2)
    assert found["cor"]["difference"] == pytest.approx(-0.1)
    assert found["cer"]["variance"] == pytest.approx(4 * found["cor"]["variance"])
    assert found["cer"]["share_of_variance"] == pytest.approx(1)


def test_training(tmp_path, checkpoint, data):
    out, results = benchmark(
        tmp_path, "bench_training.py", checkpoint, "--dataset", data / "facts", "--batch_size", 4, "--steps", 3,
        "--lora_r", 4,
    )  # fmt: skip
    assert ("lmflow: left out" in out) == (not os.environ.get("LMFLOW_DIR"))
    assert list(results["peers"]) == [*["lmflow"] * bool(os.environ.get("LMFLOW_DIR")), "plain", "ours"]
    if "lmflow" in results["peers"]:
        theirs = results["peers"].pop("lmflow")
        assert theirs["examples_per_second"]["median"] > 0
        assert len(theirs["losses"]) == 3
    check_peers(results["peers"], ["plain", "ours"], "examples_per_second")
    assert results["examples"] == 12
    assert results["unique_tokens"] < results["tokens"]
    ours, plain = results["peers"]["ours"], results["peers"]["plain"]
    assert ours["losses"] == pytest.approx(plain["losses"], rel=1e-4)
    assert ours["loss_difference"] < 1e-5
    assert 0 < ours["gradient_difference"] < 1e-4


def test_selection(tmp_path, checkpoint):
    flags = ["--model", checkpoint, "--device", "cpu", "--records", 150, 60, "--n_van", 4, "--n_idk", 3]
    done = tiny.forked(tmp_path, "benchmarks/bench_selection.py", *flags)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])["results"]
    assert list(found["sizes"]) == ["150", "60"]
    for figures in found["sizes"].values():
        assert figures["phases"].keys() == bench_selection.PHASES.keys()
        assert all(seconds > 0 for seconds in figures["phases"].values())
        assert sum(figures["phases"].values()) < figures["seconds"]
        assert (figures["peak_bytes"] is not None) == (sys.platform == "linux")
    assert "--n_van 4 --n_idk 3; tiny, float32, cpu" in done.stdout
    if sys.platform == "linux":
        assert "From 60 to 150 records each takes" in done.stdout
    assert not list(tmp_path.iterdir())


def test_growth_is_what_each_further_record_takes():
    assert bench_selection.growth({300: 2500, 100: 1000, 200: 1500}) == [(100, 200, 5), (200, 300, 10)]
    assert bench_selection.growth({100: 1000}) == []


def test_made_up_states_have_what_real_ones_have(tmp_path):
    about = {"name": "tiny", "fingerprint": "f"}
    bench_selection.write_state(tmp_path / "x.json", about, 40, np.full(40, 0.5), np.random.default_rng(0))
    records = tiny.read_json(tmp_path / "x.json")["records"]
    assert len({r["id"] for r in records}) == len({r["question"] for r in records}) == 40
    for r in records:
        assert len(r["samples"]) == 10
        assert r["cor"] == pytest.approx(sum(s["correct"] for s in r["samples"]) / 10)


@pytest.mark.parametrize(
    ("script", "flags", "line"),
    [
        ("bench_scoring.py", ["--peers", "loop,vllm"], "--peers vllm: one of loop, lm_eval is expected"),
        ("bench_scoring.py", ["--dataset", "world_facts"], "open questions"),
        ("bench_estimator.py", ["--seeds", "1"], "a variance takes 2 or more"),
        ("bench_sampling.py", ["--prompts", "5shot"], "--prompts 5shot: one of short, 3shot is expected"),
        ("bench_selection.py", ["--records", "1"], "--records 1: build_rait_data.py ended with exit code 2"),
        ("bench_training.py", ["--steps", "999"], "--steps 999: 300 examples are fewer"),
    ],
)
def test_bad_flags(checkpoint, capsys, script, flags, line):
    flags = ["--model", checkpoint, *flags]
    assert tiny.call(f"benchmarks/{script}", *flags) == 2
    assert line in capsys.readouterr().err


@pytest.mark.skipif(not HARNESS, reason="lm_eval is not installed (requirements-bench.txt)")
def test_another_prompt_of_the_harness_is_refused(tmp_path):
    asked = readers.load("world_facts_mc", "test", subjects="country_capital", limit=2)
    texts = [prompts.letter_prompt(q) for q in asked.questions]
    assert len(lm_eval_peer.requests(tmp_path, "country_capital", asked.questions, [], texts)) == 8
    with pytest.raises(common.UserError, match="is not ours"):
        lm_eval_peer.requests(tmp_path, "country_capital", asked.questions, [], [f"{text} " for text in texts])


def test_unique_tokens():
    sequences = np.random.default_rng(0).integers(0, 3, (20, 6)).tolist()
    sequences += [sequences[0][:3], sequences[0]]
    assert common.unique_tokens(sequences) == len({tuple(s[: n + 1]) for s in sequences for n in range(len(s))})
    assert common.unique_tokens([]) == 0


def test_peers_run_in_turn(monkeypatch):
    monkeypatch.setattr(common, "matrix_rate", lambda lm: 7.0)
    order = []
    passes = {name: lambda i, name=name: order.append((name, i)) or i for name in "AB"}
    seconds, found, gflops = common.in_turn(SimpleNamespace(device=torch.device("cpu")), passes, 2)
    assert order == [("A", 0), ("B", 0), ("A", 1), ("B", 1)]
    assert found == {"A": [0, 1], "B": [0, 1]}
    assert len(seconds["A"]) == 2
    assert gflops == 7


@pytest.mark.parametrize("tied", [False, True])
def test_share_of_limit(words, tied):
    lm = tiny.wrap(tiny.random_model("qwen2", len(words), tie_word_embeddings=tied), words)
    lm.about["non_embedding_parameters"] = common.non_embedding_parameters(lm.model)
    whole = sum(p.numel() for p in lm.model.parameters())
    assert lm.about["non_embedding_parameters"] == whole - len(words) * 64 * (1 if tied else 2)
    needed = 10 * 2 * lm.about["non_embedding_parameters"]  # of ten tokens
    assert common.share_of_limit(lm, 10, [1.0, 2.0, 9.0], needed / 1e9) == pytest.approx(0.5)


@pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc/self/clear_refs")
def test_peak_memory_is_that_of_the_run_alone():
    lm = SimpleNamespace(device=torch.device("cpu"))
    np.ones(15_000_000)  # 120 MB, before
    before = common.memory_in_use(lm)
    peak = common.peak_memory(lm, lambda: np.ones(5_000_000)) - before
    assert 35e6 < peak < 80e6


def test_total_variation():
    exact = [np.array([0.5, 0.5]), np.array([1.0, 0.0])]
    assert sampling_checks.total_variation([np.array([4, 0]), np.array([3, 1])], exact) == pytest.approx(0.375)
