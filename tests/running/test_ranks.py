"""torchrun's processes divide a stage: the same records as one process, resumed by any number, on several hosts."""

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest
import tiny
from processes import child, free_port, output, torchrun

from knowledge_boundary.running import errors, journal, ranks, results

SLOW = ["--batch_tokens", "1"]  # one question a batch
NOTE = "the same command resumes"


def alone(cwd, *line):
    """Run a stage to its end, in this process."""
    cwd.mkdir(exist_ok=True)
    with contextlib.chdir(cwd):
        assert tiny.call(*line) == 0


def wait_until(ready, seconds=120):
    """Whether ``ready()`` came true in time."""
    end = time.monotonic() + seconds
    while not ready() and time.monotonic() < end:
        time.sleep(0.005)
    return ready()


def lines(path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


# ---- the stages ----


@pytest.fixture
def mmlu_line(checkpoint):
    return [
        "run_MMLU.py", "--model", checkpoint, "--dataset", "world_facts_mc", "--num_shots", 2, "--limit", 40,
        "--subjects", "country_capital,city_country", "--output_dir", "out",
    ]  # fmt: skip


def same_as_alone(single, folder):
    """Whether a host has what one process alone has written, and printed its summary once."""
    wanted = tiny.without_times(single / "out/boundary.json")
    data = Path(wanted["summary"]["training_data"])
    assert tiny.without_times(folder / "out/boundary.json") == wanted
    assert (folder / data).read_bytes() == (single / data).read_bytes()
    assert sorted(p.name for p in (folder / "out").iterdir()) == ["boundary.json", "boundary.png"]
    assert output(folder).count("Next: ") == 1


def test_run_mmlu_by_two_processes(tmp_path, mmlu_line):
    line = [*mmlu_line, "--batch_tokens", 500]
    single, two = tmp_path / "single", tmp_path / "two"
    alone(single, *line)
    assert torchrun(two, 2, *line).wait() == 0
    same_as_alone(single, two)


def test_run_mmlu_by_two_hosts_without_a_common_folder_one_of_them_killed(tmp_path, mmlu_line):
    single, first, second = (tmp_path / name for name in ("single", "first", "second"))
    alone(single, *mmlu_line, *SLOW)

    def start():
        port = free_port()
        return [
            torchrun(cwd, 1, *mmlu_line, *SLOW, nodes=2, node=i, port=port) for i, cwd in enumerate((first, second))
        ]

    journals = [first / "out/boundary.json.partial", second / "out/boundary.json.partial.1"]
    hosts = start()
    assert wait_until(lambda: lines(journals[1]) > 3)
    os.kill(child(hosts[1], 1), signal.SIGKILL)
    assert 0 not in [host.wait() for host in hosts]
    assert output(first).count(NOTE) == 1
    assert "Traceback" not in output(first)
    assert min(map(lines, journals)) > 3

    assert [host.wait() for host in start()] == [0, 0], output(first) + output(second)
    same_as_alone(single, first)
    assert list((second / "out").iterdir()) == []
    assert "Next: " not in output(second)


def test_a_killed_rank_ends_the_run_with_one_line_and_three_processes_resume_what_two_left(
    tmp_path, checkpoint, data, embedder
):
    line = [
        "run_query_state.py", "--model", checkpoint, "--dataset", data / "many", "--num_shots", 0,
        "--embedder", embedder, "--output_dir", "out", "--limit", 40, "--num_samples", 4, "--max_new_tokens", 8, *SLOW,
    ]  # fmt: skip
    single, divided = tmp_path / "single", tmp_path / "divided"
    alone(single, *line)
    file = divided / "out/state_init.json"
    journals = [file.with_name(f"state_init.json.partial{end}") for end in ("", ".1", ".2")]
    launcher = torchrun(divided, 2, *line)
    assert wait_until(lambda: min(map(lines, journals[:2])) > 5)
    os.kill(child(launcher, 1), signal.SIGKILL)
    assert launcher.wait() != 0
    said = output(divided)
    assert said.count(NOTE) == 1
    assert "Traceback" not in said
    assert not file.exists()
    left = sum(map(lines, journals[:2])) - 2
    assert 0 < left < 40

    launcher = torchrun(divided, 3, *line)
    assert wait_until(lambda: lines(journals[2]) > 1)
    assert launcher.wait() == 0, output(divided)
    assert f" {left}/{left + -((left - 40) // 3)} " in output(divided)  # the bar begins with what is finished
    assert tiny.without_times(file) == tiny.without_times(single / "out/state_init.json")
    assert sorted(p.name for p in file.parent.iterdir()) == ["state_init.json", "state_init.png"]


@pytest.mark.parametrize("judged", [False, True])
def test_eval_refusal_by_two_processes(tmp_path, checkpoint, data, judged):
    how = SLOW
    if judged:
        judge = tiny.save(tmp_path / "judge", "llama", seed=7)
        how = ["--match", "judge", "--judge_model", judge, "--batch_tokens", 96]
    line = [
        "eval_refusal.py", "--model", checkpoint, "--dataset", f"{data / 'facts'}:ood", f"{data / 'facts'}:dev",
        "--output_dir", "out", "--name", "tiny", *how,
    ]  # fmt: skip
    single, two = tmp_path / "single", tmp_path / "two"
    alone(single, *line)
    assert torchrun(two, 2, *line).wait() == 0
    assert tiny.without_times(two / "out/eval_tiny.json") == tiny.without_times(single / "out/eval_tiny.json")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (["run_MMLU.py", "--dataset", "nowhere/at_all"], "run_MMLU.py: --dataset nowhere/at_all"),
        (["build_rait_data.py"], "build_rait_data.py: runs in one process"),
    ],
)
def test_what_all_processes_meet_is_said_once(tmp_path, line, says):
    launcher = torchrun(tmp_path / "bad", 2, *line)
    assert launcher.wait() != 0
    said = output(tmp_path / "bad")
    assert said.count(says) == 1
    assert len(said.splitlines()) == 1


