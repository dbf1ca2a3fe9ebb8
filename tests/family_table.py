"""Which families of causal language models the engine runs, and how: the table of docs/families.md.

    PYTHONPATH=.:tests python tests/family_table.py      writes it anew, by the installed transformers

A family is a tiny random model of its architecture, asked at lengths on both sides of its windows, chunks and rope
switches.
"""

import sys
from pathlib import Path

import every_family
import tiny
import torch
import transformers
from batches import everything

from knowledge_boundary.engine import exactness, sampling, scoring
from knowledge_boundary.running.errors import UserError

PAGE = Path(__file__).resolve().parents[1] / "docs" / "families.md"
HEAD = "| how its prompts run | families |\n| --- | --- |\n"
# Tokens of the sequences that are asked, some of them behind a common beginning; the windows of tiny models are 16.
LENGTHS = (9, 12, 30, 31, 70, 110)
SHARED = 8
NEW_TOKENS = 3
REFUSED = "refused in one line"
SHORT_ONLY = "shared up to its window or switch, beyond it {}"


def sequences(lm) -> list:
    """Token ids of each of ``LENGTHS`` that the model takes, the first ``SHARED`` of them alike."""
    generator, vocabulary = torch.Generator().manual_seed(3), min(500, lm.vocabulary)
    lengths = [n for n in LENGTHS if n + NEW_TOKENS <= lm.window]
    start = torch.randint(3, vocabulary, (SHARED,), generator=generator).tolist()
    return [start + torch.randint(3, vocabulary, (n - SHARED,), generator=generator).tolist() for n in lengths]


class Ids:
    """Stands in for a tokenizer's ``PromptFormat``: a text is its token ids, written out."""

    def __init__(self, words):
        self.words = words

    def __getattr__(self, name):
        return getattr(self.words, name)

    def ids(self, text: str) -> list:
        """Token ids."""
        return [int(word) for word in text.split()]


def model_of(name: str, words):
    """The tiny model ``name`` as an ``LM`` whose texts are token ids."""
    lm = tiny.wrap(every_family.tiny_model(name), words, name)
    lm.format = Ids(lm.format)
    return lm


def how(lm) -> str:
    """How the engine runs this model: at short lengths, and at all of ``LENGTHS``."""
    asked = [" ".join(map(str, ids)) for ids in sequences(lm)]
    try:
        short = exactness.manner(lm, exactness.check(lm))
        lm.padded = lm.cached = True
        long = exactness.manner(lm, exactness.check(lm, asked, NEW_TOKENS))
    except UserError:
        return REFUSED
    return long if short == long or short != "shared" else SHORT_ONLY.format(long)


def differences(lm, shared: bool) -> tuple[float, bool]:
    """How far the engine's probabilities are from one forward a sequence, and whether its greedy answers are those."""
    own = sequences(lm)
    candidates = [[5, 9, 77, 301]] * len(own)
    wanted = [tiny.full_forward(lm, ids)[-1, [5, 9, 77, 301]].double().softmax(-1).numpy() for ids in own]
    found = everything(scoring.candidate_probabilities(lm, own, candidates, 64, shared), len(own))
    error = max(float(abs(a - b).max()) for (a, _), b in zip(found, wanted, strict=True))
    texts = [" ".join(map(str, ids)) for ids in own]
    answers = everything(sampling.answer(lm, texts, texts, 0, NEW_TOKENS, 64, shared), len(own))
    # An answer may end before NEW_TOKENS, with a line.
    said = [(lm.decode(argmax(lm, ids)), a.written.rstrip("\n")) for ids, (_, a) in zip(own, answers, strict=True)]
    return error, all(whole.startswith(written) for whole, written in said)


def argmax(lm, ids) -> list:
    """The tokens of a greedy answer, by one forward each."""
    new = []
    while len(new) < NEW_TOKENS:
        token = int(tiny.full_forward(lm, ids + new)[-1].argmax())
        if token in lm.end_tokens:
            break
        new.append(token)
    return new


def table(found: dict) -> str:
    """The page's table of {family: how it runs}."""
    ways = sorted(set(found.values()), key=lambda way: (way == REFUSED, -sum(w == way for w in found.values()), way))
    rows = [f"| {way} | {', '.join(sorted(n for n, w in found.items() if w == way))} |" for way in ways]
    return HEAD + "\n".join(rows) + "\n"


def documented(page: str) -> dict:
    """{family: how it runs} of the page's table."""
    lines = page.split(HEAD)[1].partition("\n\n")[0].splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines]
    return {name: way for way, names in rows for name in names.split(", ")}


def main():
    """Write the table into the page."""
    words = tiny.tokenizer()
    found = {name: how(model_of(name, words)) for name in every_family.LANGUAGE_MODELS}
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(HEAD)
    after = rest[rest.index("\n\n") :] if "\n\n" in rest else "\n"
    PAGE.write_text(before + table(found).rstrip("\n") + after, encoding="utf-8")
    print(f"{len(found)} families, transformers {transformers.__version__}", file=sys.stderr)


if __name__ == "__main__":
    main()
