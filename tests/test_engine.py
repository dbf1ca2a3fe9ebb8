"""The engine against one whole forward pass per sequence: scoring, sampling, and what keeps them bounded."""

from collections import Counter

import numpy as np
import pytest
import scipy.stats
import tiny
import tokenizers
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge_boundary import packing, sampling, scoring
from knowledge_boundary.results import UserError

START = "The following are multiple choice questions (with answers) about capitals.\n\n" * 3
TAILS = [
    "What is the capital of France?",
    "Iraq?",
    "Which one of these is the capital of the country that has a border with Peru, Chile, Brazil and Argentina?",
    "What is the chemical symbol for tungsten?",
    "What?",
    "What is the capital of Australia, and what is it not?" * 3,
    "Is it Rome?",
]
PROMPTS = [f"{START}{tail}\nAnswer:" for tail in TAILS]
OPTIONS = [[" A", " Paris, the city", " Rome"], [" B", " a"], [" Sucre", " La Paz is one"], *[[" x", " yes no"]] * 4]
SMALL, LARGE = 40, 100_000


def everything(batches, n) -> list:
    """The results of all ``(indices, results)``, in order; every index stands once."""
    found = {}
    for indices, results in batches:
        for i, result in zip(indices, results, strict=True):
            assert i not in found
            found[i] = result
    assert sorted(found) == list(range(n))
    return [found[i] for i in range(n)]


@pytest.fixture(scope="module", params=tiny.EXACT)
def lm(request, words):
    return tiny.wrap(tiny.random_model(request.param, len(words)), words)


@pytest.fixture(scope="module")
def llama(words):
    return tiny.wrap(tiny.random_model("llama", len(words)), words)


# ---- scoring ----


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("batch_tokens", [SMALL, LARGE])
def test_letter_probabilities_equal_one_forward_each(lm, batch_tokens, shared):
    wanted = []
    for prompt in PROMPTS:
        candidates = [lm.tokenizer(f"{prompt} {letter}").input_ids[-1] for letter in "ABCD"]
        wanted.append(tiny.full_forward(lm, lm.encode(prompt))[-1, candidates].double().softmax(-1).numpy())
    for order in (range(len(PROMPTS)), reversed(range(len(PROMPTS)))):
        order = list(order)
        batches = scoring.letter_probabilities(lm, [PROMPTS[i] for i in order], ["ABCD"] * 7, batch_tokens, shared)
        found = everything(batches, len(order))
        assert np.abs(np.stack(found) - np.stack([wanted[i] for i in order])).max() <= 1e-5


def test_letters_differ_by_question(llama):
    found = everything(scoring.letter_probabilities(llama, PROMPTS[:2], ["AB", "ABCD"], LARGE, True), 2)
    logits = tiny.full_forward(llama, llama.encode(PROMPTS[0]))[-1]
    candidates = [llama.tokenizer(f" {letter}").input_ids[0] for letter in "AB"]
    assert found[0] == pytest.approx(logits[candidates].double().softmax(-1).numpy(), abs=1e-5)
    assert len(found[1]) == 4


@pytest.mark.parametrize("shared", [True, False])
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


def test_pair_probabilities_compare_where_the_texts_part(lm):
    texts = PROMPTS[:4]
    found = everything(scoring.pair_probabilities(lm, texts, " I am sure.", " I am unsure.", LARGE, True), 4)
    for text, value in zip(texts, found, strict=True):
        one, other = lm.encode(text + " I am sure."), lm.encode(text + " I am unsure.")
        at = next(t for t in range(len(one)) if one[t] != other[t])
        p = tiny.full_forward(lm, one[:at])[-1].softmax(-1)
        assert value == pytest.approx((p[one[at]] / (p[one[at]] + p[other[at]])).item(), abs=1e-5)


def test_candidate_ids_are_what_follows_the_prompt(llama):
    ids = scoring.candidate_ids(llama, "Answer:", "ABCD")
    assert llama.tokenizer.convert_ids_to_tokens(ids) == ["ĠA", "ĠB", "ĠC", "ĠD"]


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


