"""Exact next-token probabilities over shared prefixes: letters after ``Answer:``, and whole options (cloze)."""

from dataclasses import dataclass

import numpy as np
import torch

from .prefix import check_window, expand, head, hidden_states, pad, run_prefix, shared_length
from .results import UserError


@dataclass
class Request:
    """One sequence to run: the logits that predict its tokens from ``start`` on, or the one after its end."""

    ids: list
    start: int

    @property
    def columns(self) -> range:
        """Positions whose logits are read: those before ``start`` … the last token, or the last one itself."""
        return range(self.start - 1, max(self.start, len(self.ids) - 1))


def candidate_ids(lm, prompt: str, letters: str) -> list:
    """The token that each letter is after the literal ``prompt``.

    Raises:
        UserError: a letter is more than one token there, or two letters are the same one.
    """
    plain = lm.encode(prompt)
    ids = []
    for letter in letters:
        after = lm.encode(f"{prompt} {letter}")
        if len(after) != len(plain) + 1 or after[:-1] != plain:
            raise UserError(
                f"letter {letter} is not one token after the prompt for this tokenizer; use --scoring cloze"
            )
        ids.append(after[-1])
    if len(set(ids)) < len(ids):
        raise UserError(f"letters {letters} are not distinct tokens for this tokenizer; use --scoring cloze")
    return ids


def plan(units, batch_tokens: int) -> list:
    """Indices of ``units`` (lists of Requests that stay together) in batches of at most ``batch_tokens`` padded tokens.

    A function of the units alone: sorted by length, ties by position, so that a resumed run has the same batches.
    """
    longest = [max(len(r.ids) for r in unit) for unit in units]
    batches, rows = [], 0
    for i in sorted(range(len(units)), key=lambda i: (longest[i], i)):
        if batches and (rows + len(units[i])) * longest[i] <= batch_tokens:
            batches[-1].append(i)
            rows += len(units[i])
        else:
            batches.append([i])
            rows = len(units[i])
    return batches


@torch.inference_mode()
def run(lm, units, read, batch_tokens: int, shared: bool, skip=lambda indices: False):
    """Run every Request of ``units``; yields ``(indices, results)`` batch by batch.

    Args:
        lm: the model.
        units: lists of Requests; a unit's sequences are in one batch.
        read: ``(hidden [columns, hidden], request) → result``, called for every Request.
        batch_tokens: upper bound of rows × padded length.
        shared: whether the family's prefix cache is exact (``prefix.check``); else whole sequences run.
        skip: ``indices → bool``; batches for which it is true are left out (they are in the journal).

    Yields:
        The indices of a batch's units, and for each unit the list of its results.
    """
    requests = [r for unit in units for r in unit]
    check_window(lm, max(len(r.ids) for r in requests))
    # At least one token of one's own, and every column that is read lies behind the prefix.
    most = min(min(r.start for r in requests), min(len(r.ids) for r in requests)) - 1
    length = min(shared_length([r.ids for r in requests]), most) if shared else 0
    batches = [b for b in plan(units, batch_tokens) if not skip(b)]
    cache = run_prefix(lm.model, requests[0].ids[:length], lm.device) if batches else None
    for indices in batches:
        yield from run_batch(lm, units, indices, read, cache, length)


def run_batch(lm, units, indices, read, cache, length):
    """One batch of ``run``; halved, and halved again, where memory runs out."""
    rows = [r for i in indices for r in units[i]]
    try:
        over = expand(cache, len(rows)) if cache else None
        hidden, _ = hidden_states(lm.model, pad([r.ids[length:] for r in rows], length, lm.device), over)
        results = [
            read(h[r.columns.start - length : r.columns.stop - length], r) for h, r in zip(hidden, rows, strict=True)
        ]
    except torch.OutOfMemoryError:
        if len(indices) == 1:
            raise UserError(
                "out of memory with one question in the batch; use a smaller model or --dtype bfloat16"
            ) from None
        print(f"Out of memory with {len(rows)} sequences at once: going on with half", flush=True)
        half = len(indices) // 2
        yield from run_batch(lm, units, indices[:half], read, cache, length)
        yield from run_batch(lm, units, indices[half:], read, cache, length)
        return
    results = iter(results)
    yield indices, [[next(results) for _ in units[i]] for i in indices]


