"""Packing and scoring against one whole forward pass per sequence, and what keeps them bounded."""

import batches
import numpy as np
import pytest
import tiny
import torch
from batches import LARGE, OPTIONS, PROMPTS, SMALL, START, everything
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge_boundary.engine import exactness, packing, passes, scoring
from knowledge_boundary.running.errors import UserError


def letter_probabilities(lm, letters, shared=True, **options) -> list:
    """The letters' probabilities behind as many of ``PROMPTS`` as there are ``letters``."""
    found = scoring.letter_probabilities(lm, PROMPTS[: len(letters)], letters, LARGE, shared, **options)
    return [p for p, _ in everything(found, len(letters))]


@pytest.mark.parametrize("batch_tokens", [SMALL, LARGE])
def test_letter_probabilities_equal_one_forward_each(lm, batch_tokens, shared):
    wanted, mass = [], []
    for prompt in PROMPTS:
        candidates = [lm.tokenizer(f"{prompt} {letter}").input_ids[-1] for letter in "ABCD"]
        logits = tiny.full_forward(lm, lm.encode(prompt))[-1].double()
        wanted.append(logits[candidates].softmax(-1).numpy())
        mass.append(logits.softmax(-1)[candidates].sum().item())
    for order in (range(len(PROMPTS)), reversed(range(len(PROMPTS)))):
        order = list(order)
        batches = scoring.letter_probabilities(lm, [PROMPTS[i] for i in order], ["ABCD"] * 7, batch_tokens, shared)
        found, held = zip(*everything(batches, len(order)), strict=True)
        assert np.abs(np.stack(found) - np.stack([wanted[i] for i in order])).max() <= 1e-5
        assert held == pytest.approx([mass[i] for i in order], abs=1e-6, rel=1e-4)


def test_a_long_root_runs_in_parts(lm, monkeypatch):
    if lm.model.config.model_type in tiny.WHOLE:
        pytest.skip("does not pack")
    wanted = letter_probabilities(lm, ["ABCD"] * 7, shared=False)
    monkeypatch.setattr(passes, "ROOT_PART", 20)
    found = letter_probabilities(lm, ["ABCD"] * 7)
    assert np.abs(np.stack(found) - np.stack(wanted)).max() <= 1e-5


def test_letters_differ_by_question(llama):
    found = letter_probabilities(llama, ["AB", "ABCD"])
    logits = tiny.full_forward(llama, llama.encode(PROMPTS[0]))[-1]
    candidates = [llama.tokenizer(f" {letter}").input_ids[0] for letter in "AB"]
    assert found[0] == pytest.approx(logits[candidates].double().softmax(-1).numpy(), abs=1e-5)
    assert len(found[1]) == 4


@pytest.mark.parametrize("batch_tokens", [SMALL, LARGE])
def test_option_log_likelihoods_equal_the_plain_sum(lm, batch_tokens, shared):
    found = everything(scoring.option_log_likelihoods(lm, PROMPTS, OPTIONS, batch_tokens, shared), len(PROMPTS))
    for prompt, options, result in zip(PROMPTS, OPTIONS, found, strict=True):
        start = len(lm.encode(prompt))
        for option, (value, count) in zip(options, result, strict=True):
            ids = lm.encode(prompt + option)
            logprobs = tiny.full_forward(lm, ids).log_softmax(-1)
            wanted = sum(logprobs[t - 1, ids[t]].item() for t in range(start, len(ids)))
            assert count == len(ids) - start
            assert value == pytest.approx(wanted, abs=2e-5 * count, rel=1e-5)


def test_pair_probabilities_compare_where_the_texts_part(lm, shared):
    texts = PROMPTS[:4]
    found = everything(scoring.pair_probabilities(lm, texts, " I am sure.", " I am unsure.", LARGE, shared), 4)
    for text, value in zip(texts, found, strict=True):
        one, other = lm.encode(text + " I am sure."), lm.encode(text + " I am unsure.")
        at = next(t for t in range(len(one)) if one[t] != other[t])
        p = tiny.full_forward(lm, one[:at])[-1].softmax(-1)
        assert value == pytest.approx((p[one[at]] / (p[one[at]] + p[other[at]])).item(), abs=1e-5)


def test_candidate_ids_are_what_follows_the_prompt(llama):
    ids = scoring.candidate_ids(llama, "Answer:", "ABCD")
    assert llama.tokenizer.convert_ids_to_tokens(ids) == ["ĠA", "ĠB", "ĠC", "ĠD"]


@pytest.mark.parametrize("prompt", ["答案：", "题目：哪一种？\nA. 甲\nB. 乙\n答案是："])
def test_behind_a_chinese_colon_the_letter_has_no_space(llama, prompt):
    ids = scoring.candidate_ids(llama, prompt, "ABCD")
    assert llama.tokenizer.convert_ids_to_tokens(ids) == ["A", "B", "C", "D"]
    assert llama.encode(f"{prompt}B") == [*llama.encode(prompt), ids[1]]


