"""N sampled answers and the greedy one, as one tree a question.

N independent draws that have begun with the same tokens share their computation until they part: a row is a distinct
prefix with its multiplicity, a step draws that many tokens from the row's distribution and splits it into the tokens
drawn. The distribution is exactly that of N independent samples. The greedy answer is one more path in the same tree.
"""

import hashlib
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch

from .prefix import attention_window, check_window, expand, head, hidden_states, pad, run_prefix, shared_length
from .results import UserError


@dataclass
class Answer:
    """One answer: its text (first line, stripped) and its tokens' log-probabilities at temperature 1, in nats."""

    text: str
    logprobs: list

    @property
    def probability(self) -> float:
        """Geometric mean of the tokens' probabilities; 0 for an empty answer."""
        return float(np.exp(np.mean(self.logprobs))) if self.logprobs else 0.0


@dataclass
class Row:
    """A distinct beginning of answers to one question: how many samples begin so, and whether the greedy one does."""

    question: int
    count: int
    greedy: bool
    tokens: list = field(default_factory=list)
    logprobs: list = field(default_factory=list)


def generator(seed: int, question_id: str) -> np.random.Generator:
    """A question's own random generator: its draws depend on nothing but the seed and its id."""
    digest = hashlib.sha256(question_id.encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])


def stop_tokens(lm) -> frozenset:
    """Tokens that end an answer: the model's end tokens, and every token with a line break in it."""
    ends = lm.model.generation_config.eos_token_id
    ends = set(ends if isinstance(ends, list) else [ends]) | {lm.tokenizer.eos_token_id}
    texts = lm.tokenizer.batch_decode([[i] for i in range(len(lm.tokenizer))])
    return frozenset(e for e in ends if e is not None) | frozenset(i for i, text in enumerate(texts) if "\n" in text)


def plan(sequences, rows_each: int, max_new_tokens: int, batch_tokens: int, window=None) -> list:
    """Indices in batches whose tree can at most hold ``batch_tokens`` tokens; sorted by length, ties by position.

    Beyond ``window`` only equal lengths share a batch: padding between a prompt and its answer counts in the window.
    """
    batches = []
    for i in sorted(range(len(sequences)), key=lambda i: (len(sequences[i]), i)):
        longest = len(sequences[i]) + max_new_tokens
        fits = batches and (len(batches[-1]) + 1) * rows_each * longest <= batch_tokens
        if fits and (not window or longest <= window or len(sequences[i]) == len(sequences[batches[-1][0]])):
            batches[-1].append(i)
        else:
            batches.append([i])
    return batches


@torch.inference_mode()
def answer(
    lm,
    prompts,
    ids,
    num_samples,
    max_new_tokens,
    batch_tokens,
    shared,
    temperature=1.0,
    top_p=1.0,
    seed=0,
    greedy=True,
    skip=lambda indices: False,
):
    """Sampled answers and the greedy answer to every prompt; yields ``(indices, answers)`` batch by batch.

    Args:
        lm: the model.
        prompts: texts after which the answer begins.
        ids: the questions' ids; each has a random generator of its own.
        num_samples: N, sampled answers a question (0: the greedy one only).
        max_new_tokens: an answer's longest length in tokens.
        batch_tokens: upper bound of the tokens in a batch's tree.
        shared: whether the family's prefix cache is exact (``prefix.check``).
        temperature: of the sampling distribution.
        top_p: the smallest set of tokens with this probability is drawn from.
        seed: of the draws.
        greedy: whether the greedy answer is wanted too.
        skip: ``indices → bool``; batches for which it is true are left out.

    Yields:
        The indices of a batch, and for each of its questions ``(samples, greedy)``: a list of N Answers and an Answer
        or None.
    """
    sequences = [lm.encode(p) for p in prompts]
    check_window(lm, max(map(len, sequences)) + max_new_tokens)
    length = min(shared_length(sequences), min(map(len, sequences)) - 1) if shared else 0
    planned = plan(sequences, num_samples + greedy, max_new_tokens, batch_tokens, attention_window(lm.model))
    batches = [b for b in planned if not skip(b)]
    cache = run_prefix(lm.model, sequences[0][:length], lm.device) if batches else None
    draw = partial(split, temperature=temperature, top_p=top_p, stops=stop_tokens(lm), max_new_tokens=max_new_tokens)

    def run_batch(indices):
        rows = [Row(i, num_samples, greedy) for i in indices]
        generators = {i: generator(seed, ids[i]) for i in indices}
        batch = pad([sequences[i][length:] for i in indices], length, lm.device)
        try:
            leaves = grow(
                lm, rows, batch, expand(cache, len(rows)) if cache else None, partial(draw, generators=generators)
            )
        except torch.OutOfMemoryError:
            if len(indices) == 1:
                raise UserError("out of memory with one question in the batch; use --dtype bfloat16") from None
            print(f"Out of memory with {len(indices)} questions at once: going on with half", flush=True)
            half = len(indices) // 2
            yield from run_batch(indices[:half])  # every question's generator begins anew: the same answers
            yield from run_batch(indices[half:])
            return
        yield indices, [collect(lm, [leaf for leaf in leaves if leaf.question == i]) for i in indices]

    for indices in batches:
        yield from run_batch(indices)


