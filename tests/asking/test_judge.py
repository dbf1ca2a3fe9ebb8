"""--match judge: a model's YES or NO against whole forward passes, what needs no judge, and the stages with it."""

import dataclasses

import pytest
import tiny
import torch

from knowledge_boundary.asking import answers, judge
from knowledge_boundary.engine import scoring
from knowledge_boundary.evaluation import alike
from knowledge_boundary.judging import outcomes
from knowledge_boundary.knowledge import selection
from knowledge_boundary.models import families
from knowledge_boundary.models.prompt_format import PromptFormat
from knowledge_boundary.questions.records import Question, QuestionSet
from knowledge_boundary.running.errors import UserError
from knowledge_boundary.wording import phrases

ANAXAGORAS = Question("q", "s", "What was Anaxagoras known for?", None, "philosophy", ["philosophical thought"])
GREEK = "Anaxagoras was a Greek philosopher"
WRITER = Question("w", "s", "Who wrote Emma?", None, "Jane Austen", ["Austen"])


def scripted(words, reply):
    """A tiny model that says ``reply`` whatever it is asked: its last norm gives one vector, its head reads it."""
    model = tiny.random_model("gpt_neox", len(words))
    with torch.no_grad():
        model.gpt_neox.final_layer_norm.weight.zero_()
        model.gpt_neox.final_layer_norm.bias.zero_()[0] = 1
        for text, logit in ((phrases.JUDGE_YES, 3.0), (phrases.JUDGE_NO, -3.0)):
            (token, *_) = words(text, add_special_tokens=False).input_ids
            families.lm_head(model).weight[token] = 0
            families.lm_head(model).weight[token, 0] = logit if reply == phrases.JUDGE_YES else -logit
    return model


@pytest.fixture(scope="module")
def says(words, tmp_path_factory):
    """{reply: folder of a judge that always gives it}."""
    folders = {}
    for reply in (phrases.JUDGE_YES, phrases.JUDGE_NO):
        folders[reply] = tmp_path_factory.mktemp("judges") / reply
        scripted(words, reply).save_pretrained(folders[reply])
        words.save_pretrained(folders[reply])
    return folders


@pytest.fixture
def counted(monkeypatch):
    """The prompts that judges are asked, as they are."""
    asked, own = [], scoring.pair_probabilities

    def pair_probabilities(lm, texts, *rest):
        asked.extend(texts)
        return own(lm, texts, *rest)

    monkeypatch.setattr("knowledge_boundary.engine.scoring.pair_probabilities", pair_probabilities)
    return asked


@pytest.mark.parametrize(("reply", "right"), [("YES", True), ("NO", False)])
def test_the_judge_decides_what_the_rules_leave_open(words, reply, right, counted):
    own = judge.Judge(tiny.wrap(scripted(words, reply), words), 1024)
    (verdict,) = own(ANAXAGORAS, [GREEK])
    assert verdict["correct"] is right
    assert verdict["judged"] == pytest.approx(1 / (1 + torch.tensor(-6.0 if right else 6.0).exp().item()))
    assert outcomes.outcome(ANAXAGORAS, GREEK, own) == {
        "outcome": "correct" if right else "wrong",
        "judged": verdict["judged"],
    }
    assert set(counted) == {
        "<|im_start|>user\n"
        + phrases.JUDGE_PROMPT.format(
            question=ANAXAGORAS.question, accepted="philosophy | philosophical thought", answer=GREEK
        )
        + "<|im_end|>\n<|im_start|>assistant\n"
    }


NO_JUDGE = [("Philosophy.", True), ("I don't know.", False), ("...", False), ("", False)]


@pytest.mark.parametrize(("text", "right"), NO_JUDGE)
def test_what_needs_no_judge_is_not_asked(words, text, right, counted):
    for reply in (phrases.JUDGE_YES, phrases.JUDGE_NO):
        own = judge.Judge(tiny.wrap(scripted(words, reply), words), 1024)
        assert own(ANAXAGORAS, [text]) == [{"correct": right}]
    assert not counted


def test_nobody_is_right_where_nobody_can_know(words, counted):
    question = Question("u", "s", "What will I dream tonight?", None, None, [], should_abstain=True)
    own = judge.Judge(tiny.wrap(scripted(words, phrases.JUDGE_YES), words), 1024)
    assert own(question, ["A house", "I don't know."]) == [{"correct": False}] * 2
    assert not counted


