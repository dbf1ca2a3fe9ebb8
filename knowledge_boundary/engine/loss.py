"""The loss of a fine-tune, on the answers' tokens only, and the rows that it is computed from.

Refusal-aware examples share their instruction: what a batch's examples share runs once, with gradients, and without
padding; only the answers' positions meet the LM head.
"""

import torch
from torch.nn import functional

from ..running.errors import UserError
from .packing import WIDE_LANE, Tree, fill, pack
from .passes import head, hidden_states, padded_states

FULL = 0.8  # share of real tokens in a padded pass at least; below it, the examples run in passes of like length


def tokenise(lm, examples, weights=None) -> list:
    """``[{turns: [{input_ids, start, weight}]}]`` of examples; the loss is on a turn's tokens from ``start`` on.

    Args:
        lm: the model.
        examples: each a (prompt, answer) pair of texts, or a list of them, the turns of one conversation.
        weights: of each example in the loss; None: all 1.

    Raises:
        UserError: an example longer than the model's window, or an answer without tokens.
    """
    rows = []
    for number, (example, weight) in enumerate(zip(examples, weights or [1] * len(examples), strict=True)):
        turns = []
        for prompt, answer in [example] if isinstance(example, tuple) else example:
            ids, start = lm.encode_pair(prompt, answer)
            start = max(start, 1)  # nothing predicts a text's first token
            if len(ids) > lm.window or len(ids) <= start:
                raise UserError(
                    f"training example {number}: {len(ids)} tokens, {len(ids) - start} of them answer; "
                    f"the model takes {lm.window} and needs an answer"
                )
            turns.append({"input_ids": ids, "start": start, "weight": weight})
        rows.append({"turns": turns})
    return rows


def turns_of(rows) -> list:
    """All turns of the rows of ``tokenise``."""
    return [turn for row in rows for turn in row["turns"]]


def weighted_tokens(rows) -> float:
    """Σ wᵢ nᵢ over rows: their weights times the tokens of their answers; what a sum of their losses is divided by."""
    return sum(r.get("weight", 1) * (len(r["input_ids"]) - r["start"]) for r in rows)


def alike(rows) -> list:
    """Rows (examples with ``input_ids``) in groups of like length: padded, at least ``FULL`` of a group is tokens."""
    groups, tokens = [], 0
    for row in sorted(rows, key=lambda r: len(r["input_ids"])):  # so that the last one of a group is its longest
        n = len(row["input_ids"])
        if not groups or (tokens + n) < FULL * n * (len(groups[-1]) + 1):
            groups.append([])
            tokens = 0
        groups[-1].append(row)
        tokens += n
    return groups


def answer_loss(model, rows, packed: bool, reduction: str = "mean", padded: bool = True) -> torch.Tensor:
    """Cross-entropy of the answers' tokens, in nats: Σᵢ wᵢ Σₜ CEᵢₜ, by ``mean`` over Σᵢ wᵢ nᵢ (``weighted_tokens``).

    So a row of weight 2 is the row stated twice; rows whose weights are all 0 give 0.

    Args:
        model: a causal LM (a PEFT model's own base with its adapters in place).
        rows: ``[{input_ids, start}]``; ``weight`` too where it isn't 1.
        packed: whether what the rows share runs once (``exactness.check``); with dropout, it then has one mask for them
            all. Else whole examples run, right-padded, those of like length together.
        reduction: ``mean`` or ``sum``, over the answers' tokens of all rows.
        padded: whether whole examples may run beside each other; else one by one.
    """
    device = model.device
    groups, states = [rows] if packed else alike(rows) if padded else [[row] for row in rows], []
    for group in groups:
        # The hidden state at position t predicts token t + 1.
        spans = [range(r["start"] - 1, len(r["input_ids"]) - 1) for r in group]
        if packed:
            lanes, sizes = fill([[r["input_ids"]] for r in group], WIDE_LANE, WIDE_LANE)
            trees = [Tree() for _ in sizes]
            paths = {i: (n, trees[n].add(group[i]["input_ids"])) for n, lane in enumerate(lanes) for i in lane}
            hidden = hidden_states(model, pack(trees, 0, device))
            at = [(paths[i][0], paths[i][1][t]) for i, span in enumerate(spans) for t in span]
        else:
            hidden = padded_states(model, [r["input_ids"] for r in group], device)
            at = [(i, t) for i, span in enumerate(spans) for t in span]
        states.append(hidden[tuple(zip(*at, strict=True))])
    targets = [t for group in groups for r in group for t in r["input_ids"][r["start"] :]]
    logits = head(model, torch.cat(states))
    targets = torch.tensor(targets, device=device)
    if all(r.get("weight", 1) == 1 for r in rows):
        return functional.cross_entropy(logits, targets, reduction=reduction)
    each = functional.cross_entropy(logits, targets, reduction="none")
    weights = [r.get("weight", 1) for group in groups for r in group for _ in r["input_ids"][r["start"] :]]
    total = (each * torch.tensor(weights, dtype=each.dtype, device=device)).sum()
    return total / (weighted_tokens(rows) or 1) if reduction == "mean" else total
