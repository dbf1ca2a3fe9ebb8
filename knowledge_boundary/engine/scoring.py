"""Exact next-token probabilities over shared prefixes: letters after ``Answer:``, and whole options (cloze)."""

from dataclasses import dataclass

import numpy as np
import torch

from ..running import ranks
from ..running.errors import UserError
from ..running.memory import out_of_memory
from .packing import LANE, WIDE_LANE, Tree, fill, pack, shared_length
from .passes import check_finite, check_window, head, hidden_states, padded_states, run_root

HEAD_ROWS = 256  # positions that meet the whole vocabulary at a time


@dataclass
class Request:
    """One sequence to run: the logits that predict its tokens from ``start`` on, or the one after its end."""

    ids: list
    start: int

    @property
    def columns(self) -> range:
        """Positions whose logits are read: those before ``start`` … the last token, or the last one itself."""
        return range(self.start - 1, max(self.start, len(self.ids) - 1))


def candidate_ids(lm, prompt: str, letters: str, instead: str = "--scoring cloze") -> list:
    """The token that each letter is after the literal ``prompt``: with its space, or where the answer's turn begins.

    ``instead``: the flag that goes without letters, for errors.

    Raises:
        UserError: a letter is more than one token there, or two letters are the same one.
    """
    plain, lead, ids = lm.encode(prompt), lm.format.lead_of(prompt), []
    for letter in letters:
        after = lm.encode(f"{prompt}{lead}{letter}")
        if len(after) != len(plain) + 1 or after[:-1] != plain:
            raise UserError(f"letter {letter} is not one token after the prompt for this tokenizer; use {instead}")
        ids.append(after[-1])
    if len(set(ids)) < len(ids):
        raise UserError(f"letters {letters} are not distinct tokens for this tokenizer; use {instead}")
    return ids


def plan(units, root: int, batch_tokens: int) -> list:
    """``units`` in batches of lanes: lists of lists of indices.

    A batch holds at most ``batch_tokens`` tokens behind the root, padding of its lanes included, and at most four times
    that with the root, which each lane has in front of its own in a layer; but at least one unit. A function of the
    units alone, so that a resumed run has the same batches.
    """
    own = [[r.ids[root:] for r in unit] for unit in units]
    lanes, sizes = fill(own, min(LANE, batch_tokens), min(WIDE_LANE, batch_tokens))
    batches = []
    for lane, size in zip(lanes, sizes, strict=True):  # each at least as long as those before it
        count = len(batches[-1]) + 1 if batches else 0
        if batches and count * size <= batch_tokens and count * (root + size) <= 4 * batch_tokens:
            batches[-1].append(lane)
        else:
            batches.append([lane])
    return batches


def plan_whole(units, batch_tokens: int, padded: bool = True) -> list:
    """``units`` in batches of one lane each for whole sequences: at most ``batch_tokens`` padded tokens, by length.

    Not ``padded``: units are alone in their batches.
    """
    longest = [max(len(r.ids) for r in unit) for unit in units]
    batches, rows = [], 0
    for i in sorted(range(len(units)), key=lambda i: (longest[i], i)):
        if padded and batches and (rows + len(units[i])) * longest[i] <= batch_tokens:
            batches[-1][0].append(i)
            rows += len(units[i])
        else:
            batches.append([[i]])
            rows = len(units[i])
    return batches


