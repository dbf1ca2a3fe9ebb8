"""The knowledge boundary by subject, from the probe's probabilities."""

import numpy as np

from ..evaluation import caution
from ..evaluation.intervals import wilson
from ..questions import mmlu


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
        "letter_mass": caution.mean_letter_mass(records),
        "warnings": caution.of_letters(records),
        "subjects_known": sum(s["known"] for s in subjects.values()),
        "subjects": subjects,
        "categories": {c: part(rows) for c, rows in categories.items()},
    }
