"""The sample tree against one whole forward pass per beginning, against ``generate``, and against probabilities."""

from collections import Counter

import batches
import numpy as np
import pytest
import scipy.stats
import tiny
import torch
from batches import LARGE, PROMPTS, everything, follow, said
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge_boundary.engine import bodies, packing, sampling
from knowledge_boundary.engine.drawing import Answer, Row, draw_tokens, generator
from knowledge_boundary.running.errors import UserError


@settings(max_examples=200, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=30),
    rows_each=st.integers(1, 11),
    batch_tokens=st.integers(1, 300),
)
def test_sampling_plans_are_bounded_and_whole(lengths, rows_each, batch_tokens):
    packed = sampling.plan([[0] * (n + 2) for n in lengths], 2, rows_each, batch_tokens)
    equal = sampling.plan_equal([[0] * n for n in lengths], rows_each, batch_tokens)
    for planned in (packed, equal):
        assert sorted(i for lanes in planned for lane in lanes for i in lane) == list(range(len(lengths)))
        for lanes in planned:
            own = [lengths[i] for lane in lanes for i in lane]
            assert max(sum(own), len(own) * rows_each) <= batch_tokens or len(own) == 1
    assert all(len({lengths[i] for i in lane}) == 1 for (lane,) in equal)


IDS = [f"q{i}" for i in range(len(PROMPTS))]


def sample(lm, prompts=PROMPTS, ids=IDS, n=6, most=6, batch_tokens=LARGE, shared=True, **options):
    """(samples, greedy) of every prompt."""
    batches = sampling.answer(lm, prompts, ids, n, most, batch_tokens, shared, **options)
    return everything(batches, len(prompts))


def texts_of(answers):
    """Each question's sampled texts and greedy text."""
    return [([a.text for a in samples], greedy.text) for samples, greedy in answers]


def test_greedy_equals_generate(lm, shared):
    most = 12
    found = sample(lm, n=0, most=most, shared=shared)
    for prompt, (samples, greedy) in zip(PROMPTS, found, strict=True):
        ids = torch.tensor([lm.encode(prompt)])
        out = lm.model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=most)
        assert greedy.text == said(lm, out[0, ids.shape[1] :].tolist())
        assert samples == []


# Two ways to the same logits differ by rounding, on tiny models by some 1e-6; a cumulative probability then differs by
# that over the temperature. A draw nearer than this to the border between two tokens may fall on either.
ROUNDING = 1e-5


def slow_tree(lm, prompt, question_id, n, most, temperature, seed):
    """The same draws in the same order, with one whole forward pass per distinct beginning.

    None where rounding could move one of them.
    """
    ids, own = lm.encode(prompt), generator(seed, question_id)
    rows, finished = [((), n, 0.0)], Counter()
    while rows:
        children = []
        for tokens, count, total in rows:
            logits = tiny.full_forward(lm, [*ids, *tokens])[-1]
            cumulative = (logits.double() / temperature).softmax(-1).cumsum(-1).numpy()
            targets = own.random(count) * cumulative[-1]
            drawn = np.searchsorted(cumulative, targets, side="right")
            if np.abs(cumulative[:, None] - targets).min() < ROUNDING:
                return None
            for token, times in sorted(Counter(drawn.tolist()).items()):
                longer, ended = follow(lm, tokens, token, most)
                value = total + logits.log_softmax(-1)[token].item() * (len(longer) > len(tokens))
                if ended:
                    finished[longer, value] += times
                else:
                    children.append((longer, times, value))
        rows = children
    found = Counter()
    for (tokens, value), times in finished.items():
        found[said(lm, tokens), round(value, 3)] += times
    return found


