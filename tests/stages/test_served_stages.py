"""The stages on a served model: llama.cpp's server with the embedded model's weights, beside the same weights here."""

import contextlib
import json
from types import SimpleNamespace

import numpy as np
import pytest
import tiny
from llama_server import Llama, Proxy, float_file, needs_llama

from knowledge_boundary import cli, quickstart
from knowledge_boundary.models import families

pytestmark = [needs_llama, pytest.mark.skipif(not families.MODERN, reason="the embedded model needs transformers 5")]
SUBJECTS = "country_capital,element_symbol"
CLOSE = 3e-3  # the server's cache holds 16 bits


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    """The server, with weights in float32 as the stages hold them."""
    file = float_file(tmp_path_factory.mktemp("float"))
    server = Llama(file=file, remembers=True).start()
    yield server
    server.stop()
    file.unlink()


@pytest.fixture
def both(llama, tmp_path, monkeypatch):
    """``(file, line) → (what a served model gave, what the weights gave)`` of a stage."""
    monkeypatch.chdir(tmp_path)

    def run(file, script, *flags):
        served = ["--model", "openai:", "--base_url", f"{llama.url}/"]
        for out, model in (("served", served), ("here", ["--model", "smollm2"])):
            assert tiny.call(script, *model, *flags, "--output_dir", out) == 0
        return [tiny.read_json(tmp_path / out / file) for out in ("served", "here")]

    return run


def test_letters_are_the_weights_own(both, tmp_path):
    line = ["run_MMLU.py", "--dataset", "world_facts_mc", "--split", "test", "--subjects", SUBJECTS, "--limit", 4]
    served, here = both("boundary.json", *line, "--num_shots", 2)
    for one, other in zip(served["records"], here["records"], strict=True):
        assert one["probs"] == pytest.approx(other["probs"], abs=CLOSE)
        assert one["letter_mass"] == pytest.approx(other["letter_mass"], abs=CLOSE)
        assert one["prediction"] == other["prediction"]
    accuracies = [{s: r["accuracy"] for s, r in f["summary"]["subjects"].items()} for f in (served, here)]
    assert accuracies[0] == accuracies[1]
    assert served["summary"]["served"]["letters"] == {"top_logprobs": 8}
    assert served["summary"]["served"]["requests"] >= 8
    pairs = [json.loads((tmp_path / r["summary"]["training_data"]).read_text())["instances"] for r in (served, here)]
    for one, other in zip(*pairs, strict=True):
        assert one["input"] == other["input"]
        assert other["output"].startswith(one["output"])  # the end token is the model's own


def test_letters_behind_the_server_s_template(both):
    line = [
        "run_query_state.py",
        "--dataset",
        "world_facts_mc",
        "--split",
        "test",
        "--subjects",
        SUBJECTS,
        "--limit",
        2,
    ]
    served, here = both("state_init.json", *line, "--num_shots", 1, "--chat_template")
    for one, other in zip(served["records"], here["records"], strict=True):
        assert one["probs"] == pytest.approx(other["probs"], abs=CLOSE)
        assert (one["cor"], one["cer"]) == pytest.approx((other["cor"], other["cer"]), abs=CLOSE)
    assert served["summary"]["estimator"] == "exact"


def test_answers_are_the_weights_own(both, embedder):
    line = ["run_query_state.py", "--dataset", "world_facts", "--split", "test", "--subjects", SUBJECTS, "--limit", 3]
    served, here = both(
        "state_init.json", *line, "--num_shots", 3, "--num_samples", 12, "--max_new_tokens", 12, "--embedder", embedder
    )
    greedy = [[r["greedy"]["text"] for r in found["records"]] for found in (served, here)]
    assert greedy[0] == greedy[1]
    cors = np.array([[r["cor"] for r in found["records"]] for found in (served, here)])
    # Each of 12 draws: seven standard errors of the difference of two means over six questions.
    assert abs(cors[0].mean() - cors[1].mean()) <= 7 * np.sqrt(2 * 0.25 / (6 * 12))
    assert all(len(r["samples"]) == 12 for r in served["records"])


