"""SIGKILL in the middle of each long stage, then the same command: the result is that of an undisturbed run."""

import contextlib
import json
import shutil
import sys

import pytest
import tiny
from processes import reached
from safetensors.torch import load_file

from knowledge_boundary.models.prompt_format import PromptFormat
from knowledge_boundary.questions import readers
from knowledge_boundary.running import journal
from knowledge_boundary.training.examples import example
from knowledge_boundary.wording import phrases

SLOW = ["--batch_tokens", "1"]  # one question a batch: the journal grows slowly


def records(partial) -> int:
    """How many finished records a journal holds."""
    return partial.read_bytes().count(b"\n") - 1 if partial.exists() else 0


def run_to_the_end(cwd, *line):
    """Run a stage to its end, in this process."""
    cwd.mkdir(exist_ok=True)
    with contextlib.chdir(cwd):
        assert tiny.call(*line) == 0


def start(cwd, *line):
    """Start a stage in a process of its own, to be killed."""
    cwd.mkdir(exist_ok=True)
    return tiny.fork(cwd, *line)


def compare_with_kills(tmp_path, file, line, points):
    """Kill ``line`` when its journal holds each of ``points`` records, end it, compare with an undisturbed run."""
    calm, killed = tmp_path / "calm", tmp_path / "killed"
    run_to_the_end(calm, *line)
    partial = killed / f"{file}.partial"
    for point in points:
        process = start(killed, *line)
        assert tiny.kill_when(lambda point=point: records(partial) >= point, process), (killed / "log").read_text()
        assert not (killed / file).exists()
        assert records(partial) >= point
    run_to_the_end(killed, *line)
    assert not partial.exists()
    assert tiny.without_times(killed / file) == tiny.without_times(calm / file)


def test_query_state(tmp_path, checkpoint, data, embedder):
    line = [
        "run_query_state.py", "--model", checkpoint, "--dataset", data / "many", "--num_shots", 0,
        "--embedder", embedder, "--output_dir", "out", *SLOW,
    ]  # fmt: skip
    compare_with_kills(tmp_path, "out/state_init.json", line, (3, 25, 60))


def test_run_mmlu(tmp_path, checkpoint):
    line = [
        "run_MMLU.py", "--model", checkpoint, "--dataset", "world_facts_mc", "--num_shots", 2,
        "--subjects", "country_capital,city_country", "--output_dir", "out", *SLOW,
    ]  # fmt: skip
    compare_with_kills(tmp_path, "out/boundary.json", line, (30,))


def test_eval_refusal(tmp_path, checkpoint, data):
    line = [
        "eval_refusal.py", "--model", checkpoint, "--dataset", f"{data / 'facts'}:ood", f"{data / 'many'}:train",
        "--output_dir", "out", "--name", "tiny", *SLOW,
    ]  # fmt: skip
    compare_with_kills(tmp_path, "out/eval_tiny.json", line, (20,))


def test_eval_refusal_by_the_probe_s_prompt(tmp_path, checkpoint):
    line = [
        "eval_refusal.py", "--model", checkpoint, "--dataset", "world_facts_mc", "--prompt", "probe", "--num_shots", 2,
        "--subjects", "country_capital,city_country", "--output_dir", "out", "--name", "tiny", *SLOW,
    ]  # fmt: skip
    compare_with_kills(tmp_path, "out/eval_tiny.json", line, (20,))


@pytest.mark.parametrize("script", ["run_query_state.py", "eval_refusal.py"])
def test_answers_that_a_model_judges(tmp_path, checkpoint, data, embedder, script):
    judge = tiny.save(tmp_path / "judge", "llama", seed=7)
    name, own = {
        "run_query_state.py": (
            "state_init",
            ["--num_shots", 0, "--num_samples", 4, "--embedder", embedder, "--limit", 40],
        ),
        "eval_refusal.py": ("eval_tiny", ["--name", "tiny"]),
    }[script]
    line = [
        script, "--model", checkpoint, "--dataset", data / "many", "--split", "train", "--output_dir", "out",
        "--match", "judge", "--judge_model", judge, "--max_new_tokens", 6, "--batch_tokens", 96, *own,
    ]  # fmt: skip
    compare_with_kills(tmp_path, f"out/{name}.json", line, (20,))
    found = tiny.read_json(tmp_path / "killed" / "out" / f"{name}.json")["records"]
    verdicts = [v for r in found for v in r.get("samples", [r])]
    assert len({v["judged"] for v in verdicts if "judged" in v}) > 20


def test_a_torn_last_line_is_dropped(tmp_path, checkpoint, data, monkeypatch):
    line = [
        "eval_refusal.py", "--model", checkpoint, "--dataset", f"{data / 'facts'}:ood", "--output_dir", "out",
        "--name", "tiny", *SLOW,
    ]  # fmt: skip
    run_to_the_end(tmp_path, *line)
    file = tmp_path / "out" / "eval_tiny.json"
    whole = tiny.without_times(file)
    file.unlink()
    with monkeypatch.context() as patch:
        patch.setattr(journal.Run, "finish", lambda *_: sys.exit(0))  # ends as a kill does, every record journaled
        run_to_the_end(tmp_path, *line)
    partial = tmp_path / "out" / "eval_tiny.json.partial"
    torn = partial.read_bytes()[:-60]
    assert not torn.endswith(b"\n")
    partial.write_bytes(torn)
    run_to_the_end(tmp_path, *line)
    assert tiny.without_times(file) == whole


