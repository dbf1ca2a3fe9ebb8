"""The knowledge boundary by subject, and R-Tuning's training data from it."""

import numpy as np

from . import mmlu, prompts, scoring
from .intervals import wilson
from .results import UserError
from .sampling import generator

METHODS = ("unsure", "unknown", "uncertain")
UNCERTAIN_TEMPERATURE = 0.7


def check_prompt(args) -> None:
    """UserError for flags of the probe's prompt that exclude each other."""
    if args.scoring == "cloze" and args.chat_template:
        raise UserError("--scoring cloze: plain prompts only; leave --chat_template out")


def prompt(lm, question, shots, args) -> str:
    """The probe's prompt for one question: by letters, by letters through the chat template, or cloze."""
    if args.scoring == "cloze":
        return prompts.cloze_prompt(question, shots)
    return prompts.state_prompt(lm.tokenizer, question, shots, None, args.chat_template)


def room(lm, question, args) -> int:
    """Tokens that follow the prompt of one question: the letter, or the longest of its options."""
    if args.scoring == "letter":
        return 1
    options = [f" {choice}" for choice in question.choices]
    return max(map(len, lm.tokenizer(options, add_special_tokens=False).input_ids))


def option(question, letter: str, args) -> str:
    """How the probe names a choice: by its letter, or by its text under ``--scoring cloze``."""
    return letter if args.scoring == "letter" else question.choices[question.letters.index(letter)]


def probabilities(lm, asked, texts, args, shared, skip=lambda indices: False):
    """(indices, probabilities over each question's choices), batch by batch; arguments as ``scoring.run``."""
    ids = [q.id for q in asked]
    if args.scoring == "letter":
        letters = [q.letters for q in asked]
        yield from scoring.letter_probabilities(lm, texts, letters, args.batch_tokens, shared, skip, ids)
        return
    options = [[f" {choice}" for choice in q.choices] for q in asked]
    for indices, found in scoring.option_log_likelihoods(lm, texts, options, args.batch_tokens, shared, skip, ids):
        yield indices, [scoring.cloze_probabilities(f) for f in found]


def record(question, probabilities) -> dict:
    """A boundary record: the question, ``probs, prediction, correct, cor``."""
    prediction = question.letters[int(np.argmax(probabilities))]
    return {
        **question.record(),
        "probs": dict(zip(question.letters, probabilities, strict=True)),
        "prediction": prediction,
        "correct": prediction == question.answer,
        "cor": probabilities[question.letters.index(question.answer)],
    }


def summarise(records) -> dict:
    """Accuracy with its interval, by subject, by MMLU's categories and over all, beside the chance level.

    A subject is ``known`` where the whole 95 % interval of its accuracy lies above chance.
    """

    def part(rows):
        rate = wilson(sum(r["correct"] for r in rows), len(rows))
        chance = float(np.mean([1 / len(r["choices"]) for r in rows]))
        return {
            "n": len(rows),
            "accuracy": rate["value"],
            "ci95": rate["ci95"],
            "mean_cor": float(np.mean([r["cor"] for r in rows])),
            "chance": chance,
            "known": rate["ci95"][0] > chance,
        }

    subjects, categories = {}, {}
    for r in records:
        subjects.setdefault(r["subject"], []).append(r)
        if r["subject"] in mmlu.CATEGORY:
            categories.setdefault(mmlu.CATEGORY[r["subject"]], []).append(r)
    subjects = {s: part(rows) for s, rows in subjects.items()}
    return {
        **part(records),
        "subjects_known": sum(s["known"] for s in subjects.values()),
        "subjects": subjects,
        "categories": {c: part(rows) for c, rows in categories.items()},
    }


def table(summary) -> str:
    """The boundary as text for the terminal: subjects by accuracy, MMLU's categories, all; what is above chance."""

    def line(name, s):
        interval, known = "{:.1%} – {:.1%}".format(*s["ci95"]), "yes" if s["known"] else "no"
        return f"{name:<36}{s['n']:>6}{s['accuracy']:>10.1%}{interval:>17}{s['chance']:>9.1%}  {known}"

    subjects, categories = summary["subjects"], summary["categories"]
    lines = []
    for heading, rows in (("subject", subjects), ("MMLU's category", categories)):
        if rows:
            lines.append(f"{heading:<36}{'n':>6}{'accuracy':>10}{'95 % interval':>17}{'chance':>9}  known")
            lines += [line(*item) for item in sorted(rows.items(), key=lambda item: -item[1]["accuracy"])]
            lines.append("")
    lines.append(line("all", summary))
    # A 95 % interval lies above the true value once in 40 times.
    lines.append(
        f"{summary['subjects_known']} of {len(subjects)} subjects are above chance (known); "
        f"about {len(subjects) / 40:.2g} would be by luck alone."
    )
    if not summary["known"]:
        lines.append(f"The model is at chance ({summary['chance']:.1%}) on the whole set.")
    return "\n".join(lines)


def training_pairs(questions, texts, records, args, end: str) -> list:
    """R-Tuning's training data as (prompt, answer) texts, each answer with the tokenizer's ``end`` token.

    ``unsure``: the gold answer, then sure or unsure by whether the prediction was right. ``unknown``: the gold answer
    where it was right, else one of 16 refusals, drawn by the seed. ``uncertain``: sure for the half of lower answer
    entropy over ``--num_try`` draws at T = 0.7, unsure for the other.
    """
    golds = [option(q, q.answer, args) for q in questions]
    right = [r["correct"] for r in records]
    if args.method == "unknown":
        refusals = [
            prompts.UNKNOWN_ANSWERS[generator(args.seed, q.id).integers(len(prompts.UNKNOWN_ANSWERS))]
            for q in questions
        ]
        answers = [
            f" {prompts.sentence(gold)}{end}" if ok else f" {refusal}{end}"
            for gold, ok, refusal in zip(golds, right, refusals, strict=True)
        ]
        return list(zip(texts, answers, strict=True))
    sure = right if args.method == "unsure" else lower_entropy_half(records, args.num_try, args.seed)
    answers = [
        f" {prompts.sure_question(gold)}{prompts.SURE if ok else prompts.UNSURE}{end}"
        for gold, ok in zip(golds, sure, strict=True)
    ]
    return list(zip(texts, answers, strict=True))


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
