"""quickstart.sh's chain: its commands, the whole of it on a tiny model and one's own questions, and bad flags."""

import json
import shlex
from types import SimpleNamespace

import pytest
import tiny

from knowledge_boundary import chain, cli, quickstart

DRY = "--dry_run"


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A working folder with question sets: ``quiz`` (MMLU's layout), ``facts`` (a folder), ``more.jsonl``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("QUICK", raising=False)
    monkeypatch.delenv("CALLED_FROM", raising=False)
    for split, n in (("dev", 2), ("test", 10), ("val", 4)):
        (tmp_path / "quiz" / split).mkdir(parents=True)
        for subject in ("sums", "capitals"):
            lines = [f"What is {split} {i} of {subject}?,{i},{i + 1},{i + 2},{i + 3},{'ABCD'[i % 4]}" for i in range(n)]
            (tmp_path / "quiz" / split / f"{subject}_{split}.csv").write_text("\n".join(lines) + "\n")
    for split in ("train", "test"):
        rows = [{"question": f"What is {split} {i}?", "answer": str(i)} for i in range(6)]
        tiny.write_jsonl(tmp_path / "facts" / f"{split}.jsonl", rows)
    tiny.write_jsonl(tmp_path / "more.jsonl", rows)
    tiny.write_jsonl(tmp_path / "single.jsonl", rows[:1])
    tiny.write_jsonl(tmp_path / "odd" / "spring.jsonl", rows)
    (tmp_path / "empty").mkdir()
    return tmp_path


def run(monkeypatch, *flags) -> int:
    """quickstart.sh's Python with ``flags``, its stages in this process; returns the exit code."""
    ran = lambda program, **_: SimpleNamespace(returncode=tiny.call(*program[1:]))  # noqa: E731
    monkeypatch.setattr(quickstart, "subprocess", SimpleNamespace(run=ran))
    monkeypatch.setattr("sys.argv", ["quickstart.sh", *map(str, flags)])
    try:
        cli.run(quickstart.main)
    except SystemExit as e:
        return e.code
    return 0


def commands(out) -> list:
    """The commands that were printed, as words."""
    return [shlex.split(line[2:]) for line in out.splitlines() if line.startswith("$ ")]


def flag(words, name):
    """A flag's value in a command."""
    return words[words.index(f"--{name}") + 1]


# ---- the commands ----


@pytest.mark.skipif(not quickstart.families.MODERN, reason="the embedded model needs transformers 5")
@pytest.mark.parametrize(("quick", "name", "train"), [("", "quickstart", "100"), ("1", "quickstart-quick", "10")])
def test_without_flags_it_is_the_embedded_chain(own, monkeypatch, capsys, quick, name, train):
    monkeypatch.setenv("QUICK", quick)
    monkeypatch.setattr(quickstart.loading, "describe", lambda *_: {})
    assert run(monkeypatch, DRY) == 0
    found = commands(capsys.readouterr().out)
    assert [words[1] for words in found] == [
        "run_MMLU.py", "run_query_state.py", "run_rehearsal.py", "run_query_state.py", "build_rait_data.py",
        "finetune.sh", "finetune.sh", *["eval_refusal.py"] * 6,
    ]  # fmt: skip
    state = found[1]
    assert state[:2] == ["python", "run_query_state.py"]
    assert "--model" not in state
    assert [flag(state, f) for f in ("dataset", "split", "limit", "num_shots")] == ["world_facts", "train", train, "3"]
    assert flag(found[0], "scoring") == "cloze"
    assert flag(found[4], "name") == name
    assert flag(found[5], "learning_rate") == "2e-4"
    assert found[5][0] == "bash"
    assert flag(found[7], "output_dir") == f"results/{name}"
    models = ("init_basic", "init_refuse", "cor_rait", "craft")
    evaluated = [f"results/{name}/eval_{m}.json" for m in models]
    calibrated, compared = found[-2:]
    assert calibrated[calibrated.index("--calibrate") + 1 :][:5] == [*evaluated, "--sets"]
    assert flag(calibrated, "sets") == "world_facts/dev"
    assert compared[compared.index("--compare") + 1 :][:4] == evaluated
    assert compared[compared.index("--sets") + 1 :][:2] == ["world_facts/test", "world_facts/ood"]


def test_flags_go_to_the_stages_that_know_them(own, checkpoint, monkeypatch, capsys):
    flags = ["--n_van", 3, "--lora_r", 2, "--seed", 7, "--num_shots", 1, "--threshold", 0.3, "--dtype", "float32"]
    assert run(monkeypatch, "--model", checkpoint, "--dataset", "quiz", *flags, DRY) == 0
    *found, compared = commands(capsys.readouterr().out)
    assert flag(compared, "seed") == "7"
    for words in found:
        script = words[1]
        has = {f for f in ("n_van", "lora_r", "num_shots", "threshold") if f"--{f}" in words}
        assert has == {
            "run_MMLU.py": {"num_shots"}, "run_query_state.py": {"num_shots"}, "run_rehearsal.py": {"lora_r"},
            "build_rait_data.py": {"n_van", "threshold"}, "finetune.sh": {"lora_r"}, "eval_refusal.py": set(),
        }[script]  # fmt: skip
        assert flag(words, "seed") == "7"
        assert flag(words, "dtype") == "float32"


@pytest.mark.skipif(not quickstart.families.MODERN, reason="--load_in needs transformers 5")
def test_four_bits_go_to_all_that_hold_a_model(own, checkpoint, monkeypatch, capsys):
    pytest.importorskip("bitsandbytes")
    less = ["--load_in", "4bit", "--gradient_checkpointing", "--micro_batch_tokens", 64]
    line = ["--model", checkpoint, "--dataset", "quiz", *less]
    assert run(monkeypatch, *line, DRY) == 0
    *found, compared = commands(capsys.readouterr().out)
    assert "--load_in" not in compared
    for words in found:
        assert flag(words, "load_in") == "4bit"
        trains = words[1] in ("run_rehearsal.py", "finetune.sh")
        assert ("--gradient_checkpointing" in words, "--micro_batch_tokens" in words) == (trains, trains)
    assert run(monkeypatch, *line, "--lora_r", 0, DRY) == 2
    assert "weights in fewer bits can't be trained" in capsys.readouterr().err


def test_a_judge_goes_to_the_stages_that_judge(own, checkpoint, monkeypatch, capsys):
    (own / "root").mkdir()
    (own / "judge").symlink_to(checkpoint)
    monkeypatch.chdir(own / "root")
    monkeypatch.setenv("CALLED_FROM", str(own))
    how = ["--match", "judge", "--judge_model", "judge"]
    assert run(monkeypatch, "--model", checkpoint, "--dataset", own / "facts", *how, DRY) == 0
    for words in commands(capsys.readouterr().out):
        judges = words[1] in ("run_query_state.py", "eval_refusal.py") and "--compare" not in words
        assert ("--judge_model" in words) == judges
        if judges:
            assert (flag(words, "match"), flag(words, "judge_model")) == ("judge", str((own / "judge").resolve()))


def test_a_dry_run_fetches_nothing(own, monkeypatch, capsys):
    for name in ("describe", "snapshot"):
        monkeypatch.setattr(quickstart.loading, name, lambda *_: pytest.fail("the hub was asked"))
    flags = ["--model", "Qwen/Qwen2.5-3B", "--dataset", "mmlu", "--eval", "arc_challenge:test", "--revision", "main"]
    assert run(monkeypatch, *flags, DRY) == 0
    out = capsys.readouterr().out
    assert "Learns from mmlu test; evaluates on mmlu:val, arc_challenge:test" in out
    found = commands(out)
    assert flag(found[0], "split") == "test"
    evaluation = next(words for words in found if words[1] == "eval_refusal.py")
    assert evaluation[evaluation.index("--dataset") + 1 :][:2] == ["mmlu:val", "arc_challenge:test"]
    assert ["--revision" in words for words in found] == [True] * 3 + [False] + [True] * 5 + [False] * 3
    assert not list(own.glob("results")) + list(own.glob("models"))
    assert run(monkeypatch, "--dataset", "facts", "--model", "a/b", "--eval", "mmlu:val", "--num_shots", 0, DRY) == 0
    assert run(monkeypatch, "--dataset", "mmlu", "--model", "a/b", "--num_samples", 5, DRY) == 2
    assert "--num_samples: for open questions only" in capsys.readouterr().err


def test_columns_go_to_the_stages_that_read_files(own, checkpoint, monkeypatch, capsys):
    tiny.write_jsonl(own / "mine.jsonl", [{"frage": f"What is {i}?", "antwort": str(i)} for i in range(6)])
    mapping = ["--columns", "question=frage,answer=antwort"]
    assert run(monkeypatch, DRY, "--model", checkpoint, "--dataset", "mine.jsonl", "--eval", "quiz:val", *mapping) == 2
    assert "--columns question=frage: no such column in" in capsys.readouterr().err
    tiny.write_jsonl(own / "other.jsonl", [{"frage": f"Who is {i}?", "antwort": str(i)} for i in range(6)])
    assert (
        run(monkeypatch, DRY, "--model", checkpoint, "--dataset", "mine.jsonl", "--eval", "other.jsonl", *mapping) == 0
    )
    out = capsys.readouterr().out
    assert "mine train: answer (`antwort`): text; question: `frage`" in out
    for words in commands(out):
        asks = words[1] in ("run_query_state.py", "eval_refusal.py") and "--compare" not in words
        assert ("--columns" in words) == asks, words
    assert run(monkeypatch, DRY, "--dataset", "mine.jsonl", "--columns", "frage") == 2
    assert "--columns: frage: 'frage' is not ROLE=COLUMN" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "learn", "evaluated", "probed"),
    [
        (["--dataset", "sciq"], "train", ["sciq:test"], True),
        (["--dataset", "truthfulqa", "--eval", "mmlu:val"], "validation", ["mmlu:val"], True),
        (["--dataset", "mmlu_pro"], "test", ["mmlu_pro:validation"], True),
        (["--dataset", "boolq"], "train", ["boolq:validation"], False),
        (["--dataset", "allenai/sciq"], "train", ["allenai/sciq:test"], True),
        (["--dataset", "nobody/quiz", "--eval", "nobody/quiz:test"], "train", ["nobody/quiz:test"], False),
        (["--dataset", "simpleqa"], "test_half1", ["simpleqa:test_half2"], False),
    ],
)
def test_splits_of_sets_of_the_hub(own, checkpoint, monkeypatch, capsys, flags, learn, evaluated, probed):
    assert run(monkeypatch, DRY, "--model", checkpoint, *flags) == 0
    found = commands(capsys.readouterr().out)
    (state, *_) = [words for words in found if words[1] == "run_query_state.py"]
    assert [flag(state, f) for f in ("dataset", "split")] == [flags[1], learn]
    asked = next(words for words in found if words[1] == "eval_refusal.py")
    assert asked[asked.index("--dataset") + 1 :][: len(evaluated)] == evaluated
    assert (found[0][1] == "run_MMLU.py") == probed


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--dataset", "nobody/quiz"], "name what to evaluate on, --eval nobody/quiz:SPLIT; train is learnt from"),
        (["--dataset", "ceval", "--split", "test", "--eval", "mmlu:val"], "the answers of ceval's test are withheld"),
        (["--dataset", "selfaware"], "--dataset selfaware: not on the hub; give the file"),
    ],
)
def test_sets_that_a_chain_cannot_learn_from(own, checkpoint, monkeypatch, capsys, flags, line):
    assert run(monkeypatch, DRY, "--model", checkpoint, *flags) == 2
    assert line in capsys.readouterr().err


