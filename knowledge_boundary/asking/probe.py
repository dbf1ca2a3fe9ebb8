"""The probe: what a model answers, asked as R-Tuning asks.

Of multiple choice, its exam's few-shot prompt and the options' probabilities; ``scoring`` is ``letter`` (their letters
are compared) or ``cloze`` (their own texts). Of open questions, R-Tuning's prompt and the greedy answer.
"""

import re
from functools import partial

import numpy as np

from ..engine.scoring import cloze_probabilities
from ..judging.refusals import before_sure
from ..running.errors import UserError
from ..wording.phrases import ABBREVIATIONS
from . import judge, means, prompts

# Why letters can't be had of a model that thinks.
BEFORE_THOUGHT = (
    "letters are compared where the answer would begin, and the model thinks there first; leave the flag out, or ask "
    "open questions; eval_refusal.py reads the letter behind a thought with --prompt basic or refuse"
)


STOP = re.compile(r"(\w*)[\"'”’)\]]*\.(?=\s|$)|。")


def usual_shots(multiple_choice: bool) -> int:
    """Few-shot examples where none are asked for, as R-Tuning has them."""
    return 5 if multiple_choice else 0


def check_prompt(scoring: str, chat_template: bool, thinking: str = "off", multiple_choice: bool = True) -> None:
    """UserError for flags of the probe's prompt that exclude each other, or are not for such questions."""
    if not multiple_choice and scoring == "cloze":
        raise UserError("--scoring cloze: for multiple choice only; open questions are answered in the model's words")
    if thinking == "on" and not multiple_choice:
        raise UserError("--thinking on: R-Tuning asks for the answer alone; leave the flag out")
    if thinking == "on":
        raise UserError(f"--thinking on: {BEFORE_THOUGHT}")
    if scoring == "cloze" and chat_template:
        raise UserError("--scoring cloze: plain prompts only; leave --chat_template out")


def prompt(lm, question, shots, scoring: str, chat_template: bool) -> str:
    """The probe's prompt for one question: by letters, cloze or open; all but cloze also through the chat template."""
    if question.choices is None:
        plain = prompts.inline_prompt(question, shots)
        return lm.format.prompt([{"role": "user", "content": plain}]) if chat_template else plain
    if scoring == "cloze":
        return prompts.cloze_prompt(question, shots)
    return prompts.state_prompt(lm.format, question, shots, None, chat_template)


def room(lm, question, scoring: str) -> int:
    """Tokens that follow the prompt of one question: the letter, or the longest of its options."""
    if scoring == "letter":
        return 1
    return lm.longest(following(question))


def fitted_prompts(lm, asked, num_shots: int, scoring: str, chat_template: bool, room) -> tuple[list, list]:
    """The probe's prompt of each question of a ``QuestionSet``, and how many shots it has lost to the model's window.

    ``room``: for each question, how many tokens must fit in behind its prompt.
    """
    shots = [asked.shots_of(q, num_shots) for q in asked.questions]
    build = partial(prompt, lm, scoring=scoring, chat_template=chat_template)
    return prompts.within_window(lm, asked.questions, shots, build, room)


def following(question) -> list:
    """Each choice's text as it follows a cloze prompt."""
    return [f"{prompts.exam_of(question).gap}{choice}" for choice in question.choices]


def option(question, letter: str, scoring: str) -> str:
    """How the probe names a choice: by its letter, or by its text under ``cloze``; an open answer is its own name."""
    return (
        letter if scoring == "letter" or question.choices is None else question.choices[question.letters.index(letter)]
    )


def probabilities(lm, asked, texts, scoring: str, batch_tokens: int, shared: bool, skip=lambda indices: False):
    """(indices, [(probabilities over the question's choices, how much of all the letters hold, None under ``cloze``)]).

    Batch by batch (``engine.scoring.run``).
    """
    ids = [q.id for q in asked]
    if scoring == "letter":
        letters = [q.letters for q in asked]
        yield from means.letter_probabilities(lm, texts, letters, batch_tokens, shared, skip, ids)
        return
    options = list(map(following, asked))
    for indices, found in means.option_log_likelihoods(lm, texts, options, batch_tokens, shared, skip, ids):
        yield indices, [(cloze_probabilities(f), None) for f in found]


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
    for group, group_texts in prompts.grouped(asked.questions, texts, dropped):
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


# ---- open questions ----


def stated(text: str) -> str:
    """What an answer states before its first full stop, where R-Tuning's code stops; not an abbreviation's.

    So a model that R-Tuning has trained ("Paris. Are you sure you …") states its answer alone.
    """
    said = before_sure(text)
    for stop in STOP.finditer(said):
        word = stop[1] or ""
        number = word.isdigit() and stop.start() > 0  # "1. Paris" is a list
        if number or not word or (len(word) > 2 and word.lower() not in ABBREVIATIONS):
            return said[: stop.end() - 1].strip()
    return said.strip()


def ask_open(
    lm, asked, texts, dropped, match, num_samples: int, temperature: float, max_new_tokens: int, batch_tokens: int,
    shared: bool, skip, seed: int = 0,
):  # fmt: skip
    """The probe's records of open questions, batch by batch: the greedy answer, judged.

    What is judged is what the answer states (``stated``), by ``match``. R-Tuning's code asks whether the gold answer
    is a substring (``gold in output``): "Niger" is then right in "Nigeria", and "paris" wrong for "Paris".

    Args:
        lm: the model.
        asked: the questions' ``QuestionSet``.
        texts: of ``fitted_prompts``.
        dropped: likewise.
        match: a matcher (``outcomes.matcher``).
        num_samples: answers that are drawn beside the greedy one, for R-Tuning's ``uncertain``.
        temperature: of those.
        max_new_tokens: an answer's longest length in tokens.
        batch_tokens: upper bound of the tokens of one forward pass.
        shared: whether the model's sequences can be packed (``exactness.check``).
        skip: ``ids → (indices → bool)``: which batches are done or another process's (``Run.skip``).
        seed: of the draws.
    """
    for group, group_texts in prompts.grouped(asked.questions, texts, dropped):
        ids = [q.id for q in group]
        batches = means.answer(
            lm, group_texts, ids, num_samples, max_new_tokens, batch_tokens, shared, temperature=temperature, seed=seed,
            skip=skip(ids),
        )  # fmt: skip
        for indices, batch in batches:
            said = [(group[i], stated(greedy.text)) for i, (_, greedy) in zip(indices, batch, strict=True)]
            judge.ahead(match, said)
            yield [
                open_record(q, text, greedy, samples, match)
                for (q, text), (samples, greedy) in zip(said, batch, strict=True)
            ]


def open_record(question, text: str, greedy, samples, match) -> dict:
    """The probe's record of an open question: it, ``prediction, correct, cor`` (0 or 1), and the ``samples`` drawn."""
    verdict = {"correct": False}
    if greedy.complete and not question.should_abstain:
        verdict = match(question, [text])[0]
    return {
        **question.record(),
        "prediction": text,
        **verdict,
        "cor": float(verdict["correct"]),
        **({} if greedy.complete else {"incomplete": True}),
        **({"samples": [{"text": stated(s.text)} for s in samples]} if samples else {}),
    }
