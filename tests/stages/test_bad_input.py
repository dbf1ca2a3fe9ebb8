"""Bad input: each gives one line on stderr, exit code 2, and leaves every file as it was, before a model is loaded."""

import json
from pathlib import Path

import pytest
import tiny

from knowledge_boundary.models import loading

GOOD = "What is 1 + 1?,1,2,3,4,B\n"
# file: content
FILES = {
    "four.csv": GOOD + "What is 2 + 2?,1,2,4\n",
    "letter.csv": GOOD + "What is 2 + 2?,1,2,3,4,E\n",
    "latin.csv": (GOOD + "Où est Paris?,1,2,3,4,A\n").encode("latin-1"),
    "header.csv": "question,A,B,C,D\nWhat?,1,2,3,4\n",
    "empty.jsonl": "",
    "unanswered.jsonl": '{"question": "Who?", "answer": "I"}\n{"question": "Why?"}\n',
    "none.jsonl": '{"question": "Who?", "answer": " "}\n',
    "list.jsonl": "[1, 2]\n",
    "notjson.jsonl": '{"question": "Who?", "answer": "I"}\n{"question": \n',
    "latin.jsonl": '{"question": "Où?", "answer": "ici"}\n'.encode("latin-1"),
    "choice.jsonl": '{"question": "Who?", "answer": "he", "choices": ["I", "you"]}\n',
    "single.jsonl": '{"question": "Who?", "answer": "I", "choices": ["I"]}\n',
    "choices.jsonl": '{"question": "Who?", "answer": "A", "choices": 3}\n',
    "aliases.jsonl": '{"question": "Who?", "answer": "I", "aliases": 3}\n',
    "arc.jsonl": '{"question": {"stem": "Who?", "choices": [{"text": "I"}, {"label": "B"}]}, "answerKey": "A"}\n',
    "arckey.jsonl": '{"question": {"stem": "Who?", "choices": [{"text": "I", "label": 1}]}, "answerKey": "A"}\n',
    "twice.jsonl": '{"question": "Who?", "answer": "I", "id": "x"}\n{"question": "Why?", "answer": "I", "id": "x"}\n',
    "mixed.jsonl": '{"question": "Who?", "answer": "I"}\n{"question": "Who?", "answer": "A", "choices": ["I", "u"]}\n',
    "half.json": '{"anatomy": [["Who?", "I"',
    "text.txt": "Who?\n",
    "noconfig/readme.md": "",
    "badconfig/config.json": '{"model_type": ',
    "noweights/config.json": '{"model_type": "llama"}',
    "remote/config.json": '{"model_type": "mystery", "auto_map": {"AutoConfig": "x.Y"}}',
    "orphan/adapter_config.json": '{"base_model_name_or_path": "/nowhere"}',
    "baseless/adapter_config.json": '{"base_model_name_or_path": null, "peft_type": "LORA"}',
    "two/a.json": "[]",
    "two/b.json": "[]",
    "nothing/readme.txt": "",
    "kind/kind.json": '{"type": "image_text", "instances": [{}]}',
    "field/field.json": '{"type": "text2text", "instances": [{"input": "a"}]}',
    "number/number.json": '{"type": "text2text", "instances": [{"input": 1, "output": 2}]}',
    "weight/weight.json": '{"type": "text_only", "instances": [{"text": "a b"}, {"text": "a b", "weight": -1}]}',
    "unweighed/unweighed.json": '{"type": "text_only", "instances": [{"text": "a b", "weight": 0}]}',
    "broken/broken.json": '{"type": "text2text", "inst',
    "good/good.json": '{"type": "text2text", "instances": [{"input": "a", "output": " b"}]}',
    "full/model.safetensors": "",
    "quiz/dev/sums_dev.csv": GOOD,
    "quiz/test/sums_test.csv": GOOD.replace("1 + 1", "one and one") + GOOD.replace("1 + 1", "one plus one"),
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory, checkpoint, data, embedder):
    """A folder of malformed files, and of good files of the earlier stages that each lie about something."""
    folder = tmp_path_factory.mktemp("bench")
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (folder / "model").symlink_to(checkpoint)
    tiny.save(folder / "other", "llama", seed=7)
    common = ["--model", folder / "model", "--dataset", data / "facts", "--output_dir", folder]
    asking = [*common, "--num_shots", 0, "--num_samples", 2, "--embedder", embedder, "--limit", 3]
    assert tiny.call("run_query_state.py", *asking, "--state", folder / "init.json") == 0
    for name, split in (("a", "train"), ("b", "ood")):
        assert tiny.call("eval_refusal.py", *common, "--split", split, "--name", name, "--prompt", "basic") == 0
    older = tiny.read_json(folder / "eval_b.json")
    del older["meta"]["args"]["match"]  # as written before the flag existed
    (folder / "eval_older.json").write_text(json.dumps(older))
    state = tiny.read_json(folder / "init.json")
    for r, cor in zip(state["records"], (1.0, 0.6, 0.4, 0.0, 0.0, 0.0), strict=False):
        r["cor"] = cor
    save = lambda name: (folder / name).write_text(json.dumps(state))  # noqa: E731
    save("state.json")
    state["meta"]["model"]["fingerprint"] = "of the rehearsed one"
    save("rehearsed.json")
    state["meta"]["args"]["num_shots"] = 3
    save("shots.json")
    state["meta"]["args"]["num_shots"] = 0
    for r in state["records"]:
        r["cor"] = 1.0
    save("improved.json")
    for r in state["records"]:
        r["cor"] = 0.2
    save("unknowing.json")
    state["records"][1]["question"] = "Is this another question?"
    save("reworded.json")
    state["records"][0]["id"] = "elsewhere/train/0"
    save("others.json")
    whole = (folder / "state.json").read_text()
    (folder / "cut.json").write_text(whole[: len(whole) // 2])
    (folder / "list.json").write_text("[]")
    return folder


def files(folder) -> dict:
    """{path: content} of every file below ``folder``."""
    return {p: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def fails(capfd, script, *flags) -> str:
    """The one line that a stage prints on stderr before it exits with 2."""
    capfd.readouterr()
    code = tiny.call(script, *flags)
    err = capfd.readouterr().err
    assert code == 2, err
    assert err.count("\n") == 1, err
    assert err.startswith(f"{script}: "), err
    assert "Traceback" not in err
    return err


QUERY = ["run_query_state.py", "--model", "model", "--num_shots", 0, "--output_dir", "out"]
MMLU = ["run_MMLU.py", "--model", "model", "--output_dir", "out"]
BUILD = ["build_rait_data.py", "--model", "model", "--state_init", "state.json", "--output_dir", "out"]
BOTH = [*BUILD, "--state_rehearsal", "rehearsed.json"]
REHEARSE = ["run_rehearsal.py", "--model", "model", "--output_model", "out"]
EVAL = ["eval_refusal.py", "--model", "model", "--output_dir", "out"]
TUNE = ["finetune.sh", "--backend", "builtin", "--model", "model", "--output", "out"]

# (command, what its line says)
TABLE = [
    # models
    (["run_query_state.py", "--model", "./nowhere"], "--model ./nowhere: no such folder"),
    (["run_query_state.py", "--model", "no/where/at/all"], "no such folder"),
    (
        ["run_query_state.py", "--model", "nobody/nothing", "--num_shots", 0],
        "--model nobody/nothing: not a local folder",
    ),
    (["run_query_state.py", "--model", "noconfig"], "no config.json"),
    (["run_query_state.py", "--model", "badconfig"], "badconfig"),
    (["run_query_state.py", "--model", "remote"], "--trust_remote_code"),
    (["run_query_state.py", "--model", "orphan"], "/nowhere"),
    (["run_query_state.py", "--model", "baseless"], "adapter_config.json names no base model"),
    ([*QUERY, "--template_date", "yesterday"], "--template_date: yesterday is not a day as YYYY-MM-DD"),
    ([*QUERY, "--max_thinking_tokens", 5], "--max_thinking_tokens: is of --thinking on"),
    ([*EVAL, "--max_thinking_tokens", 5], "--max_thinking_tokens: is of --thinking on"),
    ([*QUERY, "--thinking", "on"], "--thinking on: a model thinks in its chat template; give --chat_template"),
    ([*MMLU, "--dataset", "quiz", "--num_shots", 0, "--thinking", "on"], "--thinking on: letters are compared where"),
    ([*TUNE, "--data", "good", "--lora_r", 0, "--lora_target_modules", "q_proj"], "nothing is adapted with --lora_r 0"),
    ([*TUNE, "--data", "good", "--lora_target_modules", "q_proj,,v_proj"], "has an empty name between its commas"),
    # questions
    ([*QUERY, "--dataset", "nowhere.jsonl"], "--dataset nowhere.jsonl: no such file"),
    ([*MMLU, "--dataset", "four.csv", "--num_shots", 0], "four.csv line 2: 4 columns; there must be 6"),
    ([*MMLU, "--dataset", "letter.csv", "--num_shots", 0], "letter.csv line 2: answer 'E' is not a letter from A to D"),
    ([*MMLU, "--dataset", "latin.csv", "--num_shots", 0], "latin.csv"),
    ([*MMLU, "--dataset", "header.csv", "--num_shots", 0], "header.csv: no column for the answer; it has question, A"),
    ([*MMLU, "--dataset", "half.json"], "half.json: not valid JSON"),
    ([*QUERY, "--dataset", "empty.jsonl"], "no question to ask"),
    ([*QUERY, "--dataset", "unanswered.jsonl"], "unanswered.jsonl line 2: the question has no answer"),
    ([*QUERY, "--dataset", "none.jsonl"], "none.jsonl line 1: the question has no answer"),
    ([*QUERY, "--dataset", "list.jsonl"], "list.jsonl line 1: no `question`"),
    ([*QUERY, "--dataset", "notjson.jsonl"], "notjson.jsonl line 2: not JSON"),
    ([*QUERY, "--dataset", "latin.jsonl"], "latin.jsonl"),
    ([*QUERY, "--dataset", "choice.jsonl"], "choice.jsonl line 1: answer 'he' is none of the choices"),
    ([*QUERY, "--dataset", "single.jsonl"], "single.jsonl line 1: 1 choices"),
    ([*QUERY, "--dataset", "choices.jsonl"], "choices.jsonl line 1"),
    ([*QUERY, "--dataset", "aliases.jsonl"], "aliases.jsonl line 1"),
    ([*QUERY, "--dataset", "arc.jsonl"], "arc.jsonl line 1"),
    ([*QUERY, "--dataset", "arckey.jsonl"], "arckey.jsonl line 1: 1 choices"),
    ([*QUERY, "--dataset", "twice.jsonl"], "id x stands twice"),
    ([*QUERY, "--dataset", "mixed.jsonl"], "some questions have choices and some have none"),
    ([*QUERY, "--dataset", "text.txt"], ".txt ending"),
    ([*QUERY, "--dataset", "nothing"], "nothing: no file in it that ends in one of .parquet"),
    ([*QUERY, "--dataset", "quiz", "--split", "val"], "--split val: quiz has dev, test"),
    ([*QUERY, "--subjects", "alchemy"], "--subjects alchemy: no such subject"),
    ([*QUERY, "--dataset", "pararel"], "not on the hub"),
    # flags
    ([*QUERY, "--dataset", "quiz", "--split", "test", "--num_shots", 2], "has 1 examples for sums; use --num_shots 1"),
    ([*QUERY, "--num_shots", -1], "--num_shots"),
    ([*QUERY, "--num_samples", 1], "--num_samples 1"),
    ([*QUERY, "--temperature", 0], "--temperature 0"),
    ([*QUERY, "--temperature", "nan"], "--temperature nan"),
    ([*QUERY, "--top_p", 0], "--top_p 0"),
    ([*QUERY, "--top_p", 1.5], "--top_p 1.5: must be above 0 and at most 1"),
    ([*QUERY, "--estimator", "exact"], "--estimator exact: for multiple choice only"),
    ([*QUERY, "--estimator", "mass", "--temperature", 0.7], "leave --temperature and --top_p at 1"),
    ([*QUERY, "--estimator", "mass", "--top_p", 0.9], "leave --temperature and --top_p at 1"),
    ([*QUERY, "--dataset", "quiz", "--split", "test", "--estimator", "mass"], "mass: for open questions only"),
    ([*QUERY, "--dataset", "quiz", "--split", "test", "--temperature", 0.7], "for open questions only"),
    ([*QUERY, "--match", "fuzzy"], "--match: invalid choice: 'fuzzy'"),
    ([*QUERY, "--match", "embedding", "--match_threshold", 1.5], "--match_threshold: 1.5 is not between 0 and 1"),
    ([*QUERY, "--match_threshold", 0.9], "--match_threshold: is of --match embedding"),
    ([*QUERY, "--match", "exact", "--match_threshold", 0.9], "with --match exact, leave it out"),
    ([*QUERY, "--dataset", "quiz", "--split", "test", "--match", "exact"], "--match, --match_threshold: for open"),
    ([*QUERY, "--dataset", "quiz", "--split", "test", "--match_threshold", 0.9], "for open questions only"),
    ([*EVAL, "--dataset", "quiz", "--split", "test", "--match", "embedding"], "--match, --match_threshold: for open"),
    ([*EVAL, "--match_threshold", 0.9], "--match_threshold: is of --match embedding"),
    ([*EVAL, "--match", "embedding", "--embedder", "./nowhere"], "--embedder ./nowhere: cannot be loaded"),
    ([*QUERY, "--limit", 0], "--limit"),
    ([*QUERY, "--nonsense"], "--nonsense"),
    ([*MMLU, "--dataset", "world_facts_mc", "--num_shots", 6], "--num_shots"),
    ([*MMLU, "--dataset", "world_facts_mc", "--method", "wishful"], "wishful"),
    ([*MMLU, "--dataset", "quiz", "--scoring", "cloze", "--chat_template", "--num_shots", 1], "--scoring cloze"),
    ([*MMLU, "--dataset", "quiz", "--domain", "ID", "--num_shots", 1], "--domain ID: the split is of MMLU's subjects"),
    ([*BOTH, "--tau_sim", 2], "--tau_sim: 2 is not between 0 and 1"),
    ([*BOTH, "--method", "wishful"], "wishful"),
    ([*BOTH, "--n_van", 0], "--n_van"),
    ([*BUILD, "--method", "soft_flow"], "state_rehearsal.json: no such file"),
    (
        [*BOTH, "--method", "probe"],
        "a probe needs 5 questions on each side of Cor 0.5, for its cross-validation",
    ),
    ([*BOTH, "--state_init", "unknowing.json", "--method", "grait"], "D_van is empty: no question of 6 has Cor >="),
    ([*REHEARSE, "--state", "state.json", "--lora_r", -1], "--lora_r -1"),
    ([*REHEARSE, "--state", "state.json", "--epochs", 0], "--epochs 0"),
    # states
    ([*BUILD, "--state_rehearsal", "nowhere.json"], "--state_rehearsal nowhere.json: no such file"),
    ([*BUILD, "--state_rehearsal", "cut.json"], "--state_rehearsal cut.json: cut off or damaged"),
    ([*BUILD, "--state_rehearsal", "list.json"], "--state_rehearsal list.json: not a result file"),
    (
        [*EVAL, "--dataset", "quiz", "--prompt", "basic", "--num_shots", 3],
        "--num_shots, --scoring, --chat_template: for",
    ),
    ([*EVAL, "--dataset", "quiz", "--prompt", "probe", "--scoring", "cloze", "--chat_template"], "plain prompts only"),
    (
        [*EVAL, "--dataset", "world_facts", "--prompt", "probe", "--scoring", "cloze"],
        "--scoring cloze: for multiple choice only",
    ),
    ([*MMLU, "--dataset", "world_facts", "--scoring", "cloze"], "--scoring cloze: for multiple choice only"),
    ([*MMLU, "--dataset", "world_facts", "--thinking", "on"], "--thinking on: R-Tuning asks for the answer alone"),
    ([*MMLU, "--dataset", "quiz", "--max_new_tokens", 9], "--max_new_tokens: for open questions only"),
    ([*MMLU, "--dataset", "quiz", "--match", "exact"], "--match, --match_threshold: for open questions only"),
    ([*MMLU, "--dataset", "world_facts", "--match", "embedding", "--embedder", "./nowhere"], "cannot be loaded"),
    (
        [*EVAL, "--dataset", "world_facts:ood", "--base_eval", "eval_older.json"],
        "evaluated with --match None, this run",
    ),
    ([*EVAL, "--dataset", "world_facts:ood", "--match", "exact", "--base_eval", "eval_b.json"], "judge all alike"),
    (
        [*QUERY, "--dataset", "quiz", "--split", "test", "--num_samples", 4],
        "nothing is sampled from exact probabilities",
    ),
    ([*EVAL, "--dataset", "quiz:test:OOD", "--prompt", "probe"], "--domain OOD: the split is of MMLU's subjects"),
    (
        [*QUERY, "--dataset", "quiz", "--split", "test", "--domain", "ID"],
        "--domain ID: the split is of MMLU's subjects",
    ),
    ([*EVAL, "--dataset", "quiz", "--prompt", "wary"], "--prompt: invalid choice: 'wary'"),
    ([*EVAL, "--dataset", "quiz", "--refusal", "sign"], "--refusal: invalid choice: 'sign'"),
    ([*EVAL, "--dataset", "quiz", "--prompt", "bare", "--wording", "short"], "--wording short: is the instruction's"),
    ([*EVAL, "--dataset", "quiz", "--refusal", "letter", "--prompt", "probe"], "not --prompt probe"),
    ([*EVAL, "--dataset", "quiz", "--refusal", "letter", "--thinking", "on"], "the model thinks there first"),
    ([*EVAL, "--dataset", "quiz", "--refusal", "letter", "--num_samples", 4], "letters have their exact probabilities"),
    (
        [*EVAL, "--dataset", "world_facts:ood", "--refusal", "letter"],
        "--refusal letter: for multiple choice only, and country_language/ood/",
    ),
    ([*EVAL, "--probe_state", "none.json"], "--probe_state none.json: no such file"),
    ([*EVAL, "--dataset", "quiz", "world_facts:ood", "--refusal", "letter"], "of --dataset world_facts/ood is an open"),
    ([*BOTH, "--refusal", "letter"], "--state_init state.json is an open question; give --refusal text"),
    ([*BOTH, "--prompt", "bare", "--wording", "short"], "--prompt bare has none; leave it out"),
    ([*BOTH, "--prompt", "cautious"], "--prompt: invalid choice: 'cautious'"),
    ([*BUILD, "--state_rehearsal", "shots.json"], "shots.json: asked with num_shots 3, state.json with 0"),
    ([*BUILD, "--state_rehearsal", "eval_a.json"], "written by eval_refusal.py"),
    ([*BUILD, "--state_rehearsal", "others.json"], "2 ids differ"),
    ([*BUILD, "--state_rehearsal", "reworded.json"], "asks another question"),
    ([*BOTH, "--state_init", "unknowing.json", "--method", "cor"], "D_van is empty: no question of 6 has Cor >="),
    ([*BOTH, "--state_init", "unknowing.json", "--method", "cor"], "0.1 gives 6, 0.3 gives 0"),
    ([*BOTH, "--threshold", 0], "D_idk is empty"),
    ([*BOTH, "--strict_flow"], "rehearsal made no question below the threshold worse; leave --strict_flow out"),
    (
        [*BUILD, "--state_rehearsal", "improved.json"],
        "improved every question below the threshold; give --method corcer",
    ),
    ([*BOTH, "--model", "other"], "--state_init state.json: the state of another model"),
    ([*REHEARSE, "--state", "cut.json"], "--state cut.json: cut off or damaged"),
    ([*REHEARSE, "--state", "state.json", "--model", "other"], "--state state.json: the state of another model"),
    ([*REHEARSE], "results/model/world_facts/state_init.json: no such file"),
    ([*REHEARSE, "--state", "state.json", "--output_model", "full"], "full is not empty"),
    # evaluation
    ([*EVAL, "--dataset", "DATA/facts:train", "--base_eval", "eval_b.json"], "not evaluated on the same questions"),
    ([*EVAL, "--dataset", "DATA/facts:train", "--base_eval", "cut.json"], "--base_eval cut.json: cut off"),
    ([*EVAL, "--dataset", "DATA/facts:train", "DATA/facts:train"], "facts/train is given twice"),
    ([*EVAL, "--compare", "eval_a.json", "nowhere.json"], "--compare nowhere.json: no such file"),
    ([*EVAL, "--compare", "eval_a.json", "eval_a.json"], "--compare eval_a.json: given twice"),
    ([*EVAL, "--compare", "eval_a.json", "eval_b.json"], "--base_eval"),
    ([*EVAL, "--compare", "eval_a.json", "eval_b.json", "--base_eval", "eval_a.json"], "not evaluated on the same"),
    ([*EVAL, "--compare", "eval_a.json", "--include", "four.csv"], "--include four.csv: not a result file"),
    # training data
    ([*TUNE, "--data", "nowhere"], "--data nowhere: no such folder"),
    ([*TUNE, "--data", "two"], "--data two: 2 .json files"),
    ([*TUNE, "--data", "nothing"], "--data nothing: 0 .json files"),
    ([*TUNE, "--data", "good/good.json"], "--data good/good.json"),
    ([*TUNE, "--data", "kind"], "kind.json: type 'image_text'"),
    ([*TUNE, "--data", "field"], "field.json instance 0: not a text2text example"),
    ([*TUNE, "--data", "number"], "number.json instance 0"),
    (
        [*TUNE, "--data", "weight"],
        "weight.json instance 1: not a text_only example (ValueError: its weight is -1",
    ),
    ([*TUNE, "--data", "unweighed"], "unweighed.json: all 1 instances have weight 0; there is nothing to train on"),
    ([*TUNE, "--data", "broken"], "broken.json: not valid JSON"),
    ([*TUNE, "--data", "good", "--output", "full"], "full is not empty"),
    ([*TUNE, "--data", "good", "--lora_dropout", 1], "--lora_dropout 1"),
]


@pytest.mark.parametrize(("line", "message"), TABLE, ids=lambda value: value if isinstance(value, str) else value[0])
def test_one_line_and_nothing_written(bench, data, monkeypatch, capfd, line, message):
    monkeypatch.chdir(bench)
    monkeypatch.setattr(loading, "load", lambda *_, **__: pytest.fail("a model was loaded before the error was found"))
    before = files(bench)
    try:
        assert message in fails(capfd, *(str(part).replace("DATA", str(data)) for part in line))
        assert files(bench) == before
    finally:  # so that one failure is not the next one's
        for path in files(bench).keys() - before.keys():
            path.unlink()


# ---- what only the loaded model shows ----


@pytest.fixture
def dumb(tmp_path_factory, words):
    """A model without a chat template, whose letters are two tokens each."""
    import tokenizers
    import transformers

    folder = tmp_path_factory.mktemp("dumb") / "dumb"
    tiny.random_model("llama", 300).save_pretrained(folder)
    inner = tokenizers.Tokenizer(tokenizers.models.BPE())
    inner.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    inner.train_from_iterator([], tokenizers.trainers.BpeTrainer(initial_alphabet=alphabet, show_progress=False))
    transformers.PreTrainedTokenizerFast(tokenizer_object=inner).save_pretrained(folder)
    return folder


def test_no_chat_template(bench, dumb, monkeypatch, capfd):
    monkeypatch.chdir(bench)
    assert "no chat template" in fails(capfd, *QUERY, "--model", dumb, "--chat_template", "--output_dir", dumb / "out")


def test_letters_of_two_tokens(bench, dumb, monkeypatch, capfd):
    monkeypatch.chdir(bench)
    line = [*MMLU, "--dataset", "quiz", "--num_shots", 0, "--model", dumb, "--output_dir", dumb / "out"]
    capfd.readouterr()
    assert tiny.call(*line) == 2
    assert "letter A is not one token" in capfd.readouterr().err.splitlines()[-1]


def test_no_weights(bench, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(bench)
    assert "--model noweights" in fails(capfd, *QUERY, "--model", "noweights", "--output_dir", tmp_path)


def test_an_unsound_family(bench, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(bench)
    folder = tiny.save(tmp_path / "other", tiny.REFUSED)
    assert "not supported" in fails(capfd, *QUERY, "--model", folder, "--output_dir", tmp_path)


def test_no_embedder(bench, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(bench)
    assert "--embedder ./nowhere" in fails(capfd, *QUERY, "--embedder", "./nowhere", "--output_dir", tmp_path)


# ---- another run ----


def test_the_journal_and_the_file_of_another_run(bench, data, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(bench)
    line = [*EVAL, "--dataset", data / "facts", "--split", "ood", "--name", "x", "--output_dir", tmp_path]
    assert tiny.call(*line) == 0
    file = tmp_path / "eval_x.json"
    whole = file.read_bytes()
    other = [*line, "--max_new_tokens", 4]
    assert "--max_new_tokens was 64, is now 4" in fails(capfd, *other)
    assert file.read_bytes() == whole
    assert tiny.call(*other, "--overwrite") == 0
    assert file.read_bytes() != whole
    file.unlink()
    journal = tmp_path / "eval_x.json.partial"
    journal.write_text(json.dumps({"stage": "eval_refusal", "--prompt": "basic"}) + "\n")
    before = files(tmp_path)
    assert "is of another run" in fails(capfd, *line)
    assert files(tmp_path) == before


def test_a_selection_of_another_run_is_kept(bench, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    line = [
        "build_rait_data.py", "--model", bench / "model", "--state_init", bench / "state.json", "--output_dir", "out",
        "--state_rehearsal", bench / "rehearsed.json", "--n_van", 2, "--n_idk", 2,
    ]  # fmt: skip
    assert tiny.call(*line, "--method", "craft") == 0
    before = files(tmp_path)
    assert "is of another run" in fails(capfd, *line, "--method", "all", "--threshold", 0.3)
    assert files(tmp_path) == before


# ---- in a process of its own ----


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["finetune.sh", "--backend", "nonsense", "--model", "model"], "--backend nonsense: one of auto"),
        (["finetune.sh", "--backend"], "--backend"),
        (["finetune.sh", "--data", "two", "--output", "out"], "--data two: 2 .json files"),
    ],
)
def test_by_the_shell(bench, line, message):
    before = files(bench)
    done = tiny.shell(bench, *line)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    assert message in done.stderr
    assert done.stdout == ""
    assert files(bench) == before


# ---- no errors ----


def test_a_pool_smaller_than_asked_is_taken_whole(bench, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    states = ["--state_init", bench / "state.json", "--state_rehearsal", bench / "rehearsed.json"]
    line = ["build_rait_data.py", "--model", bench / "model", *states, "--n_van", 50, "--n_idk", 3, "--output_dir", "."]
    assert tiny.call(*line) == 0
    captured = capfd.readouterr()
    assert "Warning: --n_van 50, but D_van's pool has 2" in captured.out + captured.err
    summary = tiny.read_json(Path("selection_craft.json"))["summary"]
    assert summary["taken"] == {"van": 2, "idk": 3}


def test_invalid_records_are_left_out_and_counted(bench, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(bench)
    line = [
        "eval_refusal.py",
        "--model",
        "model",
        "--dataset",
        "letter.csv",
        "--skip_invalid",
        "--output_dir",
        tmp_path,
    ]
    assert tiny.call(*line) == 0
    assert "1 invalid" in capfd.readouterr().out
    assert len(tiny.read_json(tmp_path / "eval_model_refuse.json")["records"]) == 1


# ---- state files that are none ----


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s["records"][1].pop("cor"), "record 1 has no cor; run run_query_state.py again"),
        (lambda s: s["records"][2].update(cer=None), "record 2 has no cor or cer as a number"),
        (lambda s: s["records"][0].pop("subject"), "record 0 has no subject"),
        (lambda s: s["records"].clear(), "no records; run run_query_state.py"),
        (lambda s: s["meta"].pop("dataset"), "no meta.dataset; run run_query_state.py"),
        (lambda s: s.update(summary=None), "not a result file"),
        (lambda s: s["records"].append(7), "cut off or damaged"),
        (lambda s: s.update(records={}), "not a result file"),
    ],
)
@pytest.mark.parametrize("stage", [["run_rehearsal.py", "--state"], ["build_rait_data.py", "--state_init"]])
def test_odd_state_files(bench, tmp_path, monkeypatch, capfd, stage, change, message):
    monkeypatch.chdir(tmp_path)
    state = tiny.read_json(bench / "state.json")
    change(state)
    (tmp_path / "odd.json").write_text(json.dumps(state))
    script, flag = stage
    assert message in fails(
        capfd, script, "--model", bench / "model", flag, "odd.json", *["--method", "cor"] * ("init" in flag)
    )
    assert [p.name for p in tmp_path.iterdir()] == ["odd.json"]
