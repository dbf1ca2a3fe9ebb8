"""What the tests of the engine share: prompts with a common beginning, what is made of batches, where answers end."""

import torch

from knowledge_boundary.judging.extent import extent

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


def follow(lm, tokens, token, most) -> tuple[tuple, bool]:
    """An answer's tokens with the next one behind them, and whether it ends there: each time all of it is read anew.

    It ends with the turn, at ``most`` tokens, or behind its first line; a token that says nothing more is left out.
    """
    if token in lm.end_tokens:
        return tokens, True
    longer = (*tokens, token)
    answer, whole = extent(lm.decode(longer))
    if whole and "\n" in lm.tokenizer.decode([token]):
        return (tokens if extent(lm.decode(tokens))[0] == answer else longer), True
    return longer, len(longer) == most


def said(lm, tokens) -> str:
    """The answer in an answer's tokens."""
    return extent(lm.decode(tokens))[0]


def limit_tokens(monkeypatch, module, most):
    """Make ``module`` run out of memory with more than ``most`` tokens in a pass."""
    hidden_states = module.hidden_states

    def limited(model, lanes, *args, **kwargs):
        if lanes.ids.numel() > most:
            raise torch.OutOfMemoryError("out of memory")
        return hidden_states(model, lanes, *args, **kwargs)

    monkeypatch.setattr(module, "hidden_states", limited)
