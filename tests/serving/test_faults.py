"""Served models through a proxy that fails: nothing is lost, nothing is asked twice that was answered."""

import contextlib
import json
import random
import subprocess
import sys
import time

import llama_server
import pytest
import tiny
from llama_server import Llama, Proxy, every, needs_llama

pytestmark = needs_llama
FACTS = "country_capital,element_symbol"


@pytest.fixture(scope="module")
def llama():
    server = Llama().start()
    yield server
    server.stop()


def query(url, embedder, out, *more):
    """The flags of a small state query: three open questions, three answers each."""
    return [
        "run_query_state.py", "--model", "openai:", "--base_url", url, "--dataset", "world_facts", "--split", "test",
        "--subjects", FACTS, "--limit", 2, "--num_shots", 1, "--num_samples", 3, "--max_new_tokens", 8,
        "--embedder", embedder, "--output_dir", out, *more,
    ]  # fmt: skip


def judged(path) -> dict:
    """What a run has found: its file without times, and without what faults cost."""
    found = tiny.without_times(path)
    served = found["summary"].pop("served")
    for name in ("retries", "seconds"):
        served.pop(name)
    for name in ("base_url", "concurrency", "max_requests"):
        found["meta"]["args"].pop(name)
    found["meta"]["model"]["served"].pop("url")
    return found | {"served": served}


@pytest.fixture(scope="module")
def calm(llama, embedder, tmp_path_factory):
    """An undisturbed run's result, and its requests: {body: how often it was answered}."""
    folder = tmp_path_factory.mktemp("calm")
    proxy = Proxy(llama.url.removesuffix("/v1"))
    with contextlib.chdir(folder):
        assert tiny.call(*query(proxy.url, embedder, "out")) == 0
    proxy.stop()
    # One draw is asked for twice on trial, to see whether seeds are heeded.
    assert sorted(proxy.answered.values())[-2:] == [1, 2]
    return judged(folder / "out/state_init.json"), proxy.answered


def check_whole(folder, proxy, calm, twice: int = 0):
    """Whether a disturbed run ended as an undisturbed one does, and was answered as often, but for ``twice``."""
    found, answered = calm
    assert judged(folder / "out/state_init.json") == found
    assert proxy.answered.keys() == answered.keys()
    assert 0 <= sum((proxy.answered - answered).values()) <= twice
    assert not answered - proxy.answered
    assert not list((folder / "out").glob("*.partial*"))


@pytest.mark.parametrize("fault", ["busy", "failing", "cut", "half", "torn", "nonsense", "page"])
def test_a_fault_at_every_third_request_changes_nothing(tmp_path, llama, embedder, calm, fault):
    proxy = Proxy(llama.url.removesuffix("/v1"), every(3, getattr(llama_server, fault)))
    with contextlib.chdir(tmp_path):
        assert tiny.call(*query(proxy.url, embedder, "out", "--concurrency", 2)) == 0
    proxy.stop()
    check_whole(tmp_path, proxy, calm)
    served = tiny.read_json(tmp_path / "out/state_init.json")["summary"]["served"]
    assert served["retries"] >= len(calm[1]) // 3
    assert served["requests"] == calm[0]["served"]["requests"]


def test_half_a_minute_without_a_word_changes_nothing(tmp_path, llama, embedder, calm):
    proxy = Proxy(
        llama.url.removesuffix("/v1"), lambda number, handler: number == 15 and (llama_server.stalled(handler) or True)
    )
    with contextlib.chdir(tmp_path):
        assert tiny.call(*query(proxy.url, embedder, "out")) == 0
    proxy.stop()
    check_whole(tmp_path, proxy, calm)


def test_a_refused_key_ends_the_run_at_its_first_request(tmp_path, embedder, monkeypatch, capfd):
    server = Llama(key="right").start()
    proxy = Proxy(server.url.removesuffix("/v1"))
    try:
        for key, said in ((None, "OPENAI_API_KEY is not set"), ("sk-wrong-0123", "OPENAI_API_KEY is refused")):
            monkeypatch.delenv("OPENAI_API_KEY", raising=False)
            if key:
                monkeypatch.setenv("OPENAI_API_KEY", key)
            with contextlib.chdir(tmp_path):
                assert tiny.call(*query(proxy.url, embedder, "out")) == 2
            error = capfd.readouterr().err.strip().splitlines()
            assert len(error) == 1
            assert said in error[0]
            assert "sk-wrong" not in error[0]
        assert not proxy.answered
        assert len(proxy.asked) <= 2
        assert not list(tmp_path.rglob("*.json*"))
        monkeypatch.setenv("OPENAI_API_KEY", "right")
        with contextlib.chdir(tmp_path):
            assert tiny.call(*query(proxy.url, embedder, "out")) == 0
        written = "".join(path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file())
        said = capfd.readouterr()
        assert "right" not in {*written.split('"')}
        assert "Bearer" not in written + said.out + said.err
    finally:
        proxy.stop()
        server.stop()