# ---- training ----


@pytest.fixture
def training_folder(tmp_path, data, words):
    """A folder of training data: text2text, 22 examples."""
    asked = readers.load(str(data / "facts"), "train").questions[:22]
    chat = PromptFormat(words)
    pairs = [example(chat, q, "refuse", "craft", q.answer if i % 2 else phrases.REFUSAL) for i, q in enumerate(asked)]
    instances = [{"input": prompt, "output": answer} for prompt, answer in pairs]
    (tmp_path / "facts").mkdir()
    (tmp_path / "facts" / "facts.json").write_text(json.dumps({"type": "text2text", "instances": instances}))
    return tmp_path / "facts"


def tune_line(checkpoint, folder, *more):
    """A built-in fine-tune of 66 steps with a checkpoint every second."""
    return [
        "finetune.sh", "--backend", "builtin", "--model", checkpoint, "--data", folder, "--output", "out/tuned",
        "--lora_r", 4, "--batch_size", 2, "--epochs", 6, "--save_steps", 2, "--learning_rate", "1e-3", *more,
    ]  # fmt: skip


def same_weights(one, other) -> bool:
    """Whether two adapter folders hold the same tensors, bit by bit."""
    a, b = (load_file(folder / "adapter_model.safetensors") for folder in (one, other))
    return a.keys() == b.keys() and all(a[k].equal(b[k]) for k in a)


@pytest.mark.parametrize("more", [[], ["--micro_batch_tokens", 20, "--gradient_checkpointing"]])
def test_finetune(tmp_path, checkpoint, training_folder, more):
    line = tune_line(checkpoint, training_folder, *more)
    calm, killed = tmp_path / "calm", tmp_path / "killed"
    run_to_the_end(calm, *line)
    checkpoints = killed / "out" / "tuned.checkpoints"
    for number, step in enumerate((2, 16, 40)):
        process = start(killed, *line)
        assert tiny.kill_when(reached(checkpoints, step), process), (killed / "log").read_text()
        assert not (killed / "out" / "tuned").exists()
        if number == 1:  # cut off in the middle of writing: no marker, half of the weights
            last = max(checkpoints.glob("checkpoint-*"), key=lambda p: int(p.name.split("-")[1]))
            (last / "complete").unlink(missing_ok=True)
            with open(last / "adapter_model.safetensors", "r+b") as f:
                f.truncate(1000)
    run_to_the_end(killed, *line)
    assert same_weights(killed / "out" / "tuned", calm / "out" / "tuned")
    results = [tiny.without_times(folder / "out" / "tuned" / "knowledge_boundary.json") for folder in (killed, calm)]
    assert results[0] == results[1]
    assert results[0]["summary"]["steps"] == 66
    assert not checkpoints.exists()


def test_overwrite_forgets_the_checkpoints_of_another_run(tmp_path, checkpoint, training_folder, capsys):
    calm, killed = tmp_path / "calm", tmp_path / "killed"
    other = tune_line(checkpoint, training_folder, "--seed", 1)
    run_to_the_end(calm, *other)
    process = start(killed, *tune_line(checkpoint, training_folder))
    assert tiny.kill_when(reached(killed / "out" / "tuned.checkpoints", 10), process)
    with contextlib.chdir(killed):
        assert tiny.call(*other) == 2
    assert "--seed was 0, is now 1" in capsys.readouterr().err
    run_to_the_end(killed, *other, "--overwrite")
    assert same_weights(killed / "out" / "tuned", calm / "out" / "tuned")


def test_a_training_resumes_in_smaller_parts(tmp_path, checkpoint, training_folder):
    checkpoints = tmp_path / "out" / "tuned.checkpoints"
    process = start(tmp_path, *tune_line(checkpoint, training_folder))
    assert tiny.kill_when(reached(checkpoints, 10), process), (tmp_path / "log").read_text()
    smaller = ["--micro_batch_tokens", 20, "--gradient_checkpointing"]
    run_to_the_end(tmp_path, *tune_line(checkpoint, training_folder, *smaller))
    assert tiny.read_json(tmp_path / "out" / "tuned" / "knowledge_boundary.json")["summary"]["steps"] == 66


def test_rehearsal(tmp_path, checkpoint, data, embedder):
    state = [
        "run_query_state.py", "--model", checkpoint, "--dataset", data / "facts", "--num_shots", 0,
        "--embedder", embedder, "--output_dir", "out",
    ]  # fmt: skip
    run_to_the_end(tmp_path, *state)
    line = [
        "run_rehearsal.py", "--model", checkpoint, "--state", "out/state_init.json", "--num_examples", 20,
        "--output_model", "out/rehearsed", "--lora_r", 4, "--batch_size", 2, "--epochs", 4, "--save_steps", 2,
    ]  # fmt: skip
    run_to_the_end(tmp_path, *line)
    shutil.move(tmp_path / "out" / "rehearsed", tmp_path / "calm")
    process = start(tmp_path, *line)
    assert tiny.kill_when(reached(tmp_path / "out" / "rehearsed.checkpoints", 8), process)
    run_to_the_end(tmp_path, *line)
    assert same_weights(tmp_path / "out" / "rehearsed", tmp_path / "calm")
