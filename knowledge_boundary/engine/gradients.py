"""Gradients of single examples, small enough to compare them all: of adapters' weights, in a random projection (LESS).

An adapter at its start, B = 0 behind a random A, changes nothing, and its gradient is the layer's own, projected:
∂L/∂B = (∂L/∂W) Aᵀ. With entries of A of variance 1 / rank, products of such gradients are those of the whole gradients
in expectation. They are then hashed with random signs to ``SIZE`` numbers, which keeps products in expectation too
(Weinberger et al. 2009).
"""

import numpy as np
import torch
from torch.nn import functional
from transformers.pytorch_utils import Conv1D

from ..models.families import lm_head, of
from ..running.errors import UserError
from ..running.memory import out_of_memory
from .packing import Tree, pack, shared_length
from .passes import head, hidden_states, padded_states, run_root

RANK = 8  # of the adapters
SIZE = 8192  # numbers of a gradient; LESS's, and GRAIT's
PASS_TOKENS = 512  # tokens of a pass, padding included: what it keeps for the way back is in memory


def unit_gradients(lm, rows, shared: bool, seed: int = 0, progress=lambda n: None) -> np.ndarray:
    """Unit vectors float32 [rows, SIZE]: the gradient of each row's mean loss over its answer's tokens.

    The adapters, one on every linear layer but the head, act from the first token on in which the rows differ: what all
    have in common then runs once, and without a way back.

    Args:
        lm: the model.
        rows: ``[{input_ids, start}]`` (``loss.tokenise``), at least one.
        shared: whether the model's sequences can be packed (``exactness.check``); else whole rows run, padded or not.
        seed: of the projections.
        progress: called with the number of rows done.

    Raises:
        UserError: a gradient is zero or not finite, or one alone takes too much memory.
    """
    model, found = lm.model, np.zeros((len(rows), SIZE), dtype=np.float32)
    root = min(shared_length([r["input_ids"] for r in rows]), min(r["start"] for r in rows) - 1)
    linear = [m for m in model.modules() if isinstance(m, (torch.nn.Linear, Conv1D)) and m is not lm_head(model)]
    held = [p for p in model.parameters() if p.requires_grad]
    try:
        for p in held:
            p.requires_grad = False
        with torch.no_grad():
            cache = run_root(model, rows[0]["input_ids"][:root], lm.device) if shared else None
        groups = grouped(rows, root if shared else 0, one_by_one=not (shared or lm.padded))
        while groups:
            group = groups.pop(0)
            own = [rows[i] for i in group]
            adapters = Adapters(linear, len(own), 0 if shared else root, seed, of(model).states_batch)
            try:
                with torch.enable_grad(), adapters:
                    total = sum(losses(model, own, lm.device, shared, root, cache))
                    sketches = adapters.sketches(total)
            except (RuntimeError, MemoryError) as e:
                if not out_of_memory(e):
                    raise
                if len(group) == 1:
                    raise UserError("out of memory with one question's gradient; use --dtype bfloat16") from None
                print(f"Out of memory with {len(group)} gradients at once: going on with half", flush=True)
                groups[:0] = [group[: len(group) // 2], group[len(group) // 2 :]]
                continue
            norms = sketches.norm(dim=1, keepdim=True)
            if not (norms.isfinite() & (norms > 0)).all():
                raise UserError(
                    f"--model {lm.about['name']}: a gradient is zero or not finite in {lm.about['dtype']}; "
                    f"give --dtype float32"
                )
            found[group] = (sketches / norms).cpu().numpy()
            progress(len(group))
    finally:
        for p in held:
            p.requires_grad = True
    return found


def grouped(rows, root: int, one_by_one: bool) -> list:
    """Numbers of rows of like length, at most ``PASS_TOKENS`` padded tokens behind the root, or one row."""
    groups = []
    for i in sorted(range(len(rows)), key=lambda i: (len(rows[i]["input_ids"]), i)):
        size = len(rows[i]["input_ids"]) - root
        if groups and not one_by_one and (len(groups[-1]) + 1) * size <= PASS_TOKENS:
            groups[-1].append(i)
        else:
            groups.append([i])
    return groups


def losses(model, rows, device, shared: bool, root: int, cache) -> list:
    """The mean loss of each row, each in a line of its own of one pass."""
    ids, behind = [r["input_ids"] for r in rows], root if shared else 0
    if shared:
        trees = [Tree() for _ in rows]
        for tree, own in zip(trees, ids, strict=True):
            tree.add(own[root:])
        hidden = hidden_states(model, pack(trees, root, device), cache)
    else:
        hidden = padded_states(model, ids, device)
    found = []
    for row, states in zip(rows, hidden, strict=True):
        targets = torch.tensor(row["input_ids"][row["start"] :], device=device)
        start = row["start"] - 1 - behind
        found.append(functional.cross_entropy(head(model, states[start : start + len(targets)]), targets))
    return found


class Adapters:
    """An adapter for each row of a pass on each linear layer, at its start; within it, they are in place.

    Args:
        linear: the layers.
        rows: how many rows the pass has.
        root: tokens at the rows' beginning on which the adapters don't act.
        seed: of the projections.
        batch: the axis of the rows in the layers' inputs.
    """

    def __init__(self, linear, rows: int, root: int, seed: int, batch: int):
        self.linear, self.rows, self.root, self.seed, self.batch = linear, rows, root, seed, batch
        self.used = {}  # number of a layer: its B [rows, out, rank]

    def __enter__(self):
        self.handles = [m.register_forward_hook(self.adapt(number)) for number, m in enumerate(self.linear)]
        return self

    def __exit__(self, *error):
        for handle in self.handles:
            handle.remove()

    def generator(self, number: int) -> torch.Generator:
        """A layer's own source of numbers, the same in every pass."""
        return torch.Generator().manual_seed(self.seed * 100_003 + number)

    def adapt(self, number: int):
        """The hook of a layer; of one that meets other rows than the pass's (experts), nothing."""

        def hook(module, given, out):
            x = given[0].transpose(0, self.batch) if given[0].ndim == 3 else given[0]
            if x.ndim != 3 or len(x) != self.rows:
                return None
            a = torch.randn(RANK, x.shape[-1], generator=self.generator(number)) / RANK**0.5
            low = x @ a.to(x).T
            b = torch.zeros(self.rows, out.shape[-1], RANK, dtype=x.dtype, device=x.device, requires_grad=True)
            self.used[number] = b
            added = torch.einsum("nor,ntr->nto", b, low[:, self.root :])
            return out + functional.pad(added, (0, 0, self.root, 0)).transpose(0, self.batch)

        return hook

    def sketches(self, total: torch.Tensor) -> torch.Tensor:
        """float32 [rows, SIZE]: the rows' gradients of ``total``, the sum of their losses, hashed with random signs."""
        numbers = sorted(self.used)
        gradients = torch.autograd.grad(total, [self.used[n] for n in numbers], allow_unused=True)
        found = torch.zeros(self.rows, SIZE, device=total.device)
        for number, gradient in zip(numbers, gradients, strict=True):
            if gradient is None:
                continue
            flat, generator = gradient.flatten(1).float(), self.generator(-1 - number)
            places = torch.randint(SIZE, (flat.shape[1],), generator=generator).to(flat.device)
            signs = torch.randint(2, (flat.shape[1],), generator=generator).to(flat) * 2 - 1
            found.index_add_(1, places, flat * signs)
        return found
