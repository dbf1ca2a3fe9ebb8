"""Servers that give less than they might: llama.cpp's, with some of what it takes and gives held back in between."""

import contextlib
import math

import pytest
import tiny
from llama_server import Llama, Proxy, needs_llama

from knowledge_boundary.serving import abilities, choices, served
from knowledge_boundary.serving.address import Url, address
from knowledge_boundary.serving.conversation import written

pytestmark = needs_llama
PLAIN = "Question: What is the capital of {}?\nA. Paris\nB. Rome\nC. Madrid\nD. Berlin\nAnswer:"
TEXTS = [PLAIN.format(place) for place in ("France", "Italy", "Spain")]
MESSAGES = [written([{"role": "user", "content": text}]) for text in TEXTS]


@pytest.fixture(scope="module")
def llama():
    server = Llama().start()
    yield server
    server.stop()


@contextlib.contextmanager
def through(llama, edit):
    """A served model behind a proxy that edits requests and replies."""
    proxy = Proxy(llama.url.removesuffix("/v1"), edit=edit)
    where = address("openai:", Url(proxy.url))
    about = served.describe(where)
    where = address(f"openai:{about['served']['model']}", Url(proxy.url))
    lm = served.load(where, about, None, "", 2, None, num_samples=4)
    yield lm, proxy
    proxy.stop()


def letters_of(lm, texts):
    """(probabilities of the letters of each prompt, the ways by which they were found)."""
    found = {}
    for indices, batch in choices.letter_probabilities(lm, texts, ["ABCD"] * len(texts)):
        found |= dict(zip(indices, batch, strict=True))
    return [found[i] for i in range(len(texts))], lm.summary["letters"]


@pytest.fixture(scope="module")
def whole(llama):
    """What the server gives where nothing is held back."""
    with through(llama, None) as (lm, _):
        return {
            "plain": letters_of(lm, TEXTS)[0],
            "chat": letters_of(lm, MESSAGES)[0],
            "able": lm.able("completions"),
            "talks": lm.able("chat"),
        }


def close(found, wanted, tolerance=1e-6):
    for (p, _), (other, _) in zip(found, wanted, strict=True):
        assert p == pytest.approx(other, abs=tolerance)


def test_all_that_llama_cpp_can_do_is_found(whole):
    able = whole["able"]
    assert (able.top, able.deep, able.temperature, able.seeded, able.echo) == (20, 1000, True, True, False)
    assert (able.spaced, able.limit, able.passed) == (True, "max_tokens", abilities.PLAIN)
    assert whole["talks"].prefill == {}
    assert whole["talks"].lead == ""


def capped(most: int):
    """A server that gives log-probabilities of a few tokens, and refuses more."""

    def edit(path, body, forward):
        wanted = body.get("top_logprobs", body.get("logprobs")) or 0
        if wanted > most:
            return 400, {"error": {"message": f"at most {most}"}}
        return forward(body)

    return edit


def test_letters_that_are_not_among_the_first_are_asked_for_among_more(llama, whole):
    def edit(path, body, forward):
        wanted = body.get("logprobs") or 0
        return forward(body | {"logprobs": 2} if 2 < wanted <= 20 else body)

    with through(llama, edit) as (lm, _):
        lm.able("completions").deep = 1000
        found, ways = letters_of(lm, TEXTS)
    close(found, whole["plain"])
    assert ways == {"more_logprobs": 3}


def test_a_few_log_probabilities_are_enough_where_the_letters_are_among_them(llama, whole):
    with through(llama, capped(5)) as (lm, _):
        _found, ways = letters_of(lm, TEXTS)
        assert (lm.able("completions").top, lm.able("completions").deep) == (5, 5)
    exact = [i for i, (p, _) in enumerate(whole["plain"]) if len(p) == 4]
    assert sum(ways.values()) == len(exact)
    assert ways.keys() <= {"top_logprobs", "bounded", "sampled", "unreadable"}


