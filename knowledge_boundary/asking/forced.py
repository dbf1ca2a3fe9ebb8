"""Beside the greedy answer: how likely a refusal is, the best answer that is none, and the score between the two."""

import numpy as np

from ..engine import sampling
from ..engine.refusing import refusing
from ..wording.phrases import REFUSAL

ROUNDS = 3  # times that a question whose forced answer refuses in other words is asked again


def refusings(lm, texts, lead: str | None = None) -> list:
    """What ``sampling.answer`` needs for the refusal and the forced answer behind each prompt, or thought (no lead)."""
    return [refusing(lm, text, REFUSAL, lead=lead) for text in texts]


def log_probability(answer) -> float:
    """Log-probability in nats of a whole ``Answer``; of an empty one, that the model ends at once."""
    return float(np.sum(answer.logprobs)) if answer.logprobs else answer.log_p


NONE = {"p_refusal": None, "forced": None, "score": None}  # behind a thought that never ends there is neither


def keys(text: str, outcome: str, log_p: float, log_refusal: float) -> dict:
    """A record's ``p_refusal, forced, score``.

    Args:
        text: of the forced answer.
        outcome: what it amounts to.
        log_p: its log-probability in nats.
        log_refusal: the refusal's.
    """
    return {
        "p_refusal": float(np.exp(log_refusal)),
        "forced": {"text": text, "outcome": outcome, "p": float(np.exp(log_p))},
        "score": log_p - log_refusal,
    }


def found(
    lm, texts, ids, first, judge_all, max_new_tokens: int, batch_tokens: int, shared: bool, thought: bool = False
) -> list:
    """``keys`` of questions, from what the sample trees gave.

    A forced answer that is a refusal too, in other words, is asked for again with its first token forbidden as well, up
    to ROUNDS times; what then still refuses has the outcome ``refused``.

    Args:
        lm: the model.
        texts: the prompts.
        ids: the questions' ids.
        first: for each ``(answer, (its text, outcome), log_refusal)``.
        judge_all: ``[(index, answer)] → [(its text, outcome)]``.
        max_new_tokens: an answer's longest length in tokens.
        batch_tokens: upper bound of the tokens of one forward pass.
        shared: whether the model's sequences can be packed.
        thought: whether the prompts end in a finished thought.
    """
    forced, judged, log_refusal = map(list, zip(*first, strict=True))
    lead = "" if thought else None
    refused = {i: [] for i, (_, outcome) in enumerate(judged) if outcome == "refused"}
    for _ in range(ROUNDS):
        for i, others in refused.items():
            others.append(forced[i].tokens)
        again = [i for i, others in refused.items() if others[-1]]
        own = [refusing(lm, texts[i], REFUSAL, refused[i], lead) for i in again]
        batches = sampling.answer(
            lm, [texts[i] for i in again], [ids[i] for i in again], 0, max_new_tokens, batch_tokens, shared,
            greedy=False, refusings=own, behind_thought=thought,
        )  # fmt: skip
        for indices, answers in batches if again else ():
            for k, one in zip(indices, answers, strict=True):
                forced[again[k]] = one[2]
        for i, verdict in zip(again, judge_all([(i, forced[i]) for i in again]), strict=True):
            judged[i] = verdict
        refused = {i: others for i, others in refused.items() if judged[i][1] == "refused"}
        if not refused:
            break
    return [
        keys(text, outcome, log_probability(answer), log_p)
        for (text, outcome), answer, log_p in zip(judged, forced, log_refusal, strict=True)
    ]
