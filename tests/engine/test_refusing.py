"""The refusal and the best other answer out of the sample tree, against plain loops over whole forward passes."""

import pytest
import tiny
from batches import LARGE, PROMPTS, everything, follow, said

from knowledge_boundary.engine import sampling
from knowledge_boundary.engine.refusing import Refusing, behind, refusing

IDS = [f"q{i}" for i in range(len(PROMPTS))]
MOST = 9


def ask(lm, refusings, n=0, shared=True, **options):
    """What ``sampling.answer`` finds for every prompt."""
    batches = sampling.answer(lm, PROMPTS, IDS, n, MOST, LARGE, shared, refusings=refusings, **options)
    return everything(batches, len(PROMPTS))


def argmax_loop(lm, prompt, forbidden) -> tuple:
    """(text, log-probability of its tokens): the likeliest token one after the other, the first never ``forbidden``."""
    tokens, total, ended = (), 0.0, False
    while not ended:
        logits = tiny.full_forward(lm, [*lm.encode(prompt), *tokens])[-1]
        allowed = logits.clone()
        if not tokens:
            allowed[forbidden] = -float("inf")
        token = int(allowed.argmax())
        longer, ended = follow(lm, tokens, token, MOST)
        if len(longer) > len(tokens):
            total += float(logits.log_softmax(-1)[token])
        tokens = longer
    return said(lm, tokens), total


def log_probability(lm, prompt, tokens) -> float:
    """Of ``tokens`` behind the prompt, by one pass over the whole."""
    ids = lm.encode(prompt)
    logits = tiny.full_forward(lm, [*ids, *tokens]).log_softmax(-1)
    return sum(float(logits[len(ids) - 1 + k, token]) for k, token in enumerate(tokens))


def path_of(lm, prompt, own: bool) -> Refusing:
    """The refusal's, or one that begins as the greedy answer does, so that the forced one must be another."""
    if not own:
        return refusing(lm, prompt, "I don't know.")
    logits = tiny.full_forward(lm, lm.encode(prompt))[-1]
    best = int(logits.argmax())
    return Refusing((best, 7, 11), {(): {best}})


@pytest.mark.parametrize("own", [True, False])
def test_forced_answers_and_refusals_equal_plain_loops(lm, shared, own):
    first = ask(lm, None, shared=shared)
    refusings = [path_of(lm, prompt, own) for prompt in PROMPTS]
    for prompt, path, (_, greedy), found in zip(
        PROMPTS, refusings, first, ask(lm, refusings, shared=shared), strict=True
    ):
        samples, again, forced, log_refusal = found
        text, total = argmax_loop(lm, prompt, sorted(path.forbidden[()]))
        assert (samples, again.text) == ([], greedy.text)
        assert forced.text == text
        assert sum(forced.logprobs) == pytest.approx(total, abs=1e-3)
        assert log_refusal == pytest.approx(log_probability(lm, prompt, path.ids), abs=1e-3)
        assert (forced is again) == (not own)  # where they are one, they are computed once


def test_the_path_is_the_refusal_as_it_is_written_behind_the_prompt(llama):
    for prompt in PROMPTS:
        path = refusing(llama, prompt, "I don't know.")
        assert path.ids == tuple(behind(llama, prompt, " I don't know."))
        assert llama.decode(path.ids).strip() == "I don't know."
        assert path.forbidden == {(): {path.ids[0]}}


def test_samples_are_the_same_beside_them(llama):
    refusings = [refusing(llama, prompt, "I don't know.") for prompt in PROMPTS]
    alone, beside = ask(llama, None, n=6), ask(llama, refusings, n=6)
    assert [([s.text for s in own], greedy.text) for own, greedy in alone] == [
        ([s.text for s in own], greedy.text) for own, greedy, *_ in beside
    ]


def test_further_texts_are_forbidden_too(llama):
    prompt = PROMPTS[0]
    others = [tuple(behind(llama, prompt, f" {text}")) for text in ("Rome", "It is Rome.")]
    path = refusing(llama, prompt, "I don't know.", others)
    begins = {path.ids[0], *(ids[0] for ids in others)}
    assert path.forbidden == {(): begins}
    best = int(tiny.full_forward(llama, llama.encode(prompt))[-1].argmax())
    path = Refusing(path.ids, {(): {*begins, best}})
    (_, _, forced, _), *_ = ask(llama, [path] * len(PROMPTS))
    assert forced.text == argmax_loop(llama, prompt, [*begins, best])[0]


def test_what_the_template_writes_first_is_not_forbidden(llama, monkeypatch):
    lead = " the the"  # of tokens of its own
    monkeypatch.setattr(type(llama.format), "lead_of", lambda self, prompt: lead)
    prompt = PROMPTS[0]
    before = tuple(behind(llama, prompt, lead))
    path = refusing(llama, prompt, " Iraq")
    assert path.ids[: len(before)] == before
    assert path.forbidden == {before: {path.ids[len(before)]}}


def test_a_leaf_has_the_probability_of_all_its_tokens(llama):
    for samples, _ in ask(llama, None, n=20):
        for answer in samples:
            assert answer.log_p <= sum(answer.logprobs) + 1e-6
    answers = {id(a): a for samples, _ in ask(llama, None, n=200, temperature=1.0) for a in samples}
    assert any(a.log_p < sum(a.logprobs) - 1e-6 for a in answers.values())  # the token that ended it counts
