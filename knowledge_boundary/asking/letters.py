"""Refusing by a letter: beside the choices' letters, N stands for "I don't know" (multiple choice only).

All of them are compared where the answer begins, in one pass.
"""

import numpy as np

from ..engine import scoring
from ..running.errors import UserError
from ..wording.phrases import REFUSAL_LETTER
from . import answers, forced, means, prompts

INSTEAD = "--refusal text"
BEFORE_THOUGHT = f"letters are compared where the answer would begin, and the model thinks there first; give {INSTEAD}"


def check_questions(questions, where: str) -> None:
    """UserError if a question can't be refused by the letter: it is open.

    Args:
        questions: what is asked.
        where: the flag and file, or the set, for errors.
    """
    for q in questions:
        if q.choices is None:
            raise UserError(
                f"--refusal letter: for multiple choice only, and {q.id} of {where} is an open question; give {INSTEAD}"
            )


def check_tokens(lm, questions, prompt: str, wording: str) -> None:
    """UserError if a letter that the ``questions`` need is several tokens of the model's, or the same as another."""
    for q in {q.letters: q for q in questions}.values():
        text = prompts.answer_prompt(lm.format, q, prompt, wording, "letter")
        scoring.candidate_ids(lm, text, q.letters + REFUSAL_LETTER, INSTEAD)


def ask_letters(
    lm,
    asked,
    prompt: str,
    wording: str = "craft",
    refuse_unsure: bool = False,
    batch_tokens: int = 1024,
    shared: bool | None = None,
    skip=lambda ids: lambda indices: False,
):
    """Records of the zero-shot prompt, batch by batch: the likeliest of the choices' letters and the refusal's.

    R-Tuning's question whether the model is sure follows the likeliest choice, also where the model refuses: p(sure) is
    of the answer that it would give, and there is none to be sure of in a refusal.

    Args:
        lm: the model.
        asked: the questions' ``QuestionSet``, multiple choice.
        prompt: one of ``phrases.PROMPTS``.
        wording: a key of ``phrases.INSTRUCTIONS``.
        refuse_unsure: see ``answers.judged``.
        batch_tokens: upper bound of the tokens of one forward pass.
        shared: whether the model's sequences can be packed; None: as ``exactness.check`` finds.
        skip: ``ids → (indices → bool)``: which batches are done or another process's (``Run.skip``).

    Yields:
        Records as of ``record``.

    Raises:
        UserError: a letter is several tokens of the model's, or the same as another.
    """
    own = asked.questions
    ids = [q.id for q in own]
    texts = [prompts.answer_prompt(lm.format, q, prompt, wording, "letter") for q in own]
    if shared is None:
        shared = means.check(lm, texts, 1 + answers.after_answer(lm))
    named = [q.letters + REFUSAL_LETTER for q in own]
    batches = means.letter_probabilities(lm, texts, named, batch_tokens, shared, skip(ids), ids, INSTEAD)
    for indices, found in batches:
        best = [likeliest(own[i], p) for i, (p, _) in zip(indices, found, strict=True)]
        asking = [prompts.sure_prompt(lm.format, texts[i], letter) for i, letter in zip(indices, best, strict=True)]
        sure = answers.sureness(lm, asking, [ids[i] for i in indices], batch_tokens, shared)
        yield [
            record(own[i], p, held, p_sure, refuse_unsure)
            for i, (p, held), p_sure in zip(indices, found, sure, strict=True)
        ]


def likeliest(question, p) -> str:
    """The likeliest choice's letter; of equal ones the first."""
    return question.letters[int(np.argmax(p[:-1]))]


def record(question, p, held: float, p_sure: float, refuse_unsure: bool) -> dict:
    """An evaluation record (``answers.judged``) of an answer by letters.

    Args:
        question: the ``Question``.
        p: probabilities of the choices' letters, then of the refusal's, that sum to 1 (float64 array [choices + 1]).
        held: the probability that all these letters hold of the whole vocabulary.
        p_sure: p(sure) behind the likeliest choice.
        refuse_unsure: see ``answers.judged``.

    Returns:
        Beside what ``judged`` has: ``probs``, over the choices alone; ``prediction``, the likeliest of them, which is
        also what is ``forced``; ``letter_mass``, what is ``held``. It has refused where the refusal's letter is
        likelier than every choice. ``p_answer``, ``p_refusal`` and ``forced.p`` are shares of all letters.
    """
    best = likeliest(question, p)
    at = question.letters.index(best)
    outcome = "correct" if best == question.answer else "wrong"
    log_p = np.log(np.maximum(p, np.finfo(np.float64).tiny))  # what underflows keeps a finite score
    output, given, likely = (REFUSAL_LETTER, "refused", p[-1]) if p[-1] > p[at] else (best, outcome, p[at])
    scored = forced.keys(best, outcome, float(log_p[at]), float(log_p[-1]))
    judged = answers.judged(question, output, {"outcome": given}, float(likely), p_sure, refuse_unsure, scored)
    return judged | {
        "probs": dict(zip(question.letters, over_choices(log_p), strict=True)),
        "prediction": best,
        "letter_mass": held,
    }


def over_choices(log_p) -> list:
    """The choices' probabilities among themselves, of the logarithms of all letters', the refusal's last."""
    weights = np.exp(log_p[:-1] - log_p[:-1].max())
    return (weights / weights.sum()).tolist()
