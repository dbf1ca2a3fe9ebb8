"""Draws from next-token distributions: rows with their multiplicity, split into the tokens drawn."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import torch
from torch.nn import functional

MAX_NEW_TOKENS = 64  # enough for a sentence with a lead-in
BLOCK = 256  # tokens whose probabilities are summed at a time in a draw, in float64
PART = 16  # tokens of a block that are first summed as they are


@dataclass(frozen=True)
class SamplingSettings:
    """How answers are sampled.

    Attributes:
        num_samples: N, answers a question.
        temperature: of the distribution that tokens are drawn from.
        top_p: the smallest set of tokens with this probability is drawn from.
        max_new_tokens: an answer's longest length in tokens.
        max_thinking_tokens: a thought's longest length before it; 0: the model is not asked to think.
        seed: of the draws.
    """

    num_samples: int = 10
    temperature: float = 1.0
    top_p: float = 1.0
    max_new_tokens: int = MAX_NEW_TOKENS
    max_thinking_tokens: int = 0
    seed: int = 0


@dataclass
class Answer:
    """One answer.

    Attributes:
        text: the answer itself (``judging.extent``), behind a thought if the model has written one.
        logprobs: its tokens' log-probabilities at temperature 1, in nats; None: not known.
        written: all that the model has written, with its thought.
        thought: what of it stands before the answer, where it has thought.
        complete: False where a thought has not ended; the text is then empty.
        long: whether it was cut off at ``max_new_tokens``.
        log_p: log-probability in nats, at temperature 1, of all tokens that were drawn, a thought's and the one that
            ended it among them: of this leaf of the tree.
        tokens: the leaf's, without the one that only ended it.
    """

    text: str
    logprobs: list | None
    written: str = ""
    thought: str = ""
    complete: bool = True
    long: bool = False
    log_p: float = 0.0
    tokens: tuple = ()

    @property
    def probability(self) -> float | None:
        """Geometric mean of the tokens' probabilities; 0 for an empty answer, None where they are not known."""
        if self.logprobs is None:
            return None
        return float(np.exp(np.mean(self.logprobs))) if self.logprobs else 0.0


@dataclass
class Row:
    """A distinct beginning of answers to one question: how many samples begin so, and whether the greedy one does.

    ``forced`` says whether the best answer that is no refusal begins so, ``refusing`` how many tokens of the refusal's
    own path it is, None where it is none (``refusing.Refusing``). ``lane`` and ``slot`` say where its last token stands
    in the pass that the next token is drawn from; ``answer_at`` is how many of its tokens are its thought, None while
    it may still think, ``text`` what the others say, where it is known (``ending.Ending``). ``log_p`` is the
    log-probability of all its tokens, of the one that ended it too.
    """

    question: int
    count: int
    greedy: bool
    forced: bool = False
    refusing: int | None = None
    lane: int = 0
    slot: int = 0
    tokens: list = field(default_factory=list)
    logprobs: list = field(default_factory=list)
    answer_at: int | None = None
    text: str | None = None
    log_p: float = 0.0


def generator(seed: int, question_id: str) -> np.random.Generator:
    """A question's own random generator: its draws depend on nothing but the seed and its id."""
    digest = hashlib.sha256(question_id.encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])


