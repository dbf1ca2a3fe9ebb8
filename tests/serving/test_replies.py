"""Replies of servers, in both forms of the protocol, whole and wrong; what an answer is in them."""

import math

import pytest

from knowledge_boundary.running.errors import UserError
from knowledge_boundary.serving import answers, choices, conversation
from knowledge_boundary.serving.kept import Kept
from knowledge_boundary.serving.replies import NonsenseError, Reply, read
from knowledge_boundary.wording.phrases import SURE_QUESTION


def row(text, p, *top):
    """A token of a chat's log-probabilities."""
    listed = [{"token": t, "logprob": q, "bytes": list(t.encode())} for t, q in top]
    return {"token": text, "logprob": p, "bytes": list(text.encode()), "top_logprobs": listed}


def chat(content, **more):
    return {"choices": [{"index": 0, "message": {"role": "assistant", "content": content}, **more}]}


def one(content):
    ((reply,), _) = read(content, 1)
    return reply


def test_both_forms_say_the_same():
    legacy = {
        "tokens": [" Paris", "."], "token_logprobs": [-0.5, -1],
        "top_logprobs": [{" Paris": -0.5, " the": -2}, {".": -1}],
    }  # fmt: skip
    given = {"content": [row(" Paris", -0.5, (" Paris", -0.5), (" the", -2)), row(".", -1, (".", -1))]}
    wanted = ([(" Paris", -0.5), (".", -1.0)], [{" Paris": -0.5, " the": -2.0}, {".": -1.0}])
    for content in (
        {"choices": [{"text": " Paris.", "logprobs": legacy, "finish_reason": "stop"}]},
        {"choices": [{"text": " Paris.", "logprobs": given, "finish_reason": "stop"}]},
        chat(" Paris.", logprobs=given, finish_reason="stop"),
    ):
        found = one(content)
        assert (found.text, found.long, found.tokens, found.top) == (" Paris.", False, *wanted)


def test_a_prompt_s_first_token_has_no_log_probability():
    found = one({"choices": [{"text": "ab", "logprobs": {"tokens": ["a", "b"], "token_logprobs": [None, -1.0]}}]})
    assert found.tokens == [("a", None), ("b", -1.0)]


def test_how_vocabularies_write_spaces_is_translated():
    listed = {"ĠA": -1.0, "▁B": -2.0, "Ċ": -3.0, " A": -0.5}
    given = {"tokens": ["x"], "token_logprobs": [-1], "top_logprobs": [listed]}
    found = one({"choices": [{"text": "x", "logprobs": given}]})
    assert found.top == [{" A": -0.5, " B": -2.0, "\n": -3.0}]


def test_choices_come_in_their_order_and_tokens_are_counted():
    content = {
        "choices": [{"index": 1, "text": "b"}, {"index": 0, "text": "a"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": None},
    }
    found, usage = read(content, 2)
    assert [r.text for r in found] == ["a", "b"]
    assert usage == {"in": 5, "out": None}


@pytest.mark.parametrize(
    "content",
    [
        None, [], "no", {}, {"choices": []}, {"choices": None}, {"choices": ["a"]}, {"error": {"message": "x"}},
        {"choices": [{"text": None}]}, {"choices": [{"text": 3}]}, {"choices": [{"message": "hi"}]},
        {"choices": [{"message": {"content": None, "tool_calls": [{}]}}]}, chat("a", logprobs={"content": [3]}),
        chat("a", logprobs={"content": [row("a", -1.0) | {"top_logprobs": [3]}]}),
        chat(["part"]), chat("a", logprobs={"content": ["x"]}), chat("a", logprobs={"content": [row("a", math.nan)]}),
        chat("a", logprobs={"content": [row("a", 0.7)]}), chat("a", logprobs={"content": [row("a", "low")]}),
        {"choices": [{"text": "a", "logprobs": {"tokens": ["a"], "token_logprobs": [True]}}]},
    ],
)  # fmt: skip
def test_what_is_no_completion_is_nonsense(content):
    with pytest.raises(NonsenseError):
        read(content, 1)


def test_what_is_missing_is_not_nonsense():
    assert one(chat(None, finish_reason="stop")).text == ""
    assert one(chat("a\ud800b")).text == "a?b"  # half of a character
    assert one(chat("a", logprobs=None)).tokens is None
    assert one(chat("a", logprobs={"content": None})).tokens is None
    thinking = {"choices": [{"message": {"content": None, "reasoning": "hm"}, "finish_reason": "length"}]}
    assert (one(thinking).thought, one(thinking).text, one(thinking).long) == ("hm", "", True)


# ---- answers ----


def reply(text, tokens=None, long=False, thought=""):
    return Reply(text, thought, long, tokens, None)


def test_an_answer_is_cut_where_it_is_cut_here_and_so_are_its_tokens():
    tokens = [(" Paris", -0.5), (".", -0.1), ("\n\n", -0.2), ("Question", -3.0)]
    found = answers.said(reply(" Paris.\n\nQuestion", tokens))
    assert (found.text, found.logprobs) == ("Paris.", [-0.5, -0.1])
    found = answers.said(reply("\nParis", [("\n", -1.0), ("Paris", -0.5), ("<|im_end|>", -0.3)]))
    assert (found.text, found.logprobs) == ("Paris", [-1.0, -0.5])
    found = answers.said(reply("Paris", [("Paris", -0.5), ("", -0.3)]))
    assert found.logprobs == [-0.5]
    assert answers.said(reply("Paris")).probability is None
    empty = answers.said(reply("", [("<|im_end|>", -3.0)]))
    assert (empty.text, empty.logprobs, empty.log_p) == ("", [], -3.0)  # that it ends at once


def test_a_long_answer_is_cut_off_only_if_it_has_not_ended():
    assert answers.said(reply("Paris is", long=True)).long
    assert not answers.said(reply("Paris.\nIt", long=True)).long


def test_thoughts_in_marks_and_in_a_field_of_their_own():
    inside = [("<think>", -1.0), ("hm", -1.0), ("</think>", -1.0), ("\n\n", -1.0), ("Paris", -0.5)]
    found = answers.said(reply("<think>hm</think>\n\nParis", inside))
    assert (found.text, found.thought, found.complete) == ("Paris", "<think>hm</think>\n\n", True)
    assert found.logprobs == [-1.0, -0.5]
    assert not answers.said(reply("<think>hm", long=True)).complete
    own = answers.said(reply("Paris", thought="hm"))
    # What the server has parted is no part of a begun answer.
    assert (own.text, own.written, own.thought, own.complete) == ("Paris", "hmParis", "", True)
    assert not answers.said(reply("", long=True, thought="hm")).complete
    assert not answers.said(reply("", long=True)).complete  # hidden from the reader
    assert answers.said(reply("")).complete


# ---- conversations ----


def test_a_conversation_is_one_text_and_back():
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "Who?\nWhere?"}]
    text = conversation.written(messages)
    assert conversation.is_written(text)
    assert conversation.messages_of(f"{text}Paris. Are") == (messages, "Paris. Are")
    assert not conversation.is_written("Question: Who?")
    with pytest.raises(Exception, match="control character"):
        conversation.written([{"role": "user", "content": "a\x02b"}])