@settings(max_examples=200, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=30),
    rows_each=st.integers(1, 11),
    batch_tokens=st.integers(1, 300),
)
def test_sampling_plans_are_bounded_and_whole(lengths, rows_each, batch_tokens):
    packed = sampling.plan([[0] * (n + 2) for n in lengths], 2, rows_each, batch_tokens)
    equal = sampling.plan_equal([[0] * n for n in lengths], rows_each, batch_tokens)
    for batches in (packed, equal):
        assert sorted(i for lanes in batches for lane in lanes for i in lane) == list(range(len(lengths)))
        for lanes in batches:
            own = [lengths[i] for lane in lanes for i in lane]
            assert max(sum(own), len(own) * rows_each) <= batch_tokens or len(own) == 1
    assert all(len({lengths[i] for i in lane}) == 1 for (lane,) in equal)


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
        assert np.array_equal(found, wanted)


@torch.inference_mode()
def test_a_pass_leaves_the_root_as_it_was(llama):
    root = llama.encode(START)
    cache = packing.run_root(llama.model, root, llama.device)
    before = [(layer.keys.clone(), layer.values.clone()) for layer in cache.layers]
    trees = [packing.Tree(), packing.Tree()]
    for tree, ids in zip(trees, ([5, 6, 7], [8]), strict=True):
        tree.add(ids)
    grown = packing.growing(cache, 2)
    for kept in (cache, grown):
        packing.hidden_states(llama.model, packing.pack(trees, len(root), llama.device), kept)
    assert grown.get_seq_length() == len(root) + 3
    for layer, (keys, values) in zip(cache.layers, before, strict=True):
        assert torch.equal(layer.keys, keys)
        assert torch.equal(layer.values, values)


def test_check_accepts_sound_families(lm):
    assert packing.check(lm) is True


def test_check_refuses_a_head_that_is_more_than_a_product(words):
    with pytest.raises(UserError, match="not supported"):
        packing.check(tiny.wrap(tiny.random_model("gemma2", len(words)), words))


def test_check_finds_an_inexact_cache(llama, monkeypatch):
    update = packing.RootLayer.update

    def off_by_one(self, *args):
        keys, values = update(self, *args)
        return keys, values + 1

    monkeypatch.setattr(packing.RootLayer, "update", off_by_one)
    assert packing.check(llama) is False


def limit_tokens(monkeypatch, module, most):
    """Make ``module`` run out of memory with more than ``most`` tokens in a pass."""
    hidden_states = module.hidden_states

    def limited(model, lanes, *args, **kwargs):
        if lanes.ids.numel() > most:
            raise torch.OutOfMemoryError("out of memory")
        return hidden_states(model, lanes, *args, **kwargs)

    monkeypatch.setattr(module, "hidden_states", limited)


def test_out_of_memory_halves_the_batch(llama, monkeypatch, capsys):
    letters = ["ABCD"] * len(PROMPTS)
    wanted = everything(scoring.letter_probabilities(llama, PROMPTS, letters, LARGE, True), len(PROMPTS))
    limit_tokens(monkeypatch, scoring, 100)
    found = everything(scoring.letter_probabilities(llama, PROMPTS, letters, LARGE, True), len(PROMPTS))
    assert np.abs(np.stack(found) - np.stack(wanted)).max() <= 1e-6
    assert "Out of memory" in capsys.readouterr().out


def test_out_of_memory_with_one_question_ends(llama, monkeypatch):
    limit_tokens(monkeypatch, scoring, 0)
    with pytest.raises(UserError, match="out of memory"):
        list(scoring.letter_probabilities(llama, PROMPTS, ["ABCD"] * len(PROMPTS), LARGE, True))


# ---- sampling ----

IDS = [f"q{i}" for i in range(len(PROMPTS))]