@pytest.mark.parametrize("temperature", [1.0, 0.4])
def test_the_tree_equals_a_slow_reference(lm, temperature, shared):
    ids, expected = [], []
    for prompt in PROMPTS:  # the first id of each whose draws rounding cannot move
        tries = ((name, slow_tree(lm, prompt, name, 8, 5, temperature, 3)) for name in map("q{}".format, range(50)))
        name, wanted = next((name, wanted) for name, wanted in tries if wanted)
        ids.append(name)
        expected.append(wanted)
    found = sample(lm, ids=ids, n=8, most=5, shared=shared, temperature=temperature, seed=3, greedy=False)
    for wanted, (samples, greedy) in zip(expected, found, strict=True):
        assert Counter(a.text for a in samples) == sum((Counter({t: k}) for (t, _), k in wanted.items()), Counter())
        values = sorted(sum(a.logprobs) for a in samples)
        assert values == pytest.approx(sorted(p for (_, p), k in wanted.items() for _ in range(k)), abs=2e-3)
        assert greedy is None


def exact_distribution(lm, prompt, most) -> dict:
    """{text: probability} of every answer of at most ``most`` tokens."""
    probabilities, open_ones = Counter(), {(): 1.0}
    while open_ones:
        going_on = {}
        for tokens, p in open_ones.items():
            for token, q in enumerate(tiny.full_forward(lm, [*lm.encode(prompt), *tokens])[-1].double().softmax(-1)):
                longer, ended = follow(lm, tokens, token, most)
                if ended:
                    probabilities[said(lm, longer)] += p * q.item()
                else:
                    going_on[longer] = p * q.item()
        open_ones = going_on
    return probabilities


def test_samples_have_the_exact_distribution():
    lm, questions, n = tiny.word_model(), 300, 10
    wanted = exact_distribution(lm, "a b a", 2)
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


def test_answers_do_not_depend_on_their_company(llama, monkeypatch):
    wanted = texts_of(sample(llama))
    assert texts_of(sample(llama, batch_tokens=1)) == wanted
    with monkeypatch.context() as few:
        few.setattr(sampling, "ROWS", 3)  # rows that are drawn from at a time
        few.setattr(sampling, "LOGITS", 0)
        assert texts_of(sample(llama)) == wanted
    assert texts_of(sample(llama, shared=False)) == wanted
    order = [4, 1, 6]
    some = sample(llama, [PROMPTS[i] for i in order], [IDS[i] for i in order])
    assert texts_of(some) == [wanted[i] for i in order]
    assert [s for s, _ in texts_of(sample(llama, seed=1))] != [s for s, _ in wanted]


@pytest.mark.parametrize("size", [1, 3])
def test_lanes_made_anew_at_every_step_change_nothing(lm, size, monkeypatch):
    if lm.model.config.model_type in tiny.WHOLE:
        pytest.skip("does not pack")
    monkeypatch.setattr(bodies, "better_size", lambda *_: (None, 1))
    wanted = sample(lm)
    made = []
    monkeypatch.setattr(bodies, "better_size", lambda lanes, *_: made.append(lanes) or (size, 0))
    found = sample(lm)
    assert len(made) > 2
    assert texts_of(found) == texts_of(wanted)
    for one, other in zip(found, wanted, strict=True):
        for a, b in zip([*one[0], one[1]], [*other[0], other[1]], strict=True):
            assert a.logprobs == pytest.approx(b.logprobs, abs=1e-4)


def parted(rows, tokens):
    """Lanes after the pass in which ``rows`` branches behind one prompt of ten tokens have grown to ``tokens`` each."""
    tree = packing.Tree()
    ends = [tree.add([*range(10), *(100 + row * tokens + i for i in range(tokens))])[-1] for row in range(rows)]
    return packing.pack([tree], 5, "cpu"), [(0, end) for end in ends]


def test_lanes_are_made_anew_where_trees_have_parted():
    lanes, ends = parted(8, 40)
    assert bodies.better_size(lanes, ends, hidden=16, root=5, most=10_000)[0] == 1
    assert bodies.better_size(lanes, ends, hidden=16, root=5, most=300)[0] is None  # eight rows of 55 keys are more
    assert bodies.better_size(lanes, ends, hidden=100_000, root=5, most=10_000)[0] is None  # attention is nothing to it
    lanes, ends = parted(8, 1)
    assert bodies.better_size(lanes, ends, hidden=16, root=5, most=10_000)[0] is None
    lanes = packing.pack([tree_of(10), *(tree_of(3) for _ in range(7))], 0, "cpu")
    assert bodies.better_size(lanes, [(0, 9)], hidden=16, root=0, most=10_000)[0] == 1  # seven lanes run for nothing


