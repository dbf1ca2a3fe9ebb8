"""Stage 2's work: ask a model every question, and write down its correctness (Cor) and certainty (Cer).

Multiple choice: from the letters' exact probabilities, or from N letters drawn from them. Open questions: from N
sampled answers, and the greedy one; Cor and Cer by how often each was drawn, or by mass (``mass``).
"""

import math
from functools import partial

import numpy as np

from ..asking import judge, means, prompts
from ..engine.drawing import MAX_NEW_TOKENS, SamplingSettings, generator
from ..judging import outcomes
from . import mass, state

ESTIMATORS = ("exact", "sample", "mass")


def query_prompts(
    lm, asked, num_shots: int, wording: str = "craft", chat_template: bool = False, room: int = MAX_NEW_TOKENS
) -> tuple[list, list]:
    """The prompt of each question of a ``QuestionSet``, and how many shots it has lost to the model's window.

    Args:
        lm: the model.
        asked: the questions.
        num_shots: few-shot examples of each, never itself.
        wording: instruction of open questions (a key of ``phrases.INSTRUCTIONS``).
        chat_template: whether to ask through the model's chat template.
        room: tokens that must fit in behind a prompt.
    """
    shots = [asked.shots_of(q, num_shots) for q in asked.questions]
    build = partial(prompts.state_prompt, lm.format, wording=wording, chat_template=chat_template)
    return prompts.within_window(lm, asked.questions, shots, build, [room] * len(shots))


def query(
    lm,
    asked,
    texts,
    dropped=None,
    draws: SamplingSettings | None = None,
    match=outcomes.contains,
    embed=None,
    batch_tokens: int = 1024,
    shared: bool | None = None,
    skip=lambda ids: lambda indices: False,
    by_mass: bool = False,
):
    """State records, batch by batch: each question's, with ``cor`` and ``cer``.

    Multiple choice has ``probs`` and ``prediction`` beside them, open questions ``samples`` and ``greedy``.

    Args:
        lm: the model.
        asked: the questions' ``QuestionSet``.
        texts: their prompts (``query_prompts``).
        dropped: how many shots each has lost.
        draws: how answers are sampled; None: of open questions as ``SamplingSettings`` has it, of multiple choice not
            at all: the letters have their exact probabilities.
        match: of open answers (``outcomes.matcher``).
        embed: of open questions: list of texts → array [texts, dimensions] of unit vectors.
        batch_tokens: upper bound of the tokens of one forward pass.
        shared: whether the model's sequences can be packed; None: as ``exactness.check`` finds.
        skip: ``ids → (indices → bool)``: which batches are done or another process's (``Run.skip``).
        by_mass: of open questions: whether Cor and Cer are estimated by ``mass``, and each sample has its probability
            ``p``; answers must be drawn at temperature 1 and top_p 1.
    """
    how = draws or SamplingSettings()
    if shared is None:
        shared = means.check(lm, texts, how.max_thinking_tokens + how.max_new_tokens)
    for group, group_texts in prompts.grouped(asked.questions, texts, dropped):
        own = skip([q.id for q in group])
        if asked.multiple_choice:
            yield from query_choices(lm, group, group_texts, draws, batch_tokens, shared, own)
        else:
            yield from query_open(lm, group, group_texts, how, match, embed, batch_tokens, shared, own, by_mass)


def with_shots_dropped(records, dropped) -> list:
    """``records`` with ``shots_dropped``, how many few-shot examples a question has lost, where it has lost any.

    Args:
        records: of all questions, in their order.
        dropped: from ``query_prompts``.
    """
    return [r | ({"shots_dropped": n} if n else {}) for r, n in zip(records, dropped, strict=True)]


def query_choices(lm, asked, texts, draws, batch_tokens, shared, skip):
    """``query`` for multiple-choice questions of a group; ``skip``: indices → bool."""
    letters, ids = [q.letters for q in asked], [q.id for q in asked]
    for indices, batch in means.letter_probabilities(lm, texts, letters, batch_tokens, shared, skip, ids):
        records = []
        for i, (p, held) in zip(indices, batch, strict=True):
            q = asked[i]
            gold = q.letters.index(q.answer)
            cor, cer = state.choice_state(p, gold)
            probs = dict(zip(q.letters, p, strict=True))
            prediction = q.letters[int(np.argmax(p))]
            record = {**q.record(), "cor": cor, "cer": cer, "probs": probs, "prediction": prediction}
            record["letter_mass"] = held
            if draws:
                own = generator(draws.seed, q.id)
                drawn, record["cor"], record["cer"] = state.sampled_choice_state(p, gold, draws.num_samples, own)
                record["samples"] = [{"text": q.letters[k], "correct": k == gold} for k in drawn]
            records.append(record)
        yield records


def query_open(lm, asked, texts, draws, match, embed, batch_tokens, shared, skip, by_mass):
    """``query`` for open questions of a group; ``skip``: indices → bool."""
    ids = [q.id for q in asked]
    for indices, batch in means.drawn(lm, texts, ids, draws, batch_tokens, shared, skip=skip):
        said = [(asked[i], s.text) for i, own in zip(indices, batch, strict=True) for s in (*own[0], own[1])]
        judge.ahead(match, said)
        look_up = state.embedded([[s.text for s in samples] for samples, _ in batch], embed)
        records = []
        for i, (samples, greedy) in zip(indices, batch, strict=True):
            q = asked[i]
            given = (*samples, greedy)
            judged = [{"correct": False}] * len(given) if q.should_abstain else match(q, [s.text for s in given])
            *verdicts, best = [
                {"text": s.text, **v, **({} if s.complete else {"correct": False, "incomplete": True})}
                for s, v in zip(given, judged, strict=True)
            ]
            if by_mass:
                verdicts = [{**v, "p": math.exp(s.log_p)} for s, v in zip(samples, verdicts, strict=True)]
                cor, cer = state_by_mass(samples, verdicts, look_up)
            else:
                cor = state.sampled_correctness([v["correct"] for v in verdicts])
                cer = state.sampled_certainty([s.text for s in samples], look_up)
            records.append({**q.record(), "cor": cor, "cer": cer, "samples": verdicts, "greedy": best})
        yield records


def state_by_mass(samples, verdicts, embed) -> tuple[float, float]:
    """(Cor, Cer) of an open question by ``mass``.

    Args:
        samples: N Answers drawn at temperature 1 and top_p 1; those of one leaf are the same object.
        verdicts: [{"correct": bool}] of each.
        embed: list of texts → array [texts, dimensions] of unit vectors.
    """
    leaves = {id(s): (s, v["correct"]) for s, v in zip(samples, verdicts, strict=True)}.values()
    log_p, texts = [s.log_p for s, _ in leaves], [s.text for s, _ in leaves]
    distinct = sorted(set(texts))
    vectors = embed(distinct)[[distinct.index(text) for text in texts]]
    cor = mass.correctness(log_p, [correct for _, correct in leaves], len(samples))
    return cor, mass.certainty(log_p, vectors, len(samples))
