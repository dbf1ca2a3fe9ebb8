"""R-Tuning's training data, from the probe's records (Zhang et al. 2024)."""

from collections import Counter

import numpy as np

from ..asking import prompts
from ..asking.probe import option, usual_shots
from ..engine.drawing import generator
from ..wording.exams import EXAMS
from ..wording.phrases import INLINE_ANSWER, SURE, UNKNOWN_ANSWERS, UNSURE

METHODS = ("unsure", "unknown", "uncertain")
UNCERTAIN_TEMPERATURE = 0.7
MAX_NEW_TOKENS = 15  # of an answer to an open question


def training_pairs(
    words, questions, texts, records, method: str, scoring: str, num_try: int = 5, seed: int = 0
) -> list:
    """R-Tuning's training data as (prompt, answer) texts.

    An unanswerable question has no answer to be sure of: only ``unknown`` teaches it, by a refusal.

    Args:
        words: the model's ``PromptFormat``.
        questions: what was asked.
        texts: the probe's prompt of each.
        records: the probe's record of each.
        method: ``unsure``: the gold answer, then sure or unsure by whether the prediction was right. ``unknown``: the
            gold answer where it was right, else one of 16 refusals, drawn by the seed. ``uncertain``: sure for the half
            of lower answer entropy over ``num_try`` draws at T = 0.7, unsure for the other. Of open questions, the
            draws are the records' ``samples``, told apart by their texts.
        scoring: of the probe: how it names a choice.
        num_try: draws of ``uncertain``.
        seed: of the draws.
    """
    if method != "unknown":
        taught = [one for one in zip(questions, texts, records, strict=True) if not one[0].should_abstain]
        questions, texts, records = zip(*taught, strict=True) if taught else ((), (), ())
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
    flags, first = [], asked[0]
    headers = {exam.header.partition("{")[0]: exam.answer for exam in EXAMS.values()}
    header = next((h for h in headers if h in first), None)
    cloze = next((exam.answer for exam in EXAMS.values() if first.endswith(exam.answer)), None)
    if header:
        mark, plain = headers[header], first.startswith(header)
    elif cloze:
        mark, plain = cloze, True
        flags.append("--scoring cloze")
    elif INLINE_ANSWER in first:
        mark, plain = INLINE_ANSWER, first.endswith(INLINE_ANSWER)
    else:
        return None
    if not plain:
        flags.append("--chat_template")
    num_shots = max(prompt.count(mark) for prompt in asked) - 1
    if num_shots != usual_shots(mark != INLINE_ANSWER):
        flags.append(f"--num_shots {num_shots}")
    if method != "unknown":
        flags.append("--refuse_unsure")
    return " ".join(["--prompt probe", *flags])


def lower_entropy_half(records, num_try: int, seed: int) -> list:
    """Whether each record is in the half of lower entropy of ``num_try`` answers drawn at T = 0.7 (R-Tuning).

    Ties at the middle go to the smaller id.
    """
    entropies = [entropy(shares(r, num_try, seed)) for r in records]
    order = sorted(range(len(records)), key=lambda i: (entropies[i], records[i]["id"]))
    sure = set(order[: len(records) // 2])
    return [i in sure for i in range(len(records))]


def shares(record, num_try: int, seed: int) -> np.ndarray:
    """How large a part of the answers drawn to one question each of them is: its ``samples``, or drawn letters."""
    if "samples" in record:
        counts = Counter(s["text"] for s in record["samples"])
        return np.array(list(counts.values())) / counts.total()
    p = np.array(list(record["probs"].values())) ** (1 / UNCERTAIN_TEMPERATURE)
    return generator(seed, record["id"]).multinomial(num_try, p / p.sum()) / num_try


def entropy(shares) -> float:
    """−Σ p log p of ``shares`` that sum to 1, in nats."""
    p = shares[shares > 0]
    return float(-(p * np.log(p)).sum())