def test_log_probabilities_of_prompts_are_taken_where_the_likeliest_are_not_given(llama, whole):
    """A server that gives those of prompts alone: here the last token's, the others' are made up."""
    server = Proxy(llama.url.removesuffix("/v1"))

    def ask(path, body):
        return server.forward_json(path, body, {"Content-Type": "application/json"})[1]

    def edit(path, body, forward):
        if not body.get("echo"):
            return forward({k: v for k, v in body.items() if k not in ("logprobs", "top_logprobs")})
        pieces = ask("/tokenize", {"content": body["prompt"], "with_pieces": True, "add_special": True})["tokens"]
        tokens = [piece["piece"] for piece in pieces]
        before = body | {"prompt": "".join(tokens[:-1]), "logprobs": 60000}
        (choice,) = ask("/v1/completions", {k: v for k, v in before.items() if k != "echo"})["choices"]
        likely = {t["token"]: t["logprob"] for t in choice["logprobs"]["content"][0]["top_logprobs"]}
        own = [None, *[-1.0] * (len(tokens) - 2), likely[tokens[-1]], -1.0]
        logprobs = {"tokens": [*tokens, "x"], "token_logprobs": own, "top_logprobs": None}
        return 200, {"choices": [{"text": body["prompt"] + "x", "logprobs": logprobs, "finish_reason": "length"}]}

    with through(llama, edit) as (lm, _):
        found, ways = letters_of(lm, TEXTS)
    server.stop()
    close(found, whole["plain"])
    assert [held for _, held in found] == pytest.approx([held for _, held in whole["plain"]], abs=1e-6)
    assert ways == {"prompt_logprobs": 3}


def test_a_bias_that_shows_raises_all_letters_alike(llama):
    """Where few log-probabilities are given, and what is raised shows in them."""

    def edit(path, body, forward):
        raised = body.pop("logit_bias", None)
        if (body.get("logprobs") or 0) > 5:
            return 400, {"error": {"message": "at most 5"}}
        if not raised:
            return forward(body)
        status, reply = forward(body | {"logprobs": 60000})
        row = reply["choices"][0]["logprobs"]["content"][0]
        shown = [t for t in row["top_logprobs"] if str(t["id"]) in raised]
        held = math.log(sum(math.exp(t["logprob"]) for t in shown))
        row["top_logprobs"] = [t | {"logprob": t["logprob"] - held} for t in shown]
        return status, reply

    text = "The capital of France is"  # no letter is likely to follow
    with through(llama, None) as (lm, _):
        wanted, ways = letters_of(lm, [text])
        assert ways == {"more_logprobs": 1}
    with through(llama, edit) as (lm, _):
        assert lm.able("completions").raised
        found, ways = letters_of(lm, [text])
    close(found, wanted)
    assert found[0][1] is None  # what share of all they hold is not known
    assert ways == {"logit_bias": 1}


def test_without_log_probabilities_letters_are_drawn_and_that_is_said(llama, whole, capsys):
    def edit(path, body, forward):
        status, reply = forward(body)
        for choice in reply.get("choices", ()):
            choice.pop("logprobs", None)
        return status, reply

    with through(llama, edit) as (lm, _):
        found, ways = letters_of(lm, TEXTS)
        assert not lm.able("completions").exact
        assert "log-probabilities" in capsys.readouterr().out
    assert set(ways) <= {"sampled", "unreadable"}
    assert sum(ways.values()) == 3
    for p, held in found:
        assert sum(p) == pytest.approx(1)
        assert 0 <= held <= 1


