"""The memory that a fine-tune takes: what the weights and their training states hold, and what a part of a step adds.

What a part adds is counted, not derived: two small parts run forward and backward, once each, while every tensor that
is made is watched (as torch's own ``MemTracker`` does); a line through the two gives a larger part's.
"""

import weakref
from dataclasses import dataclass

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from ..engine.parts import divided, run_tokens

TRIAL = 48  # tokens of the first part that is watched
TIMES = 4  # the second one's, at least, of its
STATES = 2  # float32 numbers of Adam for each number that is trained
GB = 1e9


class Watch(TorchDispatchMode):
    """Counts the bytes of the tensors that are made while it is on; ``most``: of those alive at once.

    Args:
        known: tensors that were there before; their views count nothing.
    """

    def __init__(self, known=()):
        super().__init__()
        self.alive = {t.untyped_storage()._cdata for t in known}
        self.now = self.most = 0

    def __torch_dispatch__(self, func, types, inputs=(), named=None):
        """Run an operation and look at what it has made."""
        found = func(*inputs, **(named or {}))
        tree_map_only(torch.Tensor, self.note, found)
        return found

    def note(self, tensor):
        """Count a tensor's storage for as long as it lives."""
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key not in self.alive:
            self.alive.add(key)
            self.now += size
            self.most = max(self.most, self.now)
            weakref.finalize(storage, self.gone, key, size)
        return tensor

    def gone(self, key, size) -> None:
        """A storage has been freed."""
        self.alive.discard(key)
        self.now -= size


@dataclass(frozen=True)
class Estimate:
    """What a fine-tune takes at its peak, in bytes.

    Attributes:
        held: before its first step: the process on a CPU, the allocated memory on a GPU.
        states: the optimiser's, of all that is trained.
        once: what a part adds whatever its size, the gradients among it.
        a_token: what each token of a part adds.
        tokens: of the largest part.
        step_tokens: of the largest step.
    """

    held: int
    states: int
    once: float
    a_token: float
    tokens: int
    step_tokens: int

    @property
    def peak(self) -> float:
        """Of the whole fine-tune."""
        return self.held + self.states + self.once + self.a_token * self.tokens

    def line(self, free: int | None) -> str:
        """The line before the training: what it takes, and what to change where ``free`` bytes are not enough."""
        said = f"A step runs up to {self.step_tokens} tokens, {self.tokens} at a time, and takes up to about "
        said += f"{self.peak / GB:.1f} GB of memory ({self.a_token * self.tokens / GB:.1f} GB for those tokens)"
        needed = self.peak - self.held
        if free is None or needed <= free:
            return said
        fits = int((free - needed + self.a_token * self.tokens) / self.a_token)
        said += f"; {free / GB:.1f} GB are free beside the {self.held / GB:.1f} GB that are held: give "
        return said + (f"--micro_batch_tokens {fits}" if fits >= 1 else "a smaller --lora_r, --dtype or model")


def held_now(device: torch.device) -> int:
    """Bytes that this process holds on a device: allocated ones on a GPU, its resident set on a CPU."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    import psutil

    return psutil.Process().memory_info().rss


def free_now(device: torch.device) -> int | None:
    """Bytes that are free on a device; None where it does not say."""
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    if device.type != "cpu":
        return None
    import psutil

    return psutil.virtual_memory().available


def estimate(model, rows, most: int, batch: int, packed: bool, padded: bool, run) -> Estimate:
    """The peak of a fine-tune; its random states and the model's gradients are afterwards as before.

    Args:
        model: its weights as they are trained: their device, dtypes and ``requires_grad``.
        rows: ``[{input_ids, start}]``, all that it is trained on.
        most: tokens of a part at most (``parts.divided``).
        batch: rows of a step of this process.
        packed: see ``parts.run_tokens``.
        padded: see ``parts.run_tokens``.
        run: called with the rows of a part: their forward and backward.
    """
    device = model.device
    held = held_now(device)
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    longest = sorted(rows, key=lambda r: len(r["input_ids"]), reverse=True)[:batch]
    parts = divided(longest, most, packed, padded)
    largest = max(run_tokens(part, packed, padded) for part in parts)
    devices = [device] if device.type == "cuda" else []
    points, size = [], TRIAL
    for _ in range(2):
        part = divided(longest, size, packed, padded)[0]
        with torch.random.fork_rng(devices), Watch([*model.parameters(), *model.buffers()]) as watch:
            run(part)
        points.append((run_tokens(part, packed, padded), watch.most))
        size = TIMES * points[0][0]
        model.zero_grad(set_to_none=True)
    (few, least), (many, more) = points
    a_token = (more - least) / (many - few) if many > few else least / few
    return Estimate(
        held=held,
        states=4 * STATES * trained,
        once=least - a_token * few,
        a_token=a_token,
        tokens=largest,
        step_tokens=run_tokens(longest, packed, padded),
    )