@torch.inference_mode()
def run(lm, units, read, batch_tokens: int, shared: bool, names=None, skip=lambda indices: False):
    """Run every Request of ``units``; yields ``(indices, results)`` batch by batch.

    Args:
        lm: the model.
        units: lists of Requests; a unit's sequences are in one lane.
        read: ``(hidden, requests, names) → results``, called once a batch: the hidden states [columns, hidden] of all
            its requests one after the other, the requests, their units' names; one result a request.
        batch_tokens: upper bound of the tokens of one forward pass.
        shared: whether the model's sequences can be packed (``exactness.check``); else whole sequences run, padded.
        names: the units' names in errors; default: their numbers.
        skip: ``indices → bool``; batches for which it is true are left out (they are in the journal).

    Yields:
        The indices of a batch's units, and for each unit the list of its results.
    """
    requests = [r for unit in units for r in unit]
    names = names or [str(i) for i in range(len(units))]
    check_window(lm, [max(len(r.ids) for r in unit) for unit in units], names)
    if shared:
        # Every column that is read, at least one a request, lies behind the root.
        most = min(min(r.start for r in requests), min(len(r.ids) for r in requests)) - 1
        root = min(shared_length([r.ids for r in requests]), most)
        planned = plan(units, root, batch_tokens)
    else:
        root, planned = 0, plan_whole(units, batch_tokens, lm.padded)
    batches = [lanes for lanes in planned if not skip([i for lane in lanes for i in lane])]
    cache = run_root(lm.model, requests[0].ids[:root], lm.device) if batches else None

    def run_batch(lanes):
        try:
            columns = packed_columns(lm, units, lanes, root, cache) if shared else whole_columns(lm, units, lanes)
            owners, own, hidden = zip(*columns, strict=True)
            found = read(torch.cat(hidden), own, [names[i] for i in owners])
        except (RuntimeError, MemoryError) as e:
            if not out_of_memory(e) or ranks.together():
                raise
            parts = halves(lanes)
            if not parts:
                raise UserError(
                    "out of memory with one question in the batch; use a smaller model or --dtype bfloat16"
                ) from None
            print(f"Out of memory with {sum(map(len, lanes))} questions at once: going on with half", flush=True)
        else:
            results = {}
            for i, result in zip(owners, found, strict=True):
                results.setdefault(i, []).append(result)
            yield list(results), list(results.values())
            return
        for part in parts:  # outside the handler, which would keep the failed batch's tensors alive
            yield from run_batch(part)

    for lanes in batches:
        yield from run_batch(lanes)


def packed_columns(lm, units, lanes, root, cache) -> list:
    """[(unit, request, hidden states of its columns)] of a batch: each lane a tree behind the ``root`` in ``cache``."""
    trees = [Tree() for _ in lanes]
    paths = [
        (lane, i, request, trees[lane].add(request.ids[root:]))
        for lane, indices in enumerate(lanes)
        for i in indices
        for request in units[i]
    ]
    hidden = hidden_states(lm.model, pack(trees, root, lm.device), cache)
    return [
        (i, request, hidden[lane, nodes[request.columns.start - root : request.columns.stop - root]])
        for lane, i, request, nodes in paths
    ]


def whole_columns(lm, units, lanes) -> list:
    """[(unit, request, hidden states of its columns)] of a batch of one lane: whole sequences, padded."""
    rows = [(i, request) for i in lanes[0] for request in units[i]]
    parts = [rows] if lm.padded else [[row] for row in rows]
    found = []
    for part in parts:
        hidden = padded_states(lm.model, [request.ids for _, request in part], lm.device)
        found += [(i, r, h[r.columns.start : r.columns.stop]) for (i, r), h in zip(part, hidden, strict=True)]
    return found


