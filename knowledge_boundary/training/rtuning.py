"""R-Tuning's training data, from the probe's records (Zhang et al. 2024)."""

import numpy as np

from ..asking import prompts
from ..asking.probe import option
from ..engine.drawing import generator
from ..wording.phrases import ANSWER, MMLU_HEADER, SURE, UNKNOWN_ANSWERS, UNSURE

METHODS = ("unsure", "unknown", "uncertain")
UNCERTAIN_TEMPERATURE = 0.7


def training_pairs(
    words, questions, texts, records, method: str, scoring: str, num_try: int = 5, seed: int = 0
) -> list:
    """R-Tuning's training data as (prompt, answer) texts.

    Args:
        words: the model's ``PromptFormat``.
        questions: what was asked.
        texts: the probe's prompt of each.
        records: the probe's record of each.
        method: ``unsure``: the gold answer, then sure or unsure by whether the prediction was right. ``unknown``: the
            gold answer where it was right, else one of 16 refusals, drawn by the seed. ``uncertain``: sure for the half
            of lower answer entropy over ``num_try`` draws at T = 0.7, unsure for the other.
        scoring: of the probe: how it names a choice.
        num_try: draws of ``uncertain``.
        seed: of the draws.
    """
    golds = [option(q, q.answer, scoring) for q in questions]
    right = [r["correct"] for r in records]
    if method == "unknown":
        refusals = [UNKNOWN_ANSWERS[generator(seed, q.id).integers(len(UNKNOWN_ANSWERS))] for q in questions]
        answers = [
            prompts.sentence(gold) if ok else refusal for gold, ok, refusal in zip(golds, right, refusals, strict=True)
        ]
    else:
        sure = right if method == "unsure" else lower_entropy_half(records, num_try, seed)
        answers = [
            f"{prompts.sure_question(gold)}{SURE if ok else UNSURE}" for gold, ok in zip(golds, sure, strict=True)
        ]
    return [(text, words.ended(text, answer)) for text, answer in zip(texts, answers, strict=True)]


def evaluation_flags(name: str, examples) -> str | None:
    """The flags that evaluate a model trained on R-Tuning's data as it was asked there; None for other data.

    Args:
        name: of the data set; the probe's stage ends it in its method.
        examples: its (prompt, answer) texts.
    """
    method = next((m for m in METHODS if name.endswith(f"_{m}")), None)
    asked = [prompt for prompt, _ in examples if prompt]
    if method is None or not asked:
        return None
    header, first = MMLU_HEADER.partition("{")[0], asked[0]
    flags = [] if header in first else ["--scoring cloze"]
    if header in first and not first.startswith(header):
        flags.append("--chat_template")
    num_shots = max(prompt.count(ANSWER) for prompt in asked) - 1
    if num_shots != 5:
        flags.append(f"--num_shots {num_shots}")
    if method != "unknown":
        flags.append("--refuse_unsure")
    return " ".join(["--prompt probe", *flags])


def lower_entropy_half(records, num_try: int, seed: int) -> list:
    """Whether each record is in the half of lower entropy of ``num_try`` answers drawn at T = 0.7 (R-Tuning).

    Ties at the middle go to the smaller id.
    """
    entropies = []
    for r in records:
        p = np.array(list(r["probs"].values())) ** (1 / UNCERTAIN_TEMPERATURE)
        drawn = generator(seed, r["id"]).multinomial(num_try, p / p.sum()) / num_try
        drawn = drawn[drawn > 0]
        entropies.append(float(-(drawn * np.log(drawn)).sum()))
    order = sorted(range(len(records)), key=lambda i: (entropies[i], records[i]["id"]))
    sure = set(order[: len(records) // 2])
    return [i in sure for i in range(len(records))]