@pytest.mark.parametrize("chat", [True, False])
def test_probabilities_are_those_of_whole_forward_passes(words, plain, chat):
    lm = tiny.wrap(tiny.random_model("llama", len(words)), words)
    lm = lm if chat else dataclasses.replace(lm, format=plain, tokenizer=plain.tokenizer)
    own = judge.Judge(lm, 512)
    batch = [(ANAXAGORAS, GREEK), (WRITER, "It was\nby Jane {x}"), (WRITER, "Eliot, in 1816")]
    judge.ahead(own, batch)
    found = [own(*pair[:1], [pair[1]])[0] for pair in batch]
    for (question, text), verdict in zip(batch, found, strict=True):
        said = phrases.JUDGE_PROMPT.format(
            question=question.question, accepted=" | ".join(outcomes.accepted(question)), answer=" ".join(text.split())
        )
        prompt = lm.format.prompt([{"role": "user", "content": said}]) if chat else f"{said}\nAnswer: "
        yes, no = (lm.encode(prompt + reply) for reply in (phrases.JUDGE_YES, phrases.JUDGE_NO))
        at = next(i for i, (a, b) in enumerate(zip(yes, no, strict=False)) if a != b)
        pair = tiny.full_forward(lm, yes[:at])[-1][[yes[at], no[at]]].double()
        assert verdict["judged"] == pytest.approx(float(pair.softmax(-1)[0]), abs=1e-5)
        assert verdict["correct"] == (verdict["judged"] >= 0.5)


def test_equal_answers_of_a_batch_are_judged_once(words, counted):
    own = judge.Judge(tiny.wrap(scripted(words, phrases.JUDGE_YES), words), 1024)
    judge.ahead(own, [(WRITER, "Brontë"), (WRITER, "Eliot"), (ANAXAGORAS, GREEK), (WRITER, "Brontë")])
    assert len(own(WRITER, ["Eliot", "Brontë", "Brontë"])) == len(counted) == 3


def test_evaluation_has_a_batch_judged_together(llama, words, monkeypatch):
    calls, own = [], judge.Judge(tiny.wrap(scripted(words, phrases.JUDGE_YES), words), 1024)
    half = lambda self, prompts: calls.append(prompts) or [0.5] * len(prompts)  # noqa: E731
    monkeypatch.setattr(judge.Judge, "probabilities", half)
    asked = QuestionSet("x", "test", [dataclasses.replace(WRITER, id=str(i), question=f"{i}?") for i in range(5)])
    records = [r for batch in answers.ask(llama, asked, "basic", max_new_tokens=4, match=own) for r in batch]
    assert len(calls) == 1
    assert all((r["outcome"] == "correct") == ("judged" in r) for r in records)


def test_the_model_that_is_asked_judges_with_the_same_weights(checkpoint, says):
    lm = tiny.load(checkpoint)
    about = judge.describe(str(checkpoint), "auto", "cpu")
    own = judge.load(str(checkpoint), about, False, 1024, lm)
    assert own.lm.model is lm.model
    assert own.lm.about["parameters"] == lm.about["parameters"]
    assert "prompt_sha256" not in lm.about
    other = judge.describe(str(says["YES"]), "auto", "cpu")
    assert judge.load(str(says["YES"]), other, False, 1024, lm).lm.model is not lm.model


def test_a_prompt_beyond_the_judge_s_window_names_the_flag(words):
    lm = tiny.wrap(tiny.random_model("llama", len(words), max_position_embeddings=300), words)
    with pytest.raises(UserError, match=r"question w: judging an answer.* --judge_model tiny takes 300"):
        judge.Judge(lm, 1024)(WRITER, ["Emma " * 200])


def test_a_tokenizer_that_does_not_tell_yes_from_no_is_refused(words, monkeypatch):
    lm = tiny.wrap(tiny.random_model("llama", len(words)), words)
    monkeypatch.setattr(PromptFormat, "ids", lambda self, text: [3] * 5)
    with pytest.raises(UserError, match="--judge_model tiny: its tokenizer does not tell YES from NO"):
        judge.Judge(lm, 1024)


# ---- through the stages ----