def sample(lm, prompts=PROMPTS, ids=IDS, n=6, most=6, batch_tokens=LARGE, shared=True, **options):
    """(samples, greedy) of every prompt."""
    batches = sampling.answer(lm, prompts, ids, n, most, batch_tokens, shared, **options)
    return everything(batches, len(prompts))


def texts_of(answers):
    """Each question's sampled texts and greedy text."""
    return [([a.text for a in samples], greedy.text) for samples, greedy in answers]


@pytest.mark.parametrize("shared", [True, False])
def test_greedy_equals_generate(lm, shared):
    most = 12
    found = sample(lm, n=0, most=most, shared=shared)
    for prompt, (samples, greedy) in zip(PROMPTS, found, strict=True):
        ids = torch.tensor([lm.encode(prompt)])
        out = lm.model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=most)
        text = lm.tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True)
        assert greedy.text == text.split("\n")[0].strip()
        assert samples == []


def slow_tree(lm, prompt, question_id, n, most, temperature, seed):
    """The same draws in the same order, with one whole forward pass per distinct beginning."""
    ids, generator, stops = lm.encode(prompt), sampling.generator(seed, question_id), lm.stop_tokens
    rows, finished = [((), n, 0.0)], Counter()
    while rows:
        children = []
        for tokens, count, total in rows:
            logits = tiny.full_forward(lm, [*ids, *tokens])[-1]
            cumulative = (logits.double() / temperature).softmax(-1).cumsum(-1).numpy()
            drawn = np.searchsorted(cumulative, generator.random(count) * cumulative[-1], side="right")
            for token, times in sorted(Counter(drawn.tolist()).items()):
                if token in stops:
                    finished[tokens, round(total, 3)] += times
                    continue
                child = ((*tokens, token), times, total + logits.log_softmax(-1)[token].item())
                if len(child[0]) == most:
                    finished[child[0], round(child[2], 3)] += times
                else:
                    children.append(child)
        rows = children
    return Counter({(lm.tokenizer.decode(t, skip_special_tokens=True).strip(), p): k for (t, p), k in finished.items()})


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("temperature", [1.0, 0.4])
def test_the_tree_equals_a_slow_reference(lm, temperature, shared):
    found = sample(lm, n=8, most=5, shared=shared, temperature=temperature, seed=3, greedy=False)
    for prompt, question_id, (samples, greedy) in zip(PROMPTS, IDS, found, strict=True):
        wanted = slow_tree(lm, prompt, question_id, 8, 5, temperature, 3)
        assert Counter(a.text for a in samples) == sum((Counter({t: k}) for (t, _), k in wanted.items()), Counter())
        values = sorted(sum(a.logprobs) for a in samples)
        assert values == pytest.approx(sorted(p for (_, p), k in wanted.items() for _ in range(k)), abs=2e-3)
        assert greedy is None


def word_model():
    """A Llama of five words and an end token: all its answers of three words can be written down."""
    vocabulary = {w: i for i, w in enumerate(["<pad>", "<bos>", "<eos>", "a", "b", "c", "d", "\n"])}
    inner = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="<pad>"))
    inner.pre_tokenizer = tokenizers.pre_tokenizers.Split(" ", "removed")
    words = transformers.PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<eos>")
    return tiny.wrap(tiny.random_model("llama", len(vocabulary), seed=1), words)


def exact_distribution(lm, prompt, most) -> dict:
    """{tokens: probability} of every answer of at most ``most`` tokens."""
    stops, probabilities, open_ones = lm.stop_tokens, {}, {(): 1.0}
    for _ in range(most):
        longer = {}
        for tokens, p in open_ones.items():
            for token, q in enumerate(tiny.full_forward(lm, [*lm.encode(prompt), *tokens])[-1].double().softmax(-1)):
                if token in stops:
                    probabilities[tokens] = probabilities.get(tokens, 0) + p * q.item()
                else:
                    longer[(*tokens, token)] = p * q.item()
        open_ones = longer
    return probabilities | open_ones