def test_kills_at_random_lose_nothing(tmp_path, llama, embedder, calm):
    proxy = Proxy(llama.url.removesuffix("/v1"))
    draw, kills, ended = random.Random(3), 0, False
    while not ended:
        process = tiny.fork(tmp_path, *query(proxy.url, embedder, "out", "--concurrency", 2))
        wanted = sum(proxy.answered.values()) + draw.randint(1, 7)
        ended = not tiny.kill_when(lambda wanted=wanted: sum(proxy.answered.values()) >= wanted, process)
        kills += not ended
    proxy.stop()
    assert kills >= 3
    # Only what was on its way when the client was killed was asked again.
    check_whole(tmp_path, proxy, calm, twice=2 * kills)


def test_a_server_that_starts_again_in_the_middle(tmp_path, embedder, calm):
    server = Llama().start()

    def restart(number, handler) -> bool:
        if number != 16:
            return False
        server.stop()
        time.sleep(2)
        server.start()
        llama_server.cut(handler)
        return True

    proxy = Proxy(server.url.removesuffix("/v1"), restart)
    try:
        with contextlib.chdir(tmp_path):
            assert tiny.call(*query(proxy.url, embedder, "out", "--concurrency", 2)) == 0
    finally:
        proxy.stop()
        server.stop()
    check_whole(tmp_path, proxy, calm)


def test_no_server_is_one_line(tmp_path, embedder, capfd):
    with contextlib.chdir(tmp_path):
        assert tiny.call(*query("http://user:secret@127.0.0.1:9/v1", embedder, "out")) == 2
    (error,) = capfd.readouterr().err.strip().splitlines()
    assert "--base_url http://127.0.0.1:9/v1: no answer" in error
    assert "secret" not in error
    assert not list(tmp_path.rglob("*.json*"))


def test_a_bound_on_requests_stops_a_run_which_goes_on(tmp_path, llama, embedder, calm, capfd):
    proxy, runs = Proxy(llama.url.removesuffix("/v1")), 0
    line = query(proxy.url, embedder, "out", "--max_requests", 9, "--concurrency", 3)
    with contextlib.chdir(tmp_path):
        while tiny.call(*line) == 2:
            runs += 1
            assert "--max_requests 9: reached" in capfd.readouterr().err
            assert sum(proxy.answered.values()) <= 9 * runs
            assert runs < 9
    proxy.stop()
    assert runs >= 2
    check_whole(tmp_path, proxy, calm)


def test_a_server_of_another_model_does_not_resume_a_run(tmp_path, llama, embedder, capfd):
    other = Proxy(llama.url.removesuffix("/v1"))
    forward = other.forward

    def as_another(path, body, headers):
        status, content = forward(path, body, headers)
        return status, content.replace(b'"n_vocab":49152', b'"n_vocab":49153') if "models" in path else content

    with contextlib.chdir(tmp_path):
        assert tiny.call(*query(other.url, embedder, "out", "--max_requests", 12)) == 2
        other.forward = as_another
        assert tiny.call(*query(other.url, embedder, "out")) == 2
    assert "is of another run" in capfd.readouterr().err
    other.stop()


def test_an_answer_on_disk_that_is_damaged_is_named(tmp_path, llama, embedder, capfd):
    line = query(llama.url, embedder, "out", "--max_requests", 12)
    with contextlib.chdir(tmp_path):
        assert tiny.call(*line) == 2
        (kept,) = tmp_path.glob("out/*.served")
        whole = kept.read_text()
        assert all(json.loads(one)["key"] for one in whole.splitlines()[1:])
        kept.write_text(whole + '{"torn')  # a kill in the middle of writing
        assert tiny.call(*line) in (0, 2)
        first, rest = whole.split("\n", 1)
        kept.write_text(f"{first}\n[]\n{rest}")
        assert tiny.call(*line) == 2
    assert "line 2 is damaged" in capfd.readouterr().err


def test_a_key_is_in_no_traceback(llama, embedder, tmp_path):
    run = subprocess.run(
        list(map(str, [sys.executable, tiny.ROOT / "run_query_state.py", *query(llama.url, embedder, "out")[1:]])),
        cwd=tmp_path, env=tiny.environment(OPENAI_API_KEY="sk-0123456789", OPENAI_LOG="debug"),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0
    assert "sk-0123456789" not in run.stdout + run.stderr