def test_paths_are_meant_from_where_it_was_called(own, checkpoint, monkeypatch, capsys):
    (own / "root").mkdir()
    monkeypatch.chdir(own / "root")
    monkeypatch.setenv("CALLED_FROM", str(own))
    assert run(monkeypatch, "--model", checkpoint, "--dataset", "facts", "--eval", "more.jsonl", DRY) == 0
    found = commands(capsys.readouterr().out)
    assert flag(found[0], "dataset") == str(own / "facts")
    assert run(monkeypatch, "--model", checkpoint, "--dataset", "facts", "--data_dir", ".", DRY) == 0
    state, *_ = commands(capsys.readouterr().out)
    wanted = [str(own), "facts", "results/tiny-facts"]
    assert [flag(state, name) for name in ("data_dir", "dataset", "output_dir")] == wanted
    tiny.write_jsonl(own / "a:b" / "x.jsonl", [{"question": "Who is it?", "answer": "I"}])
    assert run(monkeypatch, "--model", checkpoint, "--dataset", "facts", "--eval", "a:b/x.jsonl", DRY) == 0
    assert str(own / "a:b" / "x.jsonl") in commands(capsys.readouterr().out)[-2]
    assert f"{own / 'facts'}:test {own / 'more.jsonl'}" in " ".join(found[-2])