def test_a_missing_judge_or_a_needless_one_is_one_line(checkpoint, data, mmlu_like, capsys, tmp_path):
    common = ["--model", checkpoint, "--dataset", data / "facts", "--split", "train", "--output_dir", tmp_path]
    mc = ["--model", checkpoint, "--dataset", mmlu_like, "--split", "test", "--output_dir", tmp_path]
    cases = [
        ([*common, "--match", "judge"], "--match judge: which model judges?"),
        ([*common, "--judge_model", checkpoint], "--judge_model: is of --match judge; with --match contains"),
        ([*common, "--match", "judge", "--judge_model", tmp_path / "no"], "--judge_model "),
        ([*mc, "--match", "judge", "--judge_model", checkpoint], "--match, --match_threshold: for open questions only"),
    ]
    for script in ("eval_refusal.py", "run_query_state.py"):
        for flags, message in cases:
            assert tiny.call(script, *flags) == 2
            assert f"{script}: {message}" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def judged(data, checkpoint, says, tmp_path_factory):
    """``(script, flags of the judge, file) → that file's content``; all in one folder."""
    out = tmp_path_factory.mktemp("out")

    def run(script, reply, file, *flags, code=0):
        asked = ["--model", checkpoint, "--dataset", data / "facts", "--split", "train", "--limit", 4]
        how = ["--match", "judge", "--judge_model", says[reply], "--output_dir", out]
        assert tiny.call(script, *asked, *how, *flags) == code
        return tiny.read_json(out / file)

    return run


def test_the_stages_write_the_judge_s_verdicts(judged, says, embedder):
    evaluated = judged("eval_refusal.py", "YES", "eval_yes.json", "--name", "yes", "--prompt", "basic")
    asking = ["--num_shots", 0, "--num_samples", 3, "--embedder", embedder, "--max_new_tokens", 6]
    state = judged("run_query_state.py", "NO", "state_init.json", *asking)
    assert {r["outcome"] for r in evaluated["records"] if "judged" in r} == {"correct"}
    given = [v for r in state["records"] for v in (*r["samples"], r["greedy"])]
    assert {v["correct"] for v in given if "judged" in v} == {False}
    for file, reply in ((evaluated, "YES"), (state, "NO")):
        about = file["meta"]["judge"]
        assert file["meta"]["args"]["judge_model"] == str(says[reply])
        assert (about["name"], about["dtype"], len(about["fingerprint"])) == (reply, "float32", 16)
        assert len(about["prompt_sha256"]) == 64
        assert about["parameters"] > 0


def test_another_judge_is_another_run(judged, capsys, says, monkeypatch):
    flags = ["eval_a.json", "--name", "a", "--prompt", "basic"]
    judged("eval_refusal.py", "YES", *flags)
    capsys.readouterr()
    judged("eval_refusal.py", "YES", *flags)
    assert "Already done" in capsys.readouterr().out
    judged("eval_refusal.py", "NO", *flags, code=2)
    assert "judge.fingerprint was" in capsys.readouterr().err
    with monkeypatch.context() as patch:
        patch.setattr(judge, "JUDGE_PROMPT", phrases.JUDGE_PROMPT + " ")
        judged("eval_refusal.py", "YES", *flags, code=2)
    assert "judge.prompt_sha256 was" in capsys.readouterr().err


def test_models_judged_by_different_judges_are_not_compared(judged, capsys):
    files = {reply: judged("eval_refusal.py", reply, f"eval_{reply}.json", "--name", reply, "--prompt", "basic")
             for reply in ("YES", "NO")}  # fmt: skip
    metas = [file["meta"] for file in files.values()]
    alike.check_judged_alike(metas[0], metas[0], "one", "other")
    for changed in (metas[1], {"args": metas[0]["args"]}):
        with pytest.raises(UserError, match=r"one: evaluated with --judge_model YES .*; judge all alike"):
            alike.check_judged_alike(metas[0], changed, "one", "other")
    again = {**metas[0], "judge": {**metas[0]["judge"], "prompt_sha256": "0"}}
    with pytest.raises(UserError, match="prompt"):
        alike.check_judged_alike(again, metas[0], "one", "other")


def test_a_flow_between_states_of_different_judges_is_none():
    args = {"args": {"match": "judge"}, "judge": {"fingerprint": "a", "prompt_sha256": "p"}}
    states = [{"meta": {**args, "model": {"fingerprint": name}}} for name in ("initial", "rehearsed")]
    selection.check_states(*states, "one", "other")
    for change in ({"fingerprint": "b"}, {"prompt_sha256": "q"}):
        other = {"meta": {**states[1]["meta"], "judge": {**args["judge"], **change}}}
        with pytest.raises(
            UserError, match="--state_rehearsal other: answers judged by another --judge_model than one's"
        ):
            selection.check_states(states[0], other, "one", "other")