def split(rows, logits, *, generators, temperature, top_p, ending, refusing=None):
    """One step: draw every row's tokens and part it into its children.

    Args:
        rows: the living Rows, one a row of ``logits``.
        logits: [rows, vocabulary].
        generators: {question: numpy Generator}.
        temperature: of the draws.
        top_p: of the draws.
        ending: ``(row, token) → bool`` whether the token, which is not yet the row's, ends it; one that does is not
            part of it unless ``ending`` has put it there (``ending.Ending``).
        refusing: {question: ``refusing.Refusing``}, where refusals are looked at.

    Returns:
        (children, each child's parent, the rows that ended in this step)
    """
    best = logits.argmax(-1).tolist()
    forced = [
        refusing[row.question].next_token(row.tokens, line, token) if row.forced else None
        for row, line, token in zip(rows, logits, best, strict=True)
    ]
    drawn = draw_tokens(rows, logits, generators, temperature, top_p)
    counts = [Counter(tokens.tolist()) for tokens in drawn]
    for row, own, token, other in zip(rows, counts, best, forced, strict=True):
        if row.greedy:
            own[token] += 0
        if row.forced:
            own[other] += 0
    at = [i for i, own in enumerate(counts) for _ in own]
    tokens = [token for own in counts for token in sorted(own)]
    on_path = [i for i, row in enumerate(rows) if row.refusing is not None]
    at += on_path
    tokens += [refusing[rows[i].question].ids[rows[i].refusing] for i in on_path]
    logprobs = (logits[at, tokens] - logits.logsumexp(-1)[at]).tolist()
    children, parents, finished = [], [], []
    for n, (i, token, logprob) in enumerate(zip(at, tokens, logprobs, strict=True)):
        row = rows[i]
        if n < len(at) - len(on_path):
            child = Row(
                row.question,
                counts[i][token],
                row.greedy and token == best[i],
                row.forced and token == forced[i],
                tokens=row.tokens,
                logprobs=row.logprobs,
                answer_at=row.answer_at,
                log_p=row.log_p + logprob,
            )
            ended = ending(child, token, logprob)
        else:  # the refusal's path, which ends where its text does
            child = Row(
                row.question,
                0,
                False,
                refusing=row.refusing + 1,
                tokens=[*row.tokens, token],
                log_p=row.log_p + logprob,
            )
            ended = child.refusing == len(refusing[row.question].ids)
        if ended:
            finished.append(child)
        else:
            children.append(child)
            parents.append(row)
    return children, parents, finished


def draw_tokens(rows, logits, generators, temperature, top_p) -> list:
    """For each row the tokens of its ``count`` draws, by the inverse of the cumulative distribution, summed in float64.

    The vocabulary is summed in blocks first: a draw looks up its block, and then its token in that block alone.
    """
    uniform = [generators[row.question].random(row.count) for row in rows]
    at = torch.tensor([i for i, own in enumerate(uniform) for _ in own], dtype=torch.long, device=logits.device)
    if not len(at):
        return uniform
    weights = logits - logits.amax(-1, keepdim=True)
    weights = weights.div_(temperature).exp_()  # in place: they are the largest tensors there are
    if top_p < 1:
        ordered, order = weights.sort(-1, descending=True)
        before = ordered.double().cumsum(-1) - ordered
        beyond = before >= top_p * ordered.double().sum(-1, keepdim=True)
        weights = weights.scatter(-1, order, ordered.masked_fill(beyond, 0))
    odd = -weights.shape[-1] % BLOCK
    blocks = (functional.pad(weights, (0, odd)) if odd else weights).unflatten(-1, (-1, BLOCK))
    sums = blocks.unflatten(-1, (-1, PART)).sum(-1).sum(-1, dtype=torch.float64).cumsum(-1)[at]  # [draws, blocks]
    total = sums[:, -1]
    target = torch.from_numpy(np.concatenate(uniform)).to(logits.device) * total
    target = target.minimum(total.nextafter(torch.zeros_like(total)))
    block = torch.searchsorted(sums, target[:, None], right=True)[:, 0]
    target -= torch.where(block > 0, sums.gather(1, (block - 1).clamp_(min=0)[:, None])[:, 0], 0)
    inside = blocks[at, block].double()  # [draws, tokens of the block]
    # A target at the very end of its block falls on the last token that has a weight at all.
    last = BLOCK - 1 - (inside > 0).flip(-1).int().argmax(-1)
    token = torch.searchsorted(inside.cumsum(-1), target[:, None], right=True)[:, 0].minimum(last)
    drawn = (block * BLOCK + token).cpu().numpy()
    return np.split(drawn, np.cumsum([len(own) for own in uniform])[:-1])
