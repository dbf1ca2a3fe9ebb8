"""What torch's devices say when they have no memory left."""

import torch

SAID = ("out of memory", "can't allocate memory", "cannot allocate memory")


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device has no memory left: GPUs raise an error of their own, CPUs a RuntimeError."""
    said = isinstance(error, RuntimeError) and any(text in str(error).lower() for text in SAID)
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or said


def no_memory(error: BaseException) -> str:
    """What a stage says that has no memory left."""
    said = (str(error).strip() or type(error).__name__).splitlines()[0]
    return (
        f"out of memory ({said}); give fewer tokens at a time (--batch_tokens, --micro_batch_tokens), --dtype "
        f"bfloat16, a smaller model or a larger machine"
    )