# ---- the whole chain ----

TUNE = ["--lora_r", 4, "--epochs", 1, "--batch_size", 4]


def test_multiple_choice_to_the_report(own, monkeypatch, capsys):
    flat = tiny.save(own / "tiny", "llama", initializer_range=0.02)  # sure of nothing
    flags = ["--model", flat, "--dataset", "quiz", "--n_van", 4, "--n_idk", 4, *TUNE]
    assert run(monkeypatch, *flags) == 0
    out = capsys.readouterr().out
    assert "Learns from quiz test; evaluates on quiz:val" in out
    assert "Few-shot examples: 2, as many as quiz has for every subject" in out
    assert "At --threshold 0.5 D_van would be empty" in out
    assert len(commands(out)) == 12
    results = own / "results" / "tiny-quiz"
    assert (results / "report.html").is_file()
    compared = tiny.read_json(results / "comparison.json")
    assert [(r["model"], r["n"]) for r in compared["records"]] == [
        (model, 8) for model in ("init_basic", "init_refuse", "cor_rait", "craft")
    ]
    assert (
        tiny.read_json(own / "models" / "tiny-quiz-rehearsal" / "knowledge_boundary.json")["summary"]["examples"] == 4
    )
    assert run(monkeypatch, *flags) == 0
    assert capsys.readouterr().out.count("Already done") == 12
    assert run(monkeypatch, *flags, "--overwrite") == 0
    assert "Already done" not in capsys.readouterr().out