def test_what_a_strict_host_refuses_is_left_out_and_said(llama, whole, capsys):
    known = {
        "model",
        "messages",
        "max_completion_tokens",
        "logprobs",
        "top_logprobs",
        "n",
        "seed",
        "stop",
        "logit_bias",
    }

    def edit(path, body, forward):
        unknown = sorted(set(body) - known)
        if "chat" not in path:
            return 404, {"error": {"message": "no such thing"}}
        if unknown:
            return 400, {"error": {"message": f"Unrecognized request argument: {unknown[0]}"}}
        if body.get("top_logprobs", 0) > 20:
            return 400, {"error": {"message": "at most 20"}}
        status, reply = forward(body | {"temperature": 0})
        return status, reply

    with through(llama, edit) as (lm, _):
        able = lm.able("chat")
        assert (able.limit, able.passed, able.temperature, able.top) == ("max_completion_tokens", {}, False, 20)
        assert not lm.takes("completions")
        close(letters_of(lm, MESSAGES)[0], whole["chat"], 1e-4)
        said = capsys.readouterr().out
    assert "temperature and top_p" in said
    assert "top_k" in said
    assert "chat_template_kwargs" in said
    assert "all answers drawn on trial were the same" in said


def test_an_ignored_n_and_seed_are_noticed(llama, capsys):
    def edit(path, body, forward):
        return forward({k: v for k, v in body.items() if k not in ("n", "seed")})

    with through(llama, edit) as (lm, _):
        able = lm.able("completions")
        assert able.many == 1
    said = capsys.readouterr().out
    assert "n (each of 4 answers is a request of its own)" in said
    assert "seed (another run draws other answers)" in said


def test_n_is_used_where_it_is_honoured():
    server = Llama(slots=4).start()
    try:
        with through(server, None) as (lm, proxy):
            assert lm.able("completions").many == 4
            from knowledge_boundary.serving import answers

            ((_, [(samples, _)]),) = answers.answer(lm, TEXTS[:1], ["q"], 4, 6)
            asked = [body for _, _, body in proxy.asked if body.get("n") == 4 and body.get("max_tokens") == 6]
            assert len(samples) == 4
            assert len(asked) == 1
    finally:
        server.stop()


def test_a_begun_answer_that_is_not_gone_on_with_is_a_turn_of_its_own(llama):
    def edit(path, body, forward):
        messages = body.get("messages", [])
        if len(messages) > 1 and messages[-1]["role"] == "assistant":
            body = body | {"messages": [*messages, {"role": "user", "content": "?"}]}
        return forward(body)

    with through(llama, edit) as (lm, proxy):
        assert lm.able("chat").prefill is None
        text = (
            f"{MESSAGES[0]}Paris. Are you sure you accurately answered the question based on your internal knowledge?"
        )
        (p,) = choices.pair_probabilities(lm, [text], " I am sure.", " I am unsure.", ["q"])
        last = proxy.asked[-1][2]["messages"]
    assert [m["role"] for m in last] == ["user", "assistant", "user"]
    assert last[1]["content"] == "Paris."
    assert p is None or 0 <= p <= 1


def test_a_prompt_that_is_too_long_is_one_line_that_names_its_question(llama, tmp_path, capfd, embedder):
    rows = [{"id": "long1", "question": "word " * 4000, "answer": "x"}, {"id": "b", "question": "Who?", "answer": "x"}]
    file = tiny.write_jsonl(tmp_path / "own.jsonl", rows)
    line = [
        "run_query_state.py", "--model", "openai:", "--base_url", llama.url, "--dataset", file, "--num_shots", 0,
        "--num_samples", 2, "--embedder", embedder, "--output_dir", tmp_path / "out",
    ]  # fmt: skip
    assert tiny.call(*line) == 2
    error = capfd.readouterr().err.strip().splitlines()[-1]
    assert "long1" in error


def test_vllm_is_sent_no_seed(llama):
    """Its server on CPUs ends at one."""
    proxy = Proxy(llama.url.removesuffix("/v1"))
    forward = proxy.forward

    def as_vllm(path, body, headers):
        status, content = forward(path, body, headers)
        return status, content.replace(b'"owned_by":"llamacpp"', b'"owned_by":"vllm"')

    proxy.forward = as_vllm
    about = served.describe(address("openai:", Url(proxy.url)))
    where = address(f"openai:{about['served']['model']}", Url(proxy.url))
    lm = served.load(where, about, None, "", 2, None, num_samples=3)
    assert not lm.able("completions").seeded
    proxy.stop()
    assert proxy.asked
    assert not any("seed" in body for _, _, body in proxy.asked)