def test_evaluation_is_that_of_the_weights(both, embedder):
    line = ["eval_refusal.py", "--prompt", "refuse", "--name", "x", "--subjects", SUBJECTS, "--limit", 2]
    line += ["--dataset", "world_facts:test", "world_facts_mc:test", "--max_new_tokens", 16, "--num_samples", 3]
    served, here = both("eval_x.json", *line, "--embedder", embedder)
    for one, other in zip(served["records"], here["records"], strict=True):
        assert (one["output"], one["outcome"]) == (other["output"], other["outcome"])
        for name in ("p_answer", "p_sure", "confidence"):
            assert one[name] == pytest.approx(other[name], abs=CLOSE)
        if one["outcome"] != "refused":
            assert one["forced"]["p"] == pytest.approx(other["forced"]["p"], abs=CLOSE)
        assert one["p_refusal"] is None
    assert sum(served["summary"]["served"]["sureness"].values()) == 8
    assert served["summary"]["served"]["sureness"].keys() <= {"top_logprobs", "more_logprobs"}


def test_refusing_by_a_letter(both):
    line = ["eval_refusal.py", "--prompt", "refuse", "--refusal", "letter", "--name", "x", "--subjects", SUBJECTS]
    served, here = both("eval_x.json", *line, "--limit", 2, "--dataset", "world_facts_mc:test")
    for one, other in zip(served["records"], here["records"], strict=True):
        assert one["probs"] == pytest.approx(other["probs"], abs=CLOSE)
        assert (one["outcome"], one["score"]) == (other["outcome"], pytest.approx(other["score"], abs=1e-2))


def test_the_probe_s_prompt(both):
    line = ["eval_refusal.py", "--prompt", "probe", "--num_shots", 2, "--name", "x", "--subjects", SUBJECTS]
    served, here = both("eval_x.json", *line, "--limit", 2, "--dataset", "world_facts_mc:test", "--max_new_tokens", 8)
    for one, other in zip(served["records"], here["records"], strict=True):
        assert (one["output"], one["outcome"], one["greedy"]) == (other["output"], other["outcome"], other["greedy"])
        assert one["p_sure"] == pytest.approx(other["p_sure"], abs=CLOSE)


def test_a_served_judge_judges_as_its_weights_do(llama, tmp_path, monkeypatch, data, checkpoint):
    monkeypatch.chdir(tmp_path)
    line = ["eval_refusal.py", "--model", checkpoint, "--dataset", f"{data / 'facts'}:dev", "--name", "x"]
    line += ["--match", "judge", "--max_new_tokens", 8]
    assert tiny.call(*line, "--judge_model", "openai:", "--judge_base_url", llama.url, "--output_dir", "served") == 0
    assert tiny.call(*line, "--judge_model", "smollm2", "--output_dir", "here") == 0
    served, here = (tiny.read_json(tmp_path / out / "eval_x.json") for out in ("served", "here"))
    judged = [[r.get("judged") for r in found["records"]] for found in (served, here)]
    assert any(judged[0])
    assert judged[0] == pytest.approx(judged[1], abs=CLOSE)
    assert served["meta"]["judge"]["served"]["url"] == llama.url
    assert served["summary"]["served"]["judge"]["verdicts"]["top_logprobs"] > 0
    assert not list(tmp_path.rglob("*.partial*"))