def test_open_questions_are_not_probed(own, knowing, data, embedder, monkeypatch, capsys):
    flags = ["--model", knowing, "--dataset", data / "facts", "--eval", f"{data / 'facts'}:ood", "--num_samples", 4]
    more = ["--embedder", embedder, "--max_new_tokens", 8, "--chat_template", "--num_shots", 0, "--name", "mine"]
    assert run(monkeypatch, *flags, *more, *TUNE) == 0
    out = capsys.readouterr().out
    assert "Open questions: run_MMLU.py is left out" in out
    assert "At --threshold" not in out
    assert len(commands(out)) == 12
    assert (own / "results" / "mine" / "report.html").is_file()
    assert not (own / "results" / "mine" / "boundary.json").exists()


def test_a_spreadsheet_s_questions_to_the_report(own, knowing, data, embedder, monkeypatch, capsys):
    rows = [json.loads(line) for line in (data / "facts" / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    text = "Question;Answer\r\n" + "".join(f"{r['question']};{r['answer']}\r\n" for r in rows)
    (own / "mine.csv").write_text(text, encoding="utf-8-sig")
    fast = ["--num_samples", 2, "--max_new_tokens", 8, "--embedder", embedder, "--chat_template", "--num_shots", 0]
    assert run(monkeypatch, "--model", knowing, "--dataset", "mine.csv", *fast, *TUNE) == 0
    out = capsys.readouterr().out
    assert "mine.csv: nothing to evaluate on beside train; its questions are divided into two halves" in out
    assert "Learns from mine.csv train_half1; evaluates on mine.csv:train_half2" in out
    results = own / "results" / f"{knowing.name}-mine"
    assert (results / "report.html").is_file()
    learnt, asked = (tiny.read_json(results / f) for f in ("state_init.json", "eval_craft.json"))
    halves = [{r["question"] for r in file["records"]} for file in (learnt, asked)]
    assert not halves[0] & halves[1]
    assert halves[0] | halves[1] == {r["question"] for r in rows}
    assert tiny.read_json(results / "comparison.json")["records"][0]["dataset"] == "mine/train_half2"


@pytest.mark.parametrize("split", ["train_half1", "train_half2"])
def test_a_half_is_evaluated_on_the_other(own, checkpoint, monkeypatch, capsys, split):
    other = {"train_half1": "train_half2", "train_half2": "train_half1"}[split]
    for more in ([], ["--eval", f"more.jsonl:{other}"]):
        assert run(monkeypatch, DRY, "--model", checkpoint, "--dataset", "more.jsonl", "--split", split, *more) == 0
        assert f"Learns from more.jsonl {split}; evaluates on more.jsonl:{other}" in capsys.readouterr().out


def test_the_first_half_has_the_examples_of_a_file_without_any(own, checkpoint, monkeypatch, capsys):
    tiny.write_jsonl(own / "long.jsonl", [{"question": f"What is {i}?", "answer": str(i)} for i in range(40)])
    assert run(monkeypatch, DRY, "--model", checkpoint, "--dataset", "long.jsonl", "--num_shots", 5) == 0
    assert run(monkeypatch, DRY, "--model", checkpoint, "--dataset", "long.jsonl", "--num_shots", 6) == 2
    assert "--num_shots 6: long has 5 examples" in capsys.readouterr().err


def test_a_folder_of_one_split_is_divided(own, checkpoint, monkeypatch, capsys):
    assert run(monkeypatch, DRY, "--model", checkpoint, "--dataset", "odd") == 0
    assert "evaluates on odd:train_half2" in capsys.readouterr().out


def test_a_stage_that_fails_ends_the_chain(own, checkpoint, monkeypatch, capsys):
    (own / "results" / "x").mkdir(parents=True)
    (own / "results" / "x" / "state_init.json").write_text(json.dumps({"meta": 1}))
    flags = ["--model", checkpoint, "--dataset", "facts", "--num_shots", 0, "--name", "x"]
    assert run(monkeypatch, *flags) == 2
    captured = capsys.readouterr()
    assert len(commands(captured.out)) == 1
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    ("cors", "wanted"),
    [
        ([0.2, 0.5, 0.7], {}),
        ([0.1, 0.2, 0.3, 0.4], {"threshold": 0.3}),
        ([0.6, 0.7, 0.8, 1.0], {"threshold": 0.8}),
        ([0.0, 0.0, 0.0, 0.1], {"threshold": 0.1}),  # both sides have a question
        ([0.0, 0.0], {}),  # nothing parts them: the stage says so
    ],
)
def test_the_median_parts_what_a_half_does_not(tmp_path, cors, wanted):
    records = [{"cor": cor} for cor in cors]
    (tmp_path / "state.json").write_text(
        json.dumps({"meta": {"stage": "run_query_state"}, "summary": {}, "records": records})
    )
    assert chain.median_threshold(tmp_path / "state.json") == wanted


# ---- bad flags ----

TABLE = [
    (["--dataset", "nowhere"], "--dataset nowhere: no such file or folder"),
    (["--dataset", "quiz", "--split", "train"], "--split train: quiz has dev, test, val"),
    (["--dataset", "quiz", "--eval", "quiz:test"], "--eval quiz: test is learnt from"),
    (["--dataset", "quiz", "--eval", "./quiz:test"], "--eval quiz: test is learnt from"),
    (["--dataset", "more.jsonl", "--eval", "more.jsonl"], "--eval more.jsonl: train is learnt from"),
    (
        ["--dataset", "facts", "--split", "test", "--eval", "more.jsonl"],
        "more/test: all its questions are learnt",
    ),
    (["--dataset", "facts", "--eval", "facts/train.jsonl"], "train/test: all its questions are learnt from"),
    (["--dataset", "facts", "--eval", "quiz:val", "--split", "x"], "--split x: facts has test, train"),
    (["--dataset", "empty"], "--dataset empty: no file in it that ends in one of .parquet"),
    (["--dataset", "single.jsonl"], "single.jsonl split train_half2: no question to ask"),
    (["--dataset", "facts", "--eval", ""], "'' names no data set"),
    (["--dataset", "facts", "--num_shots", 4], "--num_shots 4: facts has 0 examples"),
    (["--dataset", "quiz", "--match", "exact"], "--match, --match_threshold: for open questions only"),
    (["--dataset", "more.jsonl", "--eval", "quiz:val", "--match", "exact"], "--match, --match_threshold: for open"),
    (["--match_threshold", 0.3], "--match_threshold: is of --match embedding"),
    (["--match", "judge"], "--match judge: which model judges?"),
    (["--judge_model", "smollm2"], "--judge_model: is of --match judge; with --match contains, leave it out"),
    (["--match", "judge", "--judge_model", "more.jsonl"], "--judge_model more.jsonl: not a .gguf file"),
    (["--chat_template"], "--chat_template: the embedded questions are probed by cloze"),
    (["--dataset", "quiz", "--seed", -1], "--seed: -1 is not a whole number from 0 to"),
    (["--dataset", "quiz", "--eval", "quiz:ood"], "--split ood"),
    (["--dataset", "more.jsonl", "--split", "train_half1", "--eval", "more.jsonl:train_half1"], "is learnt from"),
    (["--dataset", "quiz", "--num_samples", 5], "--num_samples: for open questions only"),
    (["--dataset", "facts", "--scoring", "cloze"], "--scoring: for multiple choice only"),
    (["--dataset", "quiz", "--scoring", "cloze", "--chat_template"], "--scoring cloze: plain prompts only"),
    (["--dataset", "quiz", "--num_shots", 6], "--num_shots 6: quiz has 2 examples for"),
    (["--dataset", "quiz", "--subjects", "law"], "--subjects law: no such subject"),
    (["--dataset", "quiz", "--lora_r", -1], "--lora_r -1: out of range"),
    (["--dataset", "quiz", "--n_van", 0], "--n_van: 0 is not a whole number from 1 on"),
    (["--dataset", "quiz", "--num_samples", 1], "--num_samples 1"),
    (["--dataset", "quiz", "--model", "nowhere/at/all"], "--model nowhere/at/all: no such folder or file"),
    (["--dataset", "quiz", "--model", "more.jsonl"], "--model more.jsonl: not a .gguf file"),
    (["--dataset", "quiz", "--n_vans", 3], "unrecognized arguments: --n_vans"),
    (["--split", "train"], "--split, --eval, --calibrate: are of --dataset"),
]


@pytest.mark.parametrize(("flags", "line"), TABLE, ids=lambda x: x if isinstance(x, str) else " ".join(map(str, x)))
def test_bad_flags_get_one_line_before_anything_runs(own, checkpoint, monkeypatch, capsys, flags, line):
    flags = flags if "--model" in flags else ["--model", checkpoint, *flags]
    before = sorted(own.rglob("*"))
    assert run(monkeypatch, *flags) == 2
    captured = capsys.readouterr()
    assert line in captured.err
    assert captured.err.count("\n") == 1
    assert not commands(captured.out)
    assert sorted(own.rglob("*")) == before
