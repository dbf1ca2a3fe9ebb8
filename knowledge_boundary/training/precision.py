"""Which numbers a fine-tune is done in: float32 masters of the weights that are trained, whatever dtype is asked for.

A weight of 0.05 in bfloat16 has neighbours 0.0002 away; AdamW moves it by the learning rate, 0.000008 a step with
CRaFT's. Trained in bfloat16 itself, 98 % of the weights never move. In float32 they do; but where they begin exactly on
bfloat16's grid, hundreds of steps pass until one is nearer to another point of it: until then neither passes in
bfloat16 nor the saved weights show anything. So a master begins at random within all that rounds to its weight
(subtractive dither, Roberts 1962): the initial model is the same, and of a small update's weights the right share moves
by a whole step.
"""

import torch

from ..models.families import DTYPES

BITS = {torch.bfloat16: torch.int16, torch.float16: torch.int16}
INSIDE = 0.98  # of the distance to where rounding goes the other way


def compute_dtype(lm) -> torch.dtype:
    """The dtype of training's passes: the model's own; on CPUs float32, which is as fast there."""
    return torch.float32 if lm.device.type == "cpu" else DTYPES[lm.about["dtype"]]


def dithered(weight: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """A float32 master of a half-precision weight: at random among what rounds to it; zeros stay.

    Args:
        weight: of dtype bfloat16 or float16.
        generator: of the random numbers, on the CPU.
    """
    bits = weight.view(BITS[weight.dtype])
    outer, inner = (
        (bits + 1).view(weight.dtype).float(),
        (bits - 1).view(weight.dtype).float(),
    )  # away from 0, towards it
    own = weight.float()
    random = (2 * torch.rand(weight.shape, generator=generator) - 1).mul_(INSIDE).to(weight.device)
    moved = own + torch.where(random > 0, outer - own, own - inner) * random / 2
    return torch.where((own == 0) | ~outer.isfinite(), own, moved)


def to_masters(model, dither: bool, seed: int) -> dict:
    """Make the weights of ``model`` that are trained float32 ones; returns {parameter: its dtype before}.

    Args:
        model: its weights change.
        dither: whether those of half precision begin at random within what rounds to them (``dithered``).
        seed: of the random numbers.
    """
    before, generator = {}, torch.Generator().manual_seed(seed)
    for p in model.parameters():
        if p.requires_grad:
            before[p] = p.dtype
            p.data = dithered(p.data, generator) if dither and p.dtype in BITS else p.data.float()
    return before


def names(tensors) -> str:
    """The dtypes of tensors, for ``meta``."""
    return ", ".join(sorted({str(t.dtype).removeprefix("torch.") for t in tensors}))