def test_a_served_model_s_answers_are_judged_by_a_model_here(llama, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = ["eval_refusal.py", "--model", "openai:", "--base_url", llama.url, "--dataset", "world_facts:test"]
    line += ["--subjects", "city_country", "--limit", 2, "--max_new_tokens", 8, "--name", "x", "--output_dir", "out"]
    assert tiny.call(*line, "--match", "judge", "--judge_model", "smollm2", "--dtype", "float32") == 0
    found = tiny.read_json(tmp_path / "out/eval_x.json")
    assert found["meta"]["judge"]["name"] == "smollm2"
    assert "judge" not in found["summary"]["served"]


def test_without_log_probabilities_evaluation_and_report_say_what_is_left(llama, tmp_path, monkeypatch):
    """A host that gives none: rates and THS stand, what needs probabilities is null, and the page is made."""

    def edit(path, body, forward):
        status, reply = forward({k: v for k, v in body.items() if "logprobs" not in k})
        return status, reply

    proxy = Proxy(llama.url.removesuffix("/v1"), edit=edit)
    monkeypatch.chdir(tmp_path)
    line = ["--model", "openai:", "--base_url", proxy.url, "--subjects", "city_country", "--limit", 1]
    line += ["--output_dir", "out"]
    own = ["--max_new_tokens", 8, "--dataset", "world_facts:test"]
    for name in ("basic", "refuse"):
        assert tiny.call("eval_refusal.py", *line, *own, "--prompt", name, "--name", name) == 0
    letters = ["--dataset", "world_facts_mc", "--split", "test", "--num_shots", 1]
    assert tiny.call("run_query_state.py", *line, *letters) == 0
    state = tiny.read_json(tmp_path / "out/state_init.json")
    assert state["summary"]["estimator"] == "sample"
    assert set(state["summary"]["served"]["letters"]) <= {"sampled", "unreadable"}
    assert tiny.call("run_query_state.py", *line, *letters, "--estimator", "exact", "--overwrite") == 2
    proxy.stop()
    found = tiny.read_json(tmp_path / "out/eval_refuse.json")
    assert all(r["p_answer"] is None and r["confidence"] is None for r in found["records"])
    files = ["out/eval_basic.json", "out/eval_refuse.json"]
    assert tiny.call("eval_refusal.py", "--compare", *files, "--include", "out/state_init.json") == 0
    assert (tmp_path / "out/report.html").exists()


@pytest.mark.parametrize(
    "line",
    [
        ["run_rehearsal.py"],
        ["build_rait_data.py", "--method", "craft"],
        ["finetune.sh", "--data", "x", "--output", "y"],
        ["finetune.sh", "--backend", "lmflow", "--data", "x", "--output", "y"],
        ["finetune.sh", "--backend", "llamafactory", "--data", "x", "--output", "y"],
    ],
    ids=lambda line: " ".join(line[:3]),
)
def test_stages_that_need_weights_say_so_in_one_line(tmp_path, line):
    script, *flags = line
    run = tiny.shell(tmp_path, script, "--model", "openai:mine", *flags)
    assert run.returncode == 2
    (error,) = run.stderr.strip().splitlines()
    assert "openai:mine is behind a server, and this stage needs a model's weights" in error


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--dtype", "bfloat16"], "--dtype: is of weights that are loaded here"),
        (["--batch_tokens", 64], "--batch_tokens: is of weights"),
        (["--base_url", "localhost:80"], "is no URL of a server"),
        (["--base_url", "http://user:pa ss@"], "is no URL of a server"),
        (["--judge_base_url", "http://x"], "--judge_base_url: is of --judge_model"),
        (["--estimator", "mass"], "--estimator mass: needs the probability"),
    ],
)
def test_flags_that_do_not_go_with_a_served_model(tmp_path, flags, said, capfd):
    line = ["run_query_state.py", "--model", "openai:x", "--base_url", "http://127.0.0.1:9", "--num_shots", 0]
    with contextlib.chdir(tmp_path):
        assert tiny.call(*line, *flags) == 2
    (error,) = capfd.readouterr().err.strip().splitlines()
    assert said in error
    assert "pa ss" not in error
    assert not list(tmp_path.iterdir())


def test_flags_of_servers_need_one(tmp_path, checkpoint, capfd):
    with contextlib.chdir(tmp_path):
        assert tiny.call("run_MMLU.py", "--model", checkpoint, "--dataset", "world_facts_mc", "--concurrency", 3) == 2
    assert "--concurrency: is of --model openai:NAME" in capfd.readouterr().err


