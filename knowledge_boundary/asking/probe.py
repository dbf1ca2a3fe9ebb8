"""The probe: the few-shot prompt of a multiple-choice question (MMLU's, R-Tuning's), and its options' probabilities.

``scoring`` is ``letter`` (the options' letters are compared) or ``cloze`` (their own texts).
"""

from functools import partial

import numpy as np

from ..engine import scoring as engine
from ..questions.records import grouped
from ..running.errors import UserError
from . import prompts

# Why letters can't be had of a model that thinks.
BEFORE_THOUGHT = (
    "letters are compared where the answer would begin, and the model thinks there first; leave the flag out, or ask "
    "open questions; eval_refusal.py reads the letter behind a thought with --prompt basic or refuse"
)


def check_prompt(scoring: str, chat_template: bool, thinking: str = "off") -> None:
    """UserError for flags of the probe's prompt that exclude each other."""
    if thinking == "on":
        raise UserError(f"--thinking on: {BEFORE_THOUGHT}")
    if scoring == "cloze" and chat_template:
        raise UserError("--scoring cloze: plain prompts only; leave --chat_template out")


def prompt(lm, question, shots, scoring: str, chat_template: bool) -> str:
    """The probe's prompt for one question: by letters, by letters through the chat template, or cloze."""
    if scoring == "cloze":
        return prompts.cloze_prompt(question, shots)
    return prompts.state_prompt(lm.format, question, shots, None, chat_template)


def room(lm, question, scoring: str) -> int:
    """Tokens that follow the prompt of one question: the letter, or the longest of its options."""
    if scoring == "letter":
        return 1
    options = [f" {choice}" for choice in question.choices]
    return max(map(len, lm.tokenizer(options, add_special_tokens=False).input_ids))


def fitted_prompts(lm, asked, num_shots: int, scoring: str, chat_template: bool, room) -> tuple[list, list]:
    """The probe's prompt of each question of a ``QuestionSet``, and how many shots it has lost to the model's window.

    ``room``: for each question, how many tokens must fit in behind its prompt.
    """
    shots = [asked.shots_of(q, num_shots) for q in asked.questions]
    build = partial(prompt, lm, scoring=scoring, chat_template=chat_template)
    return prompts.within_window(lm, asked.questions, shots, build, room)


def option(question, letter: str, scoring: str) -> str:
    """How the probe names a choice: by its letter, or by its text under ``cloze``."""
    return letter if scoring == "letter" else question.choices[question.letters.index(letter)]


def probabilities(lm, asked, texts, scoring: str, batch_tokens: int, shared: bool, skip=lambda indices: False):
    """(indices, [(probabilities over the question's choices, how much of all the letters hold, None under ``cloze``)]).

    Batch by batch (``engine.scoring.run``).
    """
    ids = [q.id for q in asked]
    if scoring == "letter":
        letters = [q.letters for q in asked]
        yield from engine.letter_probabilities(lm, texts, letters, batch_tokens, shared, skip, ids)
        return
    options = [[f" {choice}" for choice in q.choices] for q in asked]
    for indices, found in engine.option_log_likelihoods(lm, texts, options, batch_tokens, shared, skip, ids):
        yield indices, [(engine.cloze_probabilities(f), None) for f in found]


def ask(lm, asked, texts, dropped, scoring: str, batch_tokens: int, shared: bool, skip):
    """The probe's records, batch by batch.

    Args:
        lm: the model.
        asked: the questions' ``QuestionSet``.
        texts: of ``fitted_prompts``.
        dropped: likewise.
        scoring: ``letter`` or ``cloze``.
        batch_tokens: upper bound of the tokens of one forward pass.
        shared: whether the model's sequences can be packed (``exactness.check``).
        skip: ``ids → (indices → bool)``: which batches are done or another process's (``Run.skip``).
    """
    for group, group_texts in grouped(asked.questions, texts, dropped):
        own = skip([q.id for q in group])
        for indices, found in probabilities(lm, group, group_texts, scoring, batch_tokens, shared, own):
            yield [record(group[i], *f) for i, f in zip(indices, found, strict=True)]


def record(question, probabilities, held: float | None) -> dict:
    """The probe's record: the question, ``probs, prediction, correct, cor``, and the letters' ``letter_mass``."""
    prediction = question.letters[int(np.argmax(probabilities))]
    return {
        **question.record(),
        "probs": dict(zip(question.letters, probabilities, strict=True)),
        "prediction": prediction,
        "correct": prediction == question.answer,
        "cor": probabilities[question.letters.index(question.answer)],
        **({} if held is None else {"letter_mass": held}),
    }