def halves(lanes) -> list:
    """A batch in two: of its lanes, or of its one lane's units; nothing for a single unit."""
    if len(lanes) > 1:
        return [lanes[: len(lanes) // 2], lanes[len(lanes) // 2 :]]
    (lane,) = lanes
    return [[lane[: len(lane) // 2]], [lane[len(lane) // 2 :]]] if len(lane) > 1 else []


def letter_probabilities(
    lm, prompts, letters, batch_tokens, shared, skip=lambda indices: False, names=None, instead="--scoring cloze"
):
    """Probabilities of the letters after each prompt, normalised over the question's letters, and their share of all.

    Args:
        lm: the model.
        prompts: texts ending where the letter comes next (``Answer:``).
        letters: each question's letters, such as "ABCD".
        batch_tokens: see ``run``.
        shared: see ``run``.
        skip: see ``run``.
        names: see ``run``.
        instead: see ``candidate_ids``.

    Yields:
        (indices, [(probabilities [letters], the probability that the letters hold of the whole vocabulary)])
    """
    kinds = {text: candidate_ids(lm, prompts[letters.index(text)], text, instead) for text in dict.fromkeys(letters)}
    sequences = list(map(lm.encode, prompts))
    candidates = [kinds[text] for text in letters]
    yield from candidate_probabilities(lm, sequences, candidates, batch_tokens, shared, skip, names)


def pair_probabilities(lm, texts, first: str, second: str, batch_tokens, shared, names=None):
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
    batches = candidate_probabilities(lm, sequences, candidates, batch_tokens, shared, names=names, share=False)
    for indices, found in batches:
        yield indices, [float(p[0]) for p, _ in found]


def candidate_probabilities(
    lm, sequences, candidates, batch_tokens, shared, skip=lambda indices: False, names=None, share=True
):
    """Next-token probabilities normalised over each sequence's candidate tokens.

    Args:
        lm: the model.
        sequences: token ids; the next token is asked for.
        candidates: token ids to compare, for each sequence.
        batch_tokens: see ``run``.
        shared: see ``run``.
        skip: see ``run``.
        names: see ``run``.
        share: whether their share of the whole vocabulary's probability is wanted; else only their rows of the head
            run.

    Yields:
        (indices, [(array [candidates], the probability of all of them together or None)], one a sequence)
    """
    units = [[Request(ids, len(ids))] for ids in sequences]
    wanted = {id(unit[0]): tokens for unit, tokens in zip(units, candidates, strict=True)}

    def read(hidden, own, names):
        found = []
        for start in range(0, len(own), HEAD_ROWS):
            part = slice(start, start + HEAD_ROWS)
            rows = [wanted[id(request)] for request in own[part]]
            columns = sorted({token for tokens in rows for token in tokens})
            logits = head(lm.model, hidden[part], None if share else columns)
            if share:  # of the whole vocabulary, some models have rows at −∞
                every, logits = logits.logsumexp(-1), logits[:, columns]
                check_finite(lm, every[:, None], names[part])
                total = every.double().cpu()
            check_finite(lm, logits, names[part])
            logits = dict(zip(columns, logits.T.double().cpu(), strict=True))
            for i, tokens in enumerate(rows):
                one = torch.stack([logits[token][i] for token in tokens])
                held = float((one.logsumexp(-1) - total[i]).exp().clamp(max=1)) if share else None
                found.append((one.softmax(-1).numpy(), held))
        return found

    for indices, results in run(lm, units, read, batch_tokens, shared, names, skip):
        yield indices, [result[0] for result in results]


def option_log_likelihoods(lm, prompts, options, batch_tokens, shared, skip=lambda indices: False, names=None):
    """Log-likelihood of each option's tokens after its prompt, and how many tokens it has.

    Args:
        lm: the model.
        prompts: one text a question.
        options: for each question the texts that may follow, each with its leading space.
        batch_tokens: see ``run``.
        shared: see ``run``.
        skip: see ``run``.
        names: see ``run``.

    Yields:
        (indices, [array [options, 2] of summed log-likelihood in nats and token count, one a question])
    """
    units = [
        [Request(*lm.encode_pair(prompt, option)) for option in texts]
        for prompt, texts in zip(prompts, options, strict=True)
    ]

    def read(hidden, own, names):
        counts = [len(request.columns) for request in own]
        targets = torch.tensor([t for request in own for t in request.ids[request.start :]], device=hidden.device)
        owners = [name for name, count in zip(names, counts, strict=True) for _ in range(count)]
        values = []
        for start in range(0, len(targets), HEAD_ROWS):
            part = slice(start, start + HEAD_ROWS)
            logits = head(lm.model, hidden[part])
            check_finite(lm, logits, owners[part])
            values.append(logits.gather(1, targets[part, None])[:, 0] - logits.logsumexp(-1))
        sums = torch.cat(values).double().cpu().split(counts)
        return [(value.sum().item(), count) for value, count in zip(sums, counts, strict=True)]

    for indices, results in run(lm, units, read, batch_tokens, shared, names, skip):
        yield indices, [np.array(result) for result in results]


def cloze_probabilities(log_likelihoods: np.ndarray) -> np.ndarray:
    """Probabilities over a question's options: softmax of the log-likelihood per token ([options, 2] → [options])."""
    per_token = log_likelihoods[:, 0] / log_likelihoods[:, 1]
    weights = np.exp(per_token - per_token.max())
    return weights / weights.sum()
