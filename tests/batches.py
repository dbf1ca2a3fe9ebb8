"""What the tests of the engine share: prompts with a common beginning, and what is made of batches."""

import torch

START = "The following are multiple choice questions (with answers) about capitals.\n\n" * 3
TAILS = [
    "What is the capital of France?",
    "Iraq?",
    "Which one of these is the capital of the country that has a border with Peru, Chile, Brazil and Argentina?",
    "What is the chemical symbol for tungsten?",
    "What?",
    "What is the capital of Australia, and what is it not?" * 3,
    "Is it Rome?",
]
PROMPTS = [f"{START}{tail}\nAnswer:" for tail in TAILS]
OPTIONS = [[" A", " Paris, the city", " Rome"], [" B", " a"], [" Sucre", " La Paz is one"], *[[" x", " yes no"]] * 4]
SMALL, LARGE = 40, 100_000


def everything(batches, n) -> list:
    """The results of all ``(indices, results)``, in order; every index stands once."""
    found = {}
    for indices, results in batches:
        for i, result in zip(indices, results, strict=True):
            assert i not in found
            found[i] = result
    assert sorted(found) == list(range(n))
    return [found[i] for i in range(n)]


def limit_tokens(monkeypatch, module, most):
    """Make ``module`` run out of memory with more than ``most`` tokens in a pass."""
    hidden_states = module.hidden_states

    def limited(model, lanes, *args, **kwargs):
        if lanes.ids.numel() > most:
            raise torch.OutOfMemoryError("out of memory")
        return hidden_states(model, lanes, *args, **kwargs)

    monkeypatch.setattr(module, "hidden_states", limited)
