"""Prompts longer than the model's window lose whole shots from the front, in both stages that probe."""

import numpy as np
import pytest
import tiny

from knowledge_boundary.asking import probe, prompts
from knowledge_boundary.engine import scoring
from knowledge_boundary.questions import readers
from knowledge_boundary.questions.records import Question, from_record
from knowledge_boundary.running.errors import UserError

SHOTS = [Question(f"s/dev/{i}", "sums", f"What is {i} + {i}?", ["1", "2", "3", "4"], "B") for i in range(3)]


def question(i, words=1):
    return Question(f"sums/test/{i}", "sums", "What is " + "one and " * words + "two?", ["1", "2", "3", "4"], "C")


@pytest.fixture
def model(words):
    """``window`` → a tiny Llama that takes so many tokens."""
    return lambda window: tiny.wrap(tiny.random_model("llama", len(words), max_position_embeddings=window), words)


def lengths(words, asked, build=prompts.letter_prompt):
    """Tokens of the question's prompt with the last 0, 1, 2, 3 of the shots."""
    return [len(words(build(asked, SHOTS[3 - n :])).input_ids) for n in range(4)]


def fit(lm, asked, room=1):
    return prompts.within_window(lm, asked, [SHOTS] * len(asked), prompts.letter_prompt, [room] * len(asked))


@pytest.mark.parametrize("kept", [0, 1, 2, 3])
@pytest.mark.parametrize("room", [1, 16])
def test_exactly_the_shots_that_fit_are_kept(model, words, kept, room):
    asked = question(0)
    window = lengths(words, asked)[kept] + room
    assert fit(model(window), [asked], room) == ([prompts.letter_prompt(asked, SHOTS[3 - kept :])], [3 - kept])
    if kept:
        assert fit(model(window - 1), [asked], room)[1] == [4 - kept]


def test_a_question_that_does_not_fit_alone_is_named(model, words):
    asked = [question(0), question(1, words=40)]
    needed = lengths(words, asked[1])[0] + 1
    message = rf"question sums/test/1 needs {needed} tokens .* --model tiny takes {needed - 1};"
    with pytest.raises(UserError, match=message):
        fit(model(needed - 1), asked)
    assert fit(model(needed), asked)[1][1] == 3


def test_only_what_is_too_long_is_rebuilt(model, words):
    asked = [question(0), question(1, words=30), question(2)]
    build = lambda q, shots: built.append(q.id) or prompts.letter_prompt(q, shots)  # noqa: E731
    built = []
    lm = model(lengths(words, asked[1])[2] + 1)
    _, dropped = prompts.within_window(lm, asked, [SHOTS] * 3, build, [1] * 3)
    assert dropped == [0, 1, 0]
    assert built == ["sums/test/0", "sums/test/1", "sums/test/1", "sums/test/2"]


def test_room_of_cloze_is_its_longest_option(model):
    lm = model(1024)
    asked = Question("i", "s", "Which?", ["a", "a much longer option than the others", "b", "c"], "A")
    prompt = probe.prompt(lm, asked, SHOTS, "cloze", False)
    whole = max(len(lm.encode_pair(prompt, f" {choice}")[0]) for choice in asked.choices)
    assert len(lm.encode(prompt)) + probe.room(lm, asked, "cloze") == whole
    assert probe.room(lm, asked, "letter") == 1


# ---- the stages ----