def tree_of(tokens):
    tree = packing.Tree()
    tree.add(list(range(tokens)))
    return tree


def test_a_lane_made_anew_holds_what_its_tokens_see():
    tree = packing.Tree()
    first, second = tree.add([7, 8, 9])[-1], tree.add([7, 6])[-1]
    lanes, places = packing.pack([tree, tree_of(2)], 2, "cpu").laid_out([(0, second), (0, first), (1, 1)], 2, 2)
    # Keys of a lane: the root's two, then 7 8 9 6; of the other the root's two, 0 1 and padding.
    assert places.tolist() == [[0, 1, 2, 3, 4, 5], [0, 1, 8, 9, 0, 0]]
    assert lanes.keys[0].tolist() == [0, 1, 2, 3, 4, 3]
    assert lanes.positions.tolist() == [[3, 4], [3, 3]]
    seen = lambda *at: [bool(i in at) for i in range(6)]  # noqa: E731
    assert lanes.sees.tolist() == [
        [seen(0, 1, 2, 5), seen(0, 1, 2, 3, 4)],
        [seen(0, 1, 2, 3), seen()],
    ]


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
    rows = [Row(0, 4000, False)]
    drawn = draw_tokens(rows, logits, {0: np.random.default_rng(0)}, 1.0, 0.6)[0]
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
    assert Answer("", []).probability == 0
    assert Answer("x", [np.log(0.5), np.log(0.125)]).probability == pytest.approx(0.25)


def test_sampling_survives_out_of_memory(llama, monkeypatch):
    wanted = texts_of(sample(llama))
    batches.limit_tokens(monkeypatch, bodies, 100)
    assert texts_of(sample(llama)) == wanted


def test_logits_that_are_not_finite_name_the_question(words):
    lm = tiny.wrap(tiny.random_model("llama", len(words)), words)
    lm.model.lm_head.bias = torch.nn.Parameter(torch.full((lm.vocabulary,), float("nan")))
    for shared in (True, False):
        with pytest.raises(UserError, match=r"question q\d: the model's output is not finite in float32"):
            sample(lm, shared=shared)


def test_first_tokens_have_the_exact_distribution(llama):
    n = 2000
    (samples, _) = sample(llama, PROMPTS[:1], IDS[:1], n=n, most=1)[0]
    p = tiny.full_forward(llama, llama.encode(PROMPTS[0]))[-1].double().softmax(-1).numpy()
    stops = np.isin(np.arange(len(p)), list(llama.end_tokens))
    # Samples are told by their log-probability; what ends the turn has none.
    drawn = Counter(round(a.logprobs[0], 4) if a.logprobs else None for a in samples)
    expected = Counter()
    for token, q in enumerate(p):
        expected[None if stops[token] else round(float(np.log(q)), 4)] += q * n
    common = [key for key, count in expected.items() if count >= 5]
    observed = [drawn[key] for key in common]
    observed.append(n - sum(observed))
    wanted = [expected[key] for key in common]
    wanted.append(n - sum(wanted))
    assert len(common) > 30
    assert scipy.stats.chisquare(observed, wanted).pvalue > 1e-4


def test_another_batch_size_changes_next_to_nothing(llama):
    prompts = [f"{prompt[:-7]} {i}?\nAnswer:" for i in range(30) for prompt in PROMPTS]
    ids = [f"many{i}" for i in range(len(prompts))]
    large, small = (texts_of(sample(llama, prompts, ids, n=10, batch_tokens=b)) for b in (LARGE, 50))
    answers = [
        (a, b)
        for (one, best), (other, second) in zip(large, small, strict=True)
        for a, b in zip([*one, best], [*other, second], strict=True)
    ]
    assert len(answers) > 2000
    assert sum(a != b for a, b in answers) < len(answers) / 1000
