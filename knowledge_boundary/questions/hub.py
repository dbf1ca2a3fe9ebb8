"""Data sets of the Hugging Face hub by name: where each lives, and its rows as Questions."""

import json

from ..running.errors import UserError
from .records import LETTERS, Invalid, chosen_subjects, collect, labelled_question, make_question


def mmlu(row, split, index):
    """A row of cais/mmlu: ``question, subject, choices, answer`` (an index)."""
    if row["answer"] not in range(len(row["choices"])):
        raise Invalid(f"answer {row['answer']!r} is no index of its {len(row['choices'])} choices")
    return make_question(row["subject"], split, index, row["question"], row["choices"], LETTERS[row["answer"]])


def arc(name):
    """Rows of allenai/ai2_arc: ``question, choices{text, label}, answerKey``."""
    return lambda row, split, index: labelled_question(
        name, split, index, row["question"], row["choices"]["label"], row["choices"]["text"], row["answerKey"]
    )


def triviaqa(row, split, index):
    """A row of mandarjoshi/trivia_qa: ``question, answer{value, aliases}``."""
    answer = row["answer"]
    return make_question("triviaqa", split, index, row["question"], None, answer["value"], answer["aliases"])


def nq_open(row, split, index):
    """A row of nq_open: ``question, answer`` (a list of accepted answers)."""
    answers = row["answer"] or [None]
    return make_question("nq_open", split, index, row["question"], None, answers[0], answers[1:])


def popqa(row, split, index):
    """A row of akariasai/PopQA: ``question, prop, obj, possible_answers`` (a list as JSON text)."""
    aliases = json.loads(row["possible_answers"])
    return make_question(row["prop"].replace(" ", "_"), split, index, row["question"], None, row["obj"], aliases)


# name: (repository, configuration, rows → Question, the split that holds the shots)
DATASETS = {
    "mmlu": ("cais/mmlu", "all", mmlu, "dev"),
    "arc_easy": ("allenai/ai2_arc", "ARC-Easy", arc("arc_easy"), "validation"),
    "arc_challenge": ("allenai/ai2_arc", "ARC-Challenge", arc("arc_challenge"), "validation"),
    "triviaqa": ("mandarjoshi/trivia_qa", "rc.nocontext", triviaqa, "validation"),
    "nq_open": ("google-research-datasets/nq_open", None, nq_open, "validation"),
    "popqa": ("akariasai/PopQA", None, popqa, None),
}
MULTIPLE_CHOICE = ("mmlu", "arc_easy", "arc_challenge")
# The splits that a chain learns from and evaluates on: MMLU's as CRaFT takes them; popqa has one.
LEARN_AND_EVALUATE = {
    "mmlu": ("test", "val"),
    "arc_easy": ("train", "test"),
    "arc_challenge": ("train", "test"),
    "triviaqa": ("train", "validation"),
    "nq_open": ("train", "validation"),
    "popqa": ("test", None),
}
# The hub writes "validation" where the sets' own releases write "val" or "dev"; MMLU has a dev split beside it.
SPLITS = {"val": "validation"}
DEV = {"dev": "validation"}


def questions_from_rows(rows, name, split, skip_invalid):
    """Questions of a hub data set's ``rows`` and how many were left out; ids number each subject's questions."""
    build = DATASETS[name][2]
    counts = {}

    def numbered(row):
        question = build(row, split, 0)
        index = counts[question.subject] = counts.get(question.subject, -1) + 1
        question.id = f"{question.subject}/{split}/{index}"
        return question

    return collect(((f"{name} {split} row {i}", row) for i, row in enumerate(rows)), numbered, skip_invalid)


def read(name, split, subjects, skip_invalid):
    """(questions, shots, skipped) of a data set of the hub, through ``datasets``.

    Raises:
        UserError: the hub cannot be reached or has no such split.
    """
    import datasets

    repository, configuration, _, shots_split = DATASETS[name]

    def rows(which):
        named = SPLITS | ({} if name == "mmlu" else DEV)
        try:
            return datasets.load_dataset(repository, configuration, split=named.get(which, which))
        except Exception as e:
            raise UserError(
                f"--dataset {name}: {repository} split {which} cannot be loaded from the hub "
                f"({type(e).__name__}: {str(e).splitlines()[0]}); "
                f"set HF_ENDPOINT to a mirror, or give a local copy with --data_dir"
            ) from e

    questions, skipped = questions_from_rows(rows(split), name, split, skip_invalid)
    shots = {}
    if shots_split:
        for q in questions_from_rows(rows(shots_split), name, shots_split, True)[0]:
            group = shots.setdefault(q.subject, [])
            if len(group) < 6:  # see readers.open_shots
                group.append(q)
    chosen_subjects({q.subject for q in questions}, subjects)
    return questions, shots, skipped