def test_r_tuning_s_question_as_a_turn_of_its_own():
    found = conversation.asked_after([{"role": "user", "content": "Who?"}], f"Paris.{SURE_QUESTION}")
    assert [m["role"] for m in found] == ["user", "assistant", "user"]
    assert found[1]["content"] == "Paris."
    assert found[2]["content"].startswith(SURE_QUESTION.strip())


def test_training_data_of_conversations_are_messages():
    text = conversation.written([{"role": "user", "content": "Who?"}])
    form, _, messages = conversation.layout([(text, "Paris")])
    assert form == "conversation"
    assert messages == [[{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Paris"}]]
    assert conversation.layout([("Q", "A")]) == ("text2text", [("Q", "A")], None)


# ---- what is listed ----


class Able:
    spaced = True


class Letters:
    first_token = staticmethod(str)


@pytest.mark.parametrize(
    ("top", "rest", "rests", "first", "wanted"),
    [
        ({" A": -1.0, "A": -0.5}, " A", (" A", " B"), " A", -1.0),
        ({"A": -0.5}, " A", (" A", " B"), " A", None),
        ({" sure": -1.0, " s": -2.0, " un": -3.0}, " sure.", (" sure.", " unsure."), None, -1.0),
        ({" sure": -1.0, " un": -3.0, " ": -0.1}, " unsure.", (" sure.", " unsure."), None, -3.0),
        ({"Y": -1.0, "YE": -2.0, "N": -3.0}, "YES", ("YES", "NO"), None, -2.0),
        ({"Y": -1.0, "YE": -2.0, "N": -3.0}, "YES", ("YES", "NO"), "Y", -1.0),
        ({"maybe": -1.0}, "YES", ("YES", "NO"), None, None),
    ],
)
def test_which_listed_token_begins_what_may_follow(top, rest, rests, first, wanted):
    assert choices.listed(top, Able, rest, rests, first) == wanted


def test_a_bounded_share_moves_nothing_by_more_than_its_bound():
    asked = choices.Asked("", "", {}, (" A", " B"))
    p, held = choices.bounded(Letters, Able, asked, {" A": math.log(0.9), " x": math.log(1e-5)})
    assert p.tolist() == [1.0, 0.0]
    assert held == pytest.approx(0.9)
    assert choices.bounded(Letters, Able, asked, {" A": math.log(0.9), " x": math.log(0.01)}) is None
    assert choices.bounded(Letters, Able, asked, {" x": math.log(0.9)}) is None


def test_what_was_answered_is_kept_and_a_torn_line_is_not(tmp_path):
    kept = Kept(tmp_path / "kept", "one")
    kept.add({"key": "a", "replies": [reply("x").record()], "retries": 1, "seconds": 0.5, "in": 3, "out": None})
    kept.note("letters", "prompt", "top_logprobs")
    kept.note("letters", "prompt", "top_logprobs")
    with open(tmp_path / "kept", "a") as f:
        f.write('{"key": "b", "repl')
    again = Kept(tmp_path / "kept", "one")
    assert again.replies["a"] == [reply("x")]
    assert again.totals == {"requests": 1, "tokens_in": 3, "tokens_out": 0, "retries": 1, "seconds": 0.5}
    assert (again.uncounted, again.count_of_ways()) == (1, {"letters": {"top_logprobs": 1}})
    assert (tmp_path / "kept").read_text().count("\n") == 3
    with pytest.raises(UserError, match="is of another run"):
        Kept(tmp_path / "kept", "other")
