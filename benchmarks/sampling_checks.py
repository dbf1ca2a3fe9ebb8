"""Whether sampled answers are what the model would say: first tokens against its probabilities, and mean Cor."""

import numpy as np
import torch

from knowledge_boundary.judging import outcomes
from knowledge_boundary.judging.extent import cut


@torch.inference_mode()
def exact_first_tokens(lm, texts) -> list:
    """Each prompt's exact distribution of the first token."""
    exact = []
    for text in texts:
        logits = lm.model(torch.tensor([lm.encode(text)], device=lm.device), logits_to_keep=1).logits[0, -1]
        exact.append(logits.double().softmax(-1).cpu().numpy())
    return exact


def first_texts(lm, exact, stops) -> tuple[dict, list]:
    """The classes that first tokens fall into by what they say (``stops``: nothing), and ``exact`` over these."""
    words = lm.tokenizer.batch_decode([[i] for i in range(len(lm.tokenizer))], skip_special_tokens=True)
    words = ["" if i in stops or i >= len(words) else cut(words[i]) for i in range(lm.vocabulary)]
    classes = {word: i for i, word in enumerate(dict.fromkeys(words))}
    of_token = np.array([classes[word] for word in words])
    return classes, [np.bincount(of_token, weights=p) for p in exact]


def total_variation(counts, exact) -> float:
    """Mean over the questions of ½ Σ |frequency − probability|."""
    return float(np.mean([np.abs(c / c.sum() - p).sum() / 2 for c, p in zip(counts, exact, strict=True)]))


def first_tokens(lm, texts, stops, ours, generated, seed) -> dict:
    """Total variation of the first tokens' frequencies against the model's probabilities, and what exact draws give.

    Args:
        lm: the model.
        texts: the prompts.
        stops: tokens that end an answer of ``generate``.
        ours: for each prompt the texts of answers of one token.
        generated: for each round and prompt ``generate``'s ``[(text, tokens)]``, as many as ours in all; or None.
        seed: of the exact draws.
    """
    whole, drawn = exact_first_tokens(lm, texts), {}
    if generated:
        rows = [
            [cut(lm.tokenizer.decode(tokens[:1], skip_special_tokens=True)) for pairs in same for _, tokens in pairs]
            for same in zip(*generated, strict=True)
        ]
        drawn["generate"] = rows, stops
    drawn["ours"] = ours, lm.end_tokens  # what stands before a line break in its token is part of the answer
    peers = {}
    for name, (rows, ends) in drawn.items():
        classes, exact = first_texts(lm, whole, ends)
        counts = [np.bincount([classes[word] for word in words], minlength=len(classes)) for words in rows]
        peers[name] = total_variation(counts, exact)
    generator, n = np.random.default_rng(seed), len(ours[0])
    again = [total_variation([generator.multinomial(n, p / p.sum()) for p in exact], exact) for _ in range(20)]
    return {"draws": n, "exact_draws": float(np.mean(again)), "exact_draws_sd": float(np.std(again)), "peers": peers}


def correctness(asked, rounds) -> dict:
    """Mean Cor over the questions, and its standard error from the draws.

    Args:
        asked: the questions.
        rounds: for each round and question its ``[(text, …)]``.
    """
    right = [
        [outcomes.is_correct(q, text) for pairs in same for text, _ in pairs]
        for q, same in zip(asked, zip(*rounds, strict=True), strict=True)
    ]
    cor = np.array([np.mean(r) for r in right])
    return {"mean": float(cor.mean()), "se": float(np.sqrt((cor * (1 - cor)).sum() / len(right[0])) / len(cor))}
