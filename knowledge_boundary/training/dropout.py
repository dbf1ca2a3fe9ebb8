"""LoRA's first matrix behind its dropout, with less kept for the backward pass than peft's two modules keep."""

import torch
from torch.nn import functional


class Dropped(torch.autograd.Function):
    """``linear(m ∘ x / (1 − p), W)`` for a drawn mask m: kept are x itself, which adapters beside each other share, and
    m, a byte a number; neither x in the adapter's dtype nor the product.
    """

    @staticmethod
    def forward(ctx, x, weight, p):
        """The product; the mask is drawn as ``torch.nn.Dropout`` draws it."""
        mask = torch.empty(x.shape, dtype=torch.bool, device=x.device).bernoulli_(1 - p)
        ctx.save_for_backward(x, weight, mask)
        ctx.left = 1 - p
        return functional.linear(x * mask / ctx.left, weight)

    @staticmethod
    def backward(ctx, grad):
        """The gradients of x and W."""
        x, weight, mask = ctx.saved_tensors
        own = mask / ctx.left
        to_x = ((grad @ weight.to(grad.dtype)) * own).to(x.dtype) if ctx.needs_input_grad[0] else None
        flat = (x * own).to(grad.dtype).flatten(0, -2)
        return to_x, (grad.flatten(0, -2).T @ flat).to(weight.dtype), None


class DroppedLinear(torch.nn.Linear):
    """A linear layer without bias whose inputs are dropped in training.

    Args:
        linear: the layer whose weight it takes.
        p: share of the inputs that is dropped.
    """

    def __init__(self, linear: torch.nn.Linear, p: float):
        super().__init__(linear.in_features, linear.out_features, bias=False, device="meta")
        self.weight, self.p = linear.weight, p

    def forward(self, x):
        """The layer's output [..., out]."""
        return Dropped.apply(x, self.weight, self.p) if self.training else functional.linear(x, self.weight)


def keep_less(model, p: float) -> None:
    """Have the adapters of a peft model drop by ``DroppedLinear``, and take their inputs in the dtype they have."""
    for module in model.modules():
        for name, layer in getattr(module, "lora_A", {}).items():
            if type(layer) is torch.nn.Linear and isinstance(module.lora_dropout[name], torch.nn.Dropout):
                module.lora_A[name] = DroppedLinear(layer, p)
                module.lora_dropout[name] = torch.nn.Identity()
                module.cast_input_dtype_enabled = False