def letter_probabilities(lm, prompts, letters, batch_tokens, shared, skip=lambda indices: False):
    """Probabilities of the letters after each prompt, normalised over the question's letters.

    Args:
        lm: the model.
        prompts: texts ending where the letter comes next (``Answer:``).
        letters: each question's letters, such as "ABCD".
        batch_tokens: see ``run``.
        shared: see ``run``.
        skip: see ``run``.

    Yields:
        (indices, [probabilities, one array [letters] a question])
    """
    kinds = {text: candidate_ids(lm, prompts[letters.index(text)], text) for text in dict.fromkeys(letters)}
    sequences = list(map(lm.encode, prompts))
    yield from candidate_probabilities(lm, sequences, [kinds[text] for text in letters], batch_tokens, shared, skip)


def pair_probabilities(lm, texts, first: str, second: str, batch_tokens, shared):
    """p(first) / (p(first) + p(second)) after each text, at the token where the two continuations part (R-Tuning).

    Yields:
        (indices, [probability, one a text])
    """
    sequences, candidates = [], []
    for text in texts:
        one, other = lm.encode(text + first), lm.encode(text + second)
        n = shared_length([one, other])
        sequences.append(one[:n])
        candidates.append([one[n], other[n]])
    for indices, found in candidate_probabilities(lm, sequences, candidates, batch_tokens, shared):
        yield indices, [float(p[0]) for p in found]


def candidate_probabilities(lm, sequences, candidates, batch_tokens, shared, skip=lambda indices: False):
    """Next-token probabilities normalised over each sequence's candidate tokens.

    Args:
        lm: the model.
        sequences: token ids; the next token is asked for.
        candidates: token ids to compare, for each sequence.
        batch_tokens: see ``run``.
        shared: see ``run``.
        skip: see ``run``.

    Yields:
        (indices, [array [candidates], one a sequence])
    """
    units = [[Request(ids, len(ids))] for ids in sequences]
    wanted = {id(unit[0]): tokens for unit, tokens in zip(units, candidates, strict=True)}

    def read(hidden, request):
        return head(lm.model, hidden, wanted[id(request)])[0].double().softmax(-1).cpu().numpy()

    for indices, results in run(lm, units, read, batch_tokens, shared, skip):
        yield indices, [result[0] for result in results]


def option_log_likelihoods(lm, prompts, options, batch_tokens, shared, skip=lambda indices: False):
    """Log-likelihood of each option's tokens after its prompt, and how many tokens it has.

    Args:
        lm: the model.
        prompts: one text a question.
        options: for each question the texts that may follow, each with its leading space.
        batch_tokens: see ``run``.
        shared: see ``run``.
        skip: see ``run``.

    Yields:
        (indices, [array [options, 2] of summed log-likelihood in nats and token count, one a question])
    """
    units = [
        [Request(*lm.encode_pair(prompt, option)) for option in texts]
        for prompt, texts in zip(prompts, options, strict=True)
    ]

    def read(hidden, request):
        logprobs = head(lm.model, hidden).log_softmax(-1)
        own = torch.tensor(request.ids[request.start :], device=logprobs.device)
        return logprobs.gather(1, own[:, None]).sum().item(), len(own)

    for indices, results in run(lm, units, read, batch_tokens, shared, skip):
        yield indices, [np.array(result) for result in results]


def cloze_probabilities(log_likelihoods: np.ndarray) -> np.ndarray:
    """Probabilities over a question's options: softmax of the log-likelihood per token ([options, 2] → [options])."""
    per_token = log_likelihoods[:, 0] / log_likelihoods[:, 1]
    weights = np.exp(per_token - per_token.max())
    return weights / weights.sum()