def test_letters_behind_a_chinese_colon_are_exact(lm, shared):
    texts = [f"题目：第{i}题是什么？\nA. 甲\nB. 乙\nC. 丙\nD. 丁\n答案：" for i in range(5)]
    found = everything(scoring.letter_probabilities(lm, texts, ["ABCD"] * 5, LARGE, shared), 5)
    for text, (p, held) in zip(texts, found, strict=True):
        whole = tiny.full_forward(lm, lm.encode(text))[-1].softmax(-1)
        own = whole[[lm.tokenizer.convert_tokens_to_ids(letter) for letter in "ABCD"]]
        assert p == pytest.approx((own / own.sum()).numpy(), abs=1e-5)
        assert held == pytest.approx(own.sum().item(), abs=1e-5)


def test_a_letter_of_two_tokens_is_refused(llama):
    with pytest.raises(UserError, match="letter Ω is not one token"):
        scoring.candidate_ids(llama, "Answer:", "AΩ")


def test_letters_that_are_one_token_are_refused(llama):
    with pytest.raises(UserError, match="not distinct"):
        scoring.candidate_ids(llama, "Answer:", "AA")


@settings(max_examples=200, deadline=None)
@given(
    units=st.lists(st.lists(st.lists(st.integers(0, 2), max_size=9), min_size=1, max_size=3), min_size=1, max_size=30),
    root=st.integers(0, 3),
    batch_tokens=st.integers(1, 60),
)
def test_plan_is_bounded_and_whole(units, root, batch_tokens):
    requests = [[scoring.Request([7] * root + [1, *ids], root + 1) for ids in unit] for unit in units]
    batches = scoring.plan(requests, root, batch_tokens)
    assert sorted(i for lanes in batches for lane in lanes for i in lane) == list(range(len(units)))
    for lanes in batches:
        trees = [packing.Tree() for _ in lanes]
        for tree, lane in zip(trees, lanes, strict=True):
            for i in lane:
                for ids in units[i]:
                    tree.add([1, *ids])
        assert len(trees) * max(map(len, trees)) <= batch_tokens or sum(map(len, lanes)) == 1


@settings(max_examples=200, deadline=None)
@given(
    units=st.lists(st.lists(st.integers(1, 40), min_size=1, max_size=4), min_size=1, max_size=30),
    batch_tokens=st.integers(1, 200),
)
def test_the_plan_of_whole_sequences_is_bounded_and_whole(units, batch_tokens):
    requests = [[scoring.Request([0] * n, n) for n in unit] for unit in units]
    batches = scoring.plan_whole(requests, batch_tokens)
    assert sorted(i for (batch,) in batches for i in batch) == list(range(len(units)))
    for (batch,) in batches:
        rows = [n for i in batch for n in units[i]]
        assert len(rows) * max(rows) <= batch_tokens or len(batch) == 1


def test_a_tree_holds_every_token_once():
    tree = packing.Tree()
    assert [tree.add(ids) for ids in ([5, 6, 7], [5, 6], [5, 8, 7], [6])] == [[0, 1, 2], [0, 1], [0, 3, 4], [5]]
    assert (tree.tokens, tree.parents, tree.depths) == ([5, 6, 7, 8, 7, 6], [-1, 0, 1, 0, 3, -1], [0, 1, 2, 1, 2, 0])
    seen = {i: set(np.flatnonzero(row)) for i, row in enumerate(tree.sees())}
    assert seen == {0: {0}, 1: {0, 1}, 2: {0, 1, 2}, 3: {0, 3}, 4: {0, 3, 4}, 5: {5}}


def test_skip_leaves_batches_out(llama):
    letters = ["ABCD"] * len(PROMPTS)
    whole = list(scoring.letter_probabilities(llama, PROMPTS, letters, SMALL, True))
    assert len(whole) > 2
    done = whole[1][0]
    rest = list(scoring.letter_probabilities(llama, PROMPTS, letters, SMALL, True, lambda indices: indices == done))
    assert [indices for indices, _ in rest] == [indices for indices, _ in whole if indices != done]
    kept = [results for indices, results in whole if indices != done]
    for (_, found), wanted in zip(rest, kept, strict=True):
        for (p, held), (q, wanted_held) in zip(found, wanted, strict=True):
            assert np.array_equal(p, q)
            assert held == wanted_held


@torch.inference_mode()
def test_a_pass_leaves_the_root_as_it_was(llama):
    root = llama.encode(START)
    cache = passes.run_root(llama.model, root, llama.device)
    before = [(keys.clone(), values.clone()) for keys, values in cache.pairs]
    trees = [packing.Tree(), packing.Tree()]
    for tree, ids in zip(trees, ([5, 6, 7], [8]), strict=True):
        tree.add(ids)
    grown = passes.growing(cache)
    for kept in (cache, grown):
        passes.hidden_states(llama.model, packing.pack(trees, len(root), llama.device), kept)
    assert grown.get_seq_length() == len(root) + 3
    for now, then in zip(cache.pairs, before, strict=True):
        assert all(map(torch.equal, now, then))


def test_check_finds_what_packs(lm):
    assert exactness.check(lm) is (lm.model.config.model_type in tiny.PACKED)


