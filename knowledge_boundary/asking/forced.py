"""Beside the greedy answer: how likely a refusal is, the best answer that is none, and the score between the two."""

import numpy as np

from ..engine import sampling
from ..engine.refusing import refusing
from ..wording.phrases import REFUSAL

ROUNDS = 3  # times that a question whose forced answer refuses in other words is asked again


def refusings(lm, texts) -> list:
    """What ``sampling.answer`` needs for the refusal and the forced answer behind each prompt."""
    return [refusing(lm, text, REFUSAL) for text in texts]


def log_probability(answer) -> float:
    """Log-probability in nats of a whole ``Answer``; of an empty one, that the model ends at once."""
    return float(np.sum(answer.logprobs)) if answer.logprobs else answer.log_p


def keys(text: str, outcome: str, log_p: float, log_refusal: float | None) -> dict:
    """A record's ``p_refusal, forced, score``.

    Args:
        text: of the forced answer.
        outcome: what it amounts to.
        log_p: its log-probability in nats.
        log_refusal: the refusal's; None: not known, as behind a thought that never ends.
    """
    return {
        "p_refusal": None if log_refusal is None else float(np.exp(log_refusal)),
        "forced": {"text": text, "outcome": outcome, "p": float(np.exp(log_p))},
        "score": None if log_refusal is None else log_p - log_refusal,
    }


def found(lm, texts, ids, first, outcome_of, max_new_tokens: int, batch_tokens: int, shared: bool) -> list:
    """``keys`` of questions, from what the sample trees gave.

    A forced answer that is a refusal too, in other words, is asked for again with its first token forbidden as well, up
    to ROUNDS times; what then still refuses has the outcome ``refused``.

    Args:
        lm: the model.
        texts: the prompts.
        ids: the questions' ids.
        first: for each ``(forced, log_refusal)``.
        outcome_of: ``(index, answer) → (its text, outcome)``.
        max_new_tokens: an answer's longest length in tokens.
        batch_tokens: upper bound of the tokens of one forward pass.
        shared: whether the model's sequences can be packed.
    """
    forced, log_refusal = map(list, zip(*first, strict=True))
    judged = [outcome_of(i, answer) for i, answer in enumerate(forced)]
    refused = {i: [] for i, (_, outcome) in enumerate(judged) if outcome == "refused"}
    for _ in range(ROUNDS):
        for i, others in refused.items():
            others.append(forced[i].tokens)
        again = [i for i, others in refused.items() if others[-1]]
        own = [refusing(lm, texts[i], REFUSAL, refused[i]) for i in again]
        batches = sampling.answer(
            lm, [texts[i] for i in again], [ids[i] for i in again], 0, max_new_tokens, batch_tokens, shared,
            greedy=False, refusings=own,
        )  # fmt: skip
        for indices, answers in batches if again else ():
            for k, (_, _, answer, _) in zip(indices, answers, strict=True):
                i = again[k]
                forced[i], judged[i] = answer, outcome_of(i, answer)
        refused = {i: others for i, others in refused.items() if judged[i][1] == "refused"}
        if not refused:
            break
    return [
        keys(text, outcome, log_probability(answer), log_p)
        for (text, outcome), answer, log_p in zip(judged, forced, log_refusal, strict=True)
    ]