def test_samples_have_the_exact_distribution():
    lm, questions, n = word_model(), 300, 10
    wanted = {lm.tokenizer.decode(list(t)): p for t, p in exact_distribution(lm, "a b a", 2).items()}
    assert sum(wanted.values()) == pytest.approx(1)
    found = sample(lm, ["a b a"] * questions, [f"x{i}" for i in range(questions)], n=n, most=2)
    counts = Counter(a.text for samples, _ in found for a in samples)
    assert set(counts) <= set(wanted)
    common = [t for t, p in wanted.items() if p * questions * n >= 5]
    rare = 1 - sum(wanted[t] for t in common)
    expected = np.array([*(wanted[t] for t in common), rare]) * questions * n
    observed = np.array([*(counts[t] for t in common), sum(k for t, k in counts.items() if t not in common)])
    assert len(common) > 10
    assert scipy.stats.chisquare(observed, expected).pvalue > 1e-4
    # Not the same draws for every question.
    assert len({tuple(a.text for a in samples) for samples, _ in found}) > questions / 2


def test_answers_do_not_depend_on_their_company(llama):
    wanted = texts_of(sample(llama))
    assert texts_of(sample(llama, batch_tokens=1)) == wanted
    assert texts_of(sample(llama, shared=False)) == wanted
    order = [4, 1, 6]
    some = sample(llama, [PROMPTS[i] for i in order], [IDS[i] for i in order])
    assert texts_of(some) == [wanted[i] for i in order]
    assert [s for s, _ in texts_of(sample(llama, seed=1))] != [s for s, _ in wanted]


def test_batches_that_are_skipped_change_nothing(llama):
    whole = dict(enumerate(texts_of(sample(llama, batch_tokens=30))))
    rest = list(sampling.answer(llama, PROMPTS, IDS, 6, 6, 30, True, skip=lambda indices: 0 in indices))
    found = {i: text for indices, answers in rest for i, text in zip(indices, texts_of(answers), strict=True)}
    assert 0 < len(found) < len(whole)
    assert all(whole[i] == text for i, text in found.items())


def test_a_narrow_nucleus_is_greedy(llama):
    for samples, greedy in sample(llama, top_p=1e-9):
        assert [a.text for a in samples] == [greedy.text] * 6


def test_nucleus_holds_the_smallest_set(llama):
    logits = torch.log(torch.tensor([[0.5, 0.3, 0.15, 0.05]]))
    rows = [sampling.Row(0, 4000, False)]
    drawn = sampling.draw_tokens(rows, logits, {0: np.random.default_rng(0)}, 1.0, 0.6)[0]
    assert set(drawn.tolist()) == {0, 1}
    assert np.mean(drawn == 0) == pytest.approx(0.5 / 0.8, abs=0.03)


def test_lengths_multiplicities_and_probability(llama):
    for prompt, (samples, greedy) in zip(PROMPTS, sample(llama, n=9, most=4), strict=True):
        assert len(samples) == 9
        for a in [*samples, greedy]:
            assert len(a.logprobs) <= 4
        logprobs = tiny.full_forward(llama, llama.encode(prompt))[-1].log_softmax(-1)
        if greedy.logprobs:
            assert greedy.logprobs[0] == pytest.approx(logprobs.max().item(), abs=1e-5)
            assert greedy.probability == pytest.approx(np.prod(np.exp(greedy.logprobs)) ** (1 / len(greedy.logprobs)))


def test_an_empty_answer_has_probability_zero():
    assert sampling.Answer("", []).probability == 0
    assert sampling.Answer("x", [np.log(0.5), np.log(0.125)]).probability == pytest.approx(0.25)


def test_sampling_survives_out_of_memory(llama, monkeypatch):
    wanted = texts_of(sample(llama))
    limit_tokens(monkeypatch, sampling, 100)
    assert texts_of(sample(llama)) == wanted