def test_check_refuses_what_the_engine_cannot_run(words):
    with pytest.raises(UserError, match="not supported"):
        exactness.check(tiny.wrap(tiny.random_model(tiny.REFUSED, len(words)), words))


def test_check_refuses_a_head_that_it_does_not_know(llama, monkeypatch):
    head = passes.head
    monkeypatch.setattr(exactness, "head", lambda *args: head(*args) * 1.01)
    with pytest.raises(UserError, match="not supported"):
        exactness.check(llama)


def test_check_finds_an_inexact_cache(llama, monkeypatch):
    update = passes.KeyValues.update

    def off_by_one(self, *args):
        keys, values = update(self, *args)
        return keys, values + 1

    monkeypatch.setattr(passes.KeyValues, "update", off_by_one)
    assert exactness.check(llama) is False


def test_out_of_memory_halves_the_batch(llama, monkeypatch, capsys):
    letters = ["ABCD"] * len(PROMPTS)
    wanted = letter_probabilities(llama, letters)
    batches.limit_tokens(monkeypatch, scoring, 100)
    found = letter_probabilities(llama, letters)
    assert np.abs(np.stack(found) - np.stack(wanted)).max() <= 1e-6
    assert "Out of memory" in capsys.readouterr().out


def test_out_of_memory_with_one_question_ends(llama, monkeypatch):
    batches.limit_tokens(monkeypatch, scoring, 0)
    with pytest.raises(UserError, match="out of memory"):
        list(scoring.letter_probabilities(llama, PROMPTS, ["ABCD"] * len(PROMPTS), LARGE, True))


def break_head(lm, token, value=float("nan")):
    """The model's logit of ``token`` becomes ``value`` everywhere."""
    bias = torch.zeros(lm.vocabulary)
    bias[token] = value
    lm.model.lm_head.bias = torch.nn.Parameter(bias)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_logits_that_are_not_finite_name_the_question(words, value):
    lm = tiny.wrap(tiny.random_model("llama", len(words)), words)
    break_head(lm, scoring.candidate_ids(lm, PROMPTS[0], "D")[0], value)
    names = [f"capitals/test/{i}" for i in range(2)]
    wanted = r"question capitals/test/\d: the model's output is not finite in float32"
    for shared in (True, False):
        with pytest.raises(UserError, match=wanted):
            list(scoring.letter_probabilities(lm, PROMPTS[:2], ["ABC", "ABCD"], LARGE, shared, names=names))
        with pytest.raises(UserError, match=wanted):
            list(scoring.option_log_likelihoods(lm, PROMPTS[:2], OPTIONS[:2], LARGE, shared, names=names))
        with pytest.raises(UserError, match=wanted):  # the letters' share is one of the whole vocabulary
            letter_probabilities(lm, ["ABC"] * 2, shared, names=names)
        found = everything(scoring.pair_probabilities(lm, PROMPTS[:2], " A", " B", LARGE, shared, names=names), 2)
        assert np.isfinite(found).all()  # only the two tokens' rows of the head are computed


def test_options_share_their_question(llama):
    """Every token of a cloze question runs once for all its options."""
    passed = []
    unit = [[scoring.Request(*llama.encode_pair(PROMPTS[0], option)) for option in (" Rome", " Paris", " Paris or")]]
    handle = llama.model.base_model.register_forward_pre_hook(
        lambda module, args, kwargs: passed.append(kwargs["input_ids"].numel()), with_kwargs=True
    )
    try:
        list(scoring.run(llama, unit, lambda hidden, requests, names: [0] * len(requests), LARGE, True))
    finally:
        handle.remove()
    tree = packing.Tree()
    for request in unit[0]:
        tree.add(request.ids)
    assert sum(passed) == len(tree)


def test_questions_about_one_passage_share_a_lane():
    passages = [[p] * 300 for p in (1, 2)]
    units = [[[*passage, 7, i]] for i in range(20) for passage in passages]
    units += [[[*range(10, 20), i]] for i in range(100, 140)]  # short ones: little to share, no wide lane for them
    lanes, sizes = packing.fill(units, 256, 1024)
    of_unit = {i: n for n, lane in enumerate(lanes) for i in lane}
    assert sorted(of_unit) == list(range(len(units)))
    assert len({of_unit[i] for i in range(0, 40, 2)}) == len({of_unit[i] for i in range(1, 40, 2)}) == 1
    assert sizes[of_unit[0]] == 300 + 1 + 20
    assert max(sizes[of_unit[i]] for i in range(40, 80)) <= 256
    options = [[[9] * 300 + [i] * 30, [9] * 300 + [i + 1] * 30] for i in range(0, 40, 2)]
    _, sizes = packing.fill(options, 256, 1024)  # what a unit shares with itself alone makes no room for others
    assert max(sizes) <= 1024
    alone, _ = packing.fill([[[i] * 300 + [1], [i] * 300 + [2]] for i in range(5)], 256, 1024)
    assert sorted(alone) == [[0], [1], [2], [3], [4]]
    _, sizes = packing.fill([[[n, *range(100, 100 + n)]] for n in range(30, 90)], 256, 1024)
    assert max(sizes) - min(sizes) <= 8