@pytest.fixture(scope="module")
def quiz(tmp_path_factory):
    """MMLU's layout: 3 dev questions, 6 test questions, every other one long."""
    folder = tmp_path_factory.mktemp("window") / "quiz"
    for split, asked in (("dev", SHOTS), ("test", [question(i, words=1 + 40 * (i % 2)) for i in range(6)])):
        (folder / split).mkdir(parents=True)
        # The options of test questions in orders of their own: equal questions would be one.
        turned = [i // 2 if split == "test" else 0 for i in range(len(asked))]
        orders = [q.choices[i:] + q.choices[:i] for i, q in zip(turned, asked, strict=True)]
        lines = [f"{q.question},{','.join(o)},{q.answer}" for q, o in zip(asked, orders, strict=True)]
        (folder / split / f"sums_{split}.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def narrow(tmp_path_factory, words):
    """A checkpoint that takes a long question with one shot."""
    window = lengths(words, question(1, words=41))[1] + 1
    return tiny.save(tmp_path_factory.mktemp("narrow") / "narrow", "llama", max_position_embeddings=window)


STAGES = {"run_MMLU.py": "boundary.json", "run_query_state.py": "state_init.json"}


@pytest.mark.parametrize("stage", STAGES)
def test_letters_in_both_stages(stage, quiz, narrow, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    line = ["--model", narrow, "--dataset", quiz, "--split", "test", "--num_shots", 3, "--output_dir", "out"]
    assert tiny.call(stage, *line) == 0
    result = tiny.read_json(tmp_path / "out" / STAGES[stage])
    assert result["summary"]["shots_dropped"] == {"questions": 3, "shots": 6}
    if stage == "run_query_state.py":  # its records are compared with those of another state
        assert [r.get("shots_dropped") for r in result["records"]] == [None, 2] * 3
    lm = tiny.load(narrow)
    out = capsys.readouterr().out
    assert f"Longer than the model's window ({lm.window} tokens): 3 of 6 prompts; 6 examples left out" in out
    for i, r in enumerate(result["records"]):
        text = prompts.letter_prompt(from_record(r), SHOTS[2:] if i % 2 else SHOTS)
        ids = lm.encode(text)
        logits = tiny.full_forward(lm, ids)[-1, scoring.candidate_ids(lm, text, "ABCD")]
        np.testing.assert_allclose(list(r["probs"].values()), logits.softmax(-1), atol=1e-5)
    assert tiny.call(stage, *line[:-1], "without", "--num_shots", 1) == 0
    result = tiny.read_json(tmp_path / "without" / STAGES[stage])
    assert result["summary"]["shots_dropped"] == {"questions": 0, "shots": 0}
    assert "Longer than" not in capsys.readouterr().out


@pytest.mark.parametrize("stage", STAGES)
def test_too_long_alone_is_one_line(stage, quiz, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    window = lengths(words, question(1, words=41))[0]
    folder = tiny.save(tmp_path / "narrower", "llama", max_position_embeddings=window)
    line = ["--model", folder, "--dataset", quiz, "--split", "test", "--num_shots", 1, "--output_dir", "out"]
    assert tiny.call(stage, *line) == 2
    assert f"question sums/test/1 needs {window + 1} tokens without any example" in capsys.readouterr().err
    assert not (tmp_path / "out" / STAGES[stage]).exists()


def test_cloze(quiz, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    window = lengths(words, question(1, words=41), prompts.cloze_prompt)[1] + len(words(" 1").input_ids)
    folder = tiny.save(tmp_path / "narrow", "llama", max_position_embeddings=window)
    line = ["--model", folder, "--dataset", quiz, "--split", "test", "--num_shots", 3, "--output_dir", "out"]
    assert tiny.call("run_MMLU.py", *line, "--scoring", "cloze") == 0
    result = tiny.read_json(tmp_path / "out" / "boundary.json")
    assert result["summary"]["shots_dropped"] == {"questions": 3, "shots": 6}
    lm = tiny.load(folder)
    for i, r in enumerate(result["records"]):
        text = prompts.cloze_prompt(from_record(r), SHOTS[2:] if i % 2 else SHOTS)
        scores = []
        for choice in r["choices"]:
            ids, start = lm.encode_pair(text, f" {choice}")
            logprobs = tiny.full_forward(lm, ids).log_softmax(-1)
            scores.append(np.mean([logprobs[k - 1, ids[k]].item() for k in range(start, len(ids))]))
        np.testing.assert_allclose(list(r["probs"].values()), np.exp(scores) / np.exp(scores).sum(), atol=1e-5)


def test_open_questions_leave_room_for_the_answer(data, words, embedder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = readers.load(str(data / "facts"), "train", subjects="element_symbol", limit=4)
    shots = [asked.shots_of(q, 3) for q in asked.questions]
    two = [len(words(prompts.open_prompt(q, s[1:])).input_ids) for q, s in zip(asked.questions, shots, strict=True)]
    flags = ["--dataset", data / "facts", "--subjects", "element_symbol", "--limit", 4, "--num_shots", 3]
    flags += ["--num_samples", 2, "--embedder", embedder, "--max_new_tokens", 9]
    for room in (9, 8):  # two shots fit behind every question; not behind the longest
        window = max(two) + room
        wanted = sum(1 + (n + 9 > window) for n in two)
        assert (wanted > 4) == (room < 9)
        folder = tiny.save(tmp_path / f"narrow{room}", "llama", max_position_embeddings=window)
        assert tiny.call("run_query_state.py", "--model", folder, *flags) == 0
        found = tiny.read_json(tmp_path / "results" / f"narrow{room}" / "facts" / "state_init.json")["summary"]
        assert found["shots_dropped"] == {"questions": 4, "shots": wanted}
