"""The knowledge boundary by subject, from the probe's answers."""

import numpy as np

from ..evaluation import caution
from ..evaluation.intervals import wilson
from ..questions import mmlu
from .state import answerable

ABOVE = 1e-12  # what an interval's lower end may lie above chance by rounding alone


def summarise(records) -> dict:
    """Accuracy with its interval, by subject, by MMLU's categories and over all, beside the chance level.

    A subject is ``known`` where the whole 95 % interval of its accuracy lies above chance. Nobody guesses an open
    answer: its chance is 0, and a subject is known from one right answer on.
    """

    def part(rows):
        rate = wilson(sum(r["correct"] for r in rows), len(rows))
        chance = float(np.mean([1 / len(r["choices"]) if r["choices"] else 0 for r in rows]))
        return {
            "n": len(rows),
            "accuracy": rate["value"],
            "ci95": rate["ci95"],
            "mean_cor": float(np.mean([r["cor"] for r in rows])),
            "chance": chance,
            "known": rate["ci95"][0] > chance + ABOVE,
        }

    subjects, categories = {}, {}
    for r in records:
        subjects.setdefault(r["subject"], []).append(r)
        if r["subject"] in mmlu.CATEGORY:
            categories.setdefault(mmlu.CATEGORY[r["subject"]], []).append(r)
    subjects = {s: part(rows) for s, rows in subjects.items()}
    said = [r["prediction"] for r in records if not r["choices"]]
    incomplete = sum(r.get("incomplete", False) for r in records)
    return {
        **part(records),
        "should_abstain": len(records) - len(answerable(records)),
        "letter_mass": caution.mean_letter_mass(records),
        "warnings": caution.of_letters(records) + caution.of_outputs(said, incomplete),
        "subjects_known": sum(s["known"] for s in subjects.values()),
        "subjects": subjects,
        "categories": {c: part(rows) for c, rows in categories.items()},
    }