def grow(lm, rows, batch, cache, draw) -> list:
    """Grow the trees of a batch to their leaves: a list of finished Rows."""
    leaves = []
    hidden, cache = hidden_states(lm.model, batch, cache, use_cache=True)
    lengths = batch.attention_mask.sum(-1)  # the next token's position: padding has none
    mask = batch.attention_mask
    own = lengths - 1 - batch.position_ids[:, 0]
    hidden = hidden[torch.arange(len(rows)), own]
    while True:
        rows, parents, finished = draw(rows, head(lm.model, hidden))
        leaves += finished
        if not rows:
            return leaves
        parents = torch.tensor(parents, device=lm.device)
        if len(parents) != len(mask) or not torch.equal(parents, torch.arange(len(mask), device=lm.device)):
            cache.batch_select_indices(parents)
        mask = torch.cat([mask[parents], mask.new_ones(len(rows), 1)], dim=1)
        batch.input_ids = torch.tensor([[row.tokens[-1]] for row in rows], device=lm.device)
        batch.position_ids = lengths[parents][:, None]
        batch.attention_mask = mask
        lengths = lengths[parents] + 1
        hidden = hidden_states(lm.model, batch, cache, use_cache=True)[0][:, -1]


def split(rows, logits, *, generators, temperature, top_p, stops, max_new_tokens):
    """One step: draw every row's tokens and part it into its children.

    Args:
        rows: the living Rows, one a row of ``logits``.
        logits: [rows, vocabulary].
        generators: {question: numpy Generator}.
        temperature: of the draws.
        top_p: of the draws.
        stops: tokens that end an answer; they are not part of it.
        max_new_tokens: an answer this long is finished.

    Returns:
        (children, the index of each child's parent, the rows that ended in this step)
    """
    logprobs = logits.log_softmax(-1)
    best = logits.argmax(-1).tolist()
    drawn = draw_tokens(rows, logits, generators, temperature, top_p)
    children, parents, finished = [], [], []
    for i, row in enumerate(rows):
        counts = dict(zip(*np.unique(drawn[i], return_counts=True), strict=True))
        if row.greedy:
            counts.setdefault(best[i], 0)
        for token in sorted(counts):
            token = int(token)
            tokens, values = row.tokens, row.logprobs
            if token not in stops:
                tokens, values = [*tokens, token], [*values, logprobs[i, token].item()]
            child = Row(row.question, int(counts[token]), row.greedy and token == best[i], tokens, values)
            if token in stops or len(tokens) == max_new_tokens:
                finished.append(child)
            else:
                children.append(child)
                parents.append(i)
    return children, parents, finished


def draw_tokens(rows, logits, generators, temperature, top_p) -> list:
    """For each row the tokens of its ``count`` draws (inverse of the cumulative distribution, in float64)."""
    most = max(row.count for row in rows)
    if most == 0:
        return [[] for _ in rows]
    uniform = np.zeros((len(rows), most))
    for i, row in enumerate(rows):
        uniform[i, : row.count] = generators[row.question].random(row.count)
    p = (logits.double() / temperature).softmax(-1)
    if top_p < 1:
        ordered, order = p.sort(-1, descending=True)
        beyond = ordered.cumsum(-1) - ordered >= top_p
        p = p.scatter(-1, order, ordered.masked_fill(beyond, 0))
    cumulative = p.cumsum(-1)
    at = torch.from_numpy(uniform).to(cumulative.device) * cumulative[:, -1:]
    tokens = torch.searchsorted(cumulative, at, right=True).clamp_(max=p.shape[-1] - 1).cpu().numpy()
    return [tokens[i, : row.count] for i, row in enumerate(rows)]


def collect(lm, leaves) -> tuple[list, Answer | None]:
    """(samples, greedy) of one question's leaves; equal samples stand next to each other."""
    samples, best = [], None
    for leaf in leaves:
        text = lm.tokenizer.decode(leaf.tokens, skip_special_tokens=True).strip()
        found = Answer(text, leaf.logprobs)
        samples += [found] * leaf.count
        best = found if leaf.greedy else best
    return samples, best