def test_a_model_that_the_server_does_not_have(llama, tmp_path, capfd):
    line = ["run_MMLU.py", "--model", "openai:gpt-9", "--base_url", llama.url, "--dataset", "world_facts_mc"]
    with contextlib.chdir(tmp_path):
        assert tiny.call(*line) == 2
    error = capfd.readouterr().err.strip().splitlines()[-1]
    assert "openai:gpt-9: no such model there" in error
    assert "smollm2-f32.gguf" in error


def test_a_password_in_the_url_is_sent_and_shown_nowhere(llama, tmp_path, capfd):
    proxy = Proxy(llama.url.removesuffix("/v1"))
    url = proxy.url.replace("http://", "http://me:pass%20word@") + "?api-version=7x7"
    line = ["run_MMLU.py", "--model", "openai:smollm2-f32", "--base_url", url, "--dataset", "world_facts_mc"]
    with contextlib.chdir(tmp_path):
        assert tiny.call(*line, "--subjects", "city_country", "--limit", 1, "--num_shots", 0, "--output_dir", "o") == 0
    proxy.stop()
    written = "".join(path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file())
    said = capfd.readouterr()
    for secret in ("pass word", "pass%20word", "7x7"):
        assert secret not in written + said.out + said.err
    assert all("7x7" in path and "Basic" in headers["Authorization"] for path, headers, _ in proxy.asked[:1])
    assert tiny.read_json(tmp_path / "o/boundary.json")["meta"]["args"]["base_url"] == proxy.url


def chain(monkeypatch, *flags) -> tuple:
    """(exit code, the stages' environments) of quickstart.sh's Python with ``flags``, its stages in this process."""
    environments = []

    def ran(program, env, check):
        environments.append(env)
        with monkeypatch.context() as patch:
            patch.setattr("os.environ", env)
            return SimpleNamespace(returncode=tiny.call(*program[1:]))

    monkeypatch.setattr(quickstart, "subprocess", SimpleNamespace(run=ran))
    monkeypatch.setattr("sys.argv", ["quickstart.sh", *map(str, flags)])
    try:
        cli.run(quickstart.main)
    except SystemExit as e:
        return e.code, environments
    return 0, environments


def test_the_whole_chain_from_a_url(llama, tmp_path, monkeypatch, capfd, embedder):
    cities = (("France", "Paris"), ("Italy", "Rome"), ("Spain", "Madrid"), ("Japan", "Tokyo"))
    rows = [{"question": f"What is the capital of {place}?", "answer": city} for place, city in cities]
    rows += [{"question": f"What is {n} plus {n}?", "answer": str(2 * n)} for n in range(1, 5)]
    file = tiny.write_jsonl(tmp_path / "mine.jsonl", rows)
    monkeypatch.chdir(tmp_path)
    url = llama.url.replace("http://", "http://me:hunter2@")
    line = ["--model", "openai:", "--base_url", url, "--dataset", file, "--name", "served", "--embedder", embedder]
    code, environments = chain(
        monkeypatch, *line, "--num_samples", 2, "--max_new_tokens", 6, "--num_shots", 0, "--overwrite"
    )
    said = capfd.readouterr()
    assert code == 0, said.err
    assert "run_rehearsal.py, build_rait_data.py and finetune.sh need weights" in said.out
    assert "hunter2" not in said.out + said.err
    assert all("hunter2" in env["OPENAI_BASE_URL"] for env in environments)
    out = tmp_path / "results/served"
    assert (out / "report.html").exists()
    assert {"state_init.json", "eval_init_basic.json", "eval_init_refuse.json"} <= {p.name for p in out.iterdir()}
    assert chain(monkeypatch, *line, "--lora_r", 4)[0] == 2
    assert "--lora_r: is of training" in capfd.readouterr().err