# ---- the division ----


def a_run(folder, monkeypatch, rank=0, world=1, others=(), **flags):
    """A resumed ``Run`` of rank ``rank``; ``others`` are the keys that lower ranks have found."""
    run = journal.Run("run_MMLU", folder / "boundary.json", {"seed": 0, **flags})
    monkeypatch.setattr(ranks, "rank", lambda: rank)
    monkeypatch.setattr(ranks, "world", lambda: world)
    identity = results.clean(run.identity())
    monkeypatch.setattr(ranks, "exchange", lambda value: [*((identity, list(keys)) for keys in others), value])
    run.resume()
    return run


@pytest.mark.parametrize("world", [1, 2, 3, 7])
def test_unfinished_batches_go_to_the_ranks_in_turn_across_groups(tmp_path, monkeypatch, world):
    groups = [[f"{g}/{i}" for i in range(n)] for g, n in enumerate((5, 1, 9))]
    finished = {"0/0", "0/3", "2/4", "2/5", "2/8"}
    batches = [(g, [i]) for g, keys in enumerate(groups) for i in range(len(keys) - 1)] + [(2, [7, 8])]
    done_by = []
    for rank in range(world):
        run = a_run(tmp_path, monkeypatch, rank, world, [finished])
        skips = [run.skip(keys) for keys in groups]
        done_by.append([(g, i) for g, i in batches if not skips[g](i)])
    everything = [b for part in done_by for b in part]
    assert sorted(everything) == [(g, i) for g, i in sorted(batches) if not {groups[g][j] for j in i} <= finished]
    assert max(map(len, done_by)) - min(map(len, done_by)) <= 1


def test_each_rank_has_a_journal_of_its_own_and_one_process_reads_them_all(tmp_path, monkeypatch):
    for rank in (0, 1, 11):
        run = a_run(tmp_path, monkeypatch, rank, 12, [[]] * rank)
        run.journal([{"id": f"s/{rank}", "cor": rank / 8}])
    names = ["boundary.json.partial", "boundary.json.partial.1", "boundary.json.partial.11"]
    assert sorted(p.name for p in tmp_path.iterdir()) == names
    (tmp_path / "boundary.json.partial.bak").write_text("not a journal")
    run = a_run(tmp_path, monkeypatch)
    assert run.done == {"s/0", "s/1", "s/11"}
    monkeypatch.undo()
    assert [r["cor"] for r in run.collect(["s/11", "s/0", "s/1"])] == [11 / 8, 0, 1 / 8]
    run.finish({}, [])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["boundary.json", "boundary.json.partial.bak"]


def test_a_process_of_another_command_is_refused(tmp_path, monkeypatch):
    other = journal.Run("run_MMLU", tmp_path / "x.json", {"seed": 1})
    run = journal.Run("run_MMLU", tmp_path / "x.json", {"seed": 0})
    monkeypatch.setattr(ranks, "exchange", lambda value: [(results.clean(other.identity()), []), value])
    with pytest.raises(errors.UserError, match="process 0 is of another run: --seed was 1, is now 0"):
        run.resume()
    assert list(tmp_path.iterdir()) == []


def test_without_torchrun_there_is_one_process(monkeypatch):
    assert (ranks.rank(), ranks.world(), ranks.launched()) == (0, 1, False)
    assert ranks.exchange("x") == ranks.gather("x") == ["x"]
    monkeypatch.setenv("WORLD_SIZE", "4")  # a cluster's own variable, and nobody to connect to
    assert not ranks.launched()


def test_a_rank_ends_without_its_interpreter(tmp_path, monkeypatch):
    """gloo's threads may want it for the tensors they hold, and abort; a model that was trained keeps them alive."""
    (tmp_path / "stage.py").write_text(
        "import sys\n"
        "from torch import distributed as dist\n"
        "from knowledge_boundary import cli\n"
        "from knowledge_boundary.running import ranks\n"
        "def main():\n"
        "    global kept\n"
        "    kept = dist.group.WORLD\n"
        "    sys.setswitchinterval(60)\n"  # no other thread has the interpreter until this one lets go of it
        "    ranks.exchange()\n"
        "    print('done', ranks.rank())\n"
        "cli.run(main, divided=True)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tiny.ROOT))
    assert torchrun(tmp_path, 4, tmp_path / "stage.py").wait() == 0, output(tmp_path)
    assert output(tmp_path) == "done 0\ndone 1\ndone 2\ndone 3\n"
