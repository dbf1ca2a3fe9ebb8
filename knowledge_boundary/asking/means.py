"""What is asked of a model, wherever it is: the engine's passes where its weights are here, else its server's replies.

Both take the same prompts and yield the same results, batch by batch; of a served model, ``batch_tokens`` and
``shared`` say nothing.
"""

from ..engine import exactness, refusing, sampling, scoring
from ..serving import answers, choices
from ..serving.served import Served
from ..wording.phrases import REFUSAL


def check(lm, texts=(), room: int = 0) -> bool:
    """``exactness.check``; of a served model, what its server can do is found out instead."""
    if not isinstance(lm, Served):
        return exactness.check(lm, texts, room)
    for text in texts[:1]:
        lm.able_for(text)
    return False


def exact(lm, texts) -> bool:
    """Whether letters behind ``texts`` have exact probabilities: not where a server gives no log-probabilities."""
    return not isinstance(lm, Served) or lm.able_for(texts[0]).exact


def manner(lm, shared: bool) -> str:
    """``exactness.manner``, for summaries."""
    return "the server's own" if isinstance(lm, Served) else exactness.manner(lm, shared)


def refusings(lm, texts, lead: str | None = None) -> list:
    """What ``answer`` needs for the refusal and the forced answer behind each prompt, or thought (no lead)."""
    if isinstance(lm, Served):
        return [REFUSAL] * len(texts)
    return [refusing.refusing(lm, text, REFUSAL, lead=lead) for text in texts]


def answer(lm, prompts, ids, num_samples: int, max_new_tokens: int, batch_tokens: int, shared: bool, **how):
    """``sampling.answer``; ``how``: its further arguments."""
    if not isinstance(lm, Served):
        yield from sampling.answer(lm, prompts, ids, num_samples, max_new_tokens, batch_tokens, shared, **how)
        return
    wanted = REFUSAL if how.pop("refusings", None) is not None else None
    yield from answers.answer(lm, prompts, ids, num_samples, max_new_tokens, refusal=wanted, **how)


def drawn(lm, prompts, ids, draws, batch_tokens: int, shared: bool, greedy: bool = True, skip=lambda indices: False):
    """``answer`` by ``draws``, its ``SamplingSettings``."""
    return answer(
        lm, prompts, ids, draws.num_samples, draws.max_new_tokens, batch_tokens, shared, temperature=draws.temperature,
        top_p=draws.top_p, seed=draws.seed, greedy=greedy, skip=skip, max_thinking_tokens=draws.max_thinking_tokens,
    )  # fmt: skip


def letter_probabilities(
    lm, prompts, letters, batch_tokens, shared, skip=lambda indices: False, names=None, instead="--scoring cloze"
):
    """``scoring.letter_probabilities``."""
    if isinstance(lm, Served):
        return choices.letter_probabilities(lm, prompts, letters, skip, names)
    return scoring.letter_probabilities(lm, prompts, letters, batch_tokens, shared, skip, names, instead)


def pair_probabilities(lm, texts, first: str, second: str, batch_tokens, shared, names=None, what="sureness") -> list:
    """p(first) / (p(first) + p(second)) after each text; of a served model None where it replies neither.

    ``what``: the replies are, in ``summary.served``.
    """
    if isinstance(lm, Served):
        return choices.pair_probabilities(lm, texts, first, second, names, what)
    found = [None] * len(texts)
    for indices, own in scoring.pair_probabilities(lm, texts, first, second, batch_tokens, shared, names):
        for i, p in zip(indices, own, strict=True):
            found[i] = p
    return found


def check_likelihoods(lm, texts) -> None:
    """UserError if whole answers' likelihoods can't be had behind ``texts``, before anything is asked."""
    if isinstance(lm, Served):
        for text in texts[:1]:
            choices.check_echo(lm, text)


def option_log_likelihoods(lm, prompts, options, batch_tokens, shared, skip=lambda indices: False, names=None):
    """``scoring.option_log_likelihoods``."""
    if isinstance(lm, Served):
        return choices.option_log_likelihoods(lm, prompts, options, skip, names)
    return scoring.option_log_likelihoods(lm, prompts, options, batch_tokens, shared, skip, names)
