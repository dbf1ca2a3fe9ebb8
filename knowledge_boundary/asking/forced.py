"""Beside the greedy answer: how likely a refusal is, the best answer that is none, and the score between the two."""

from dataclasses import replace
from functools import partial

import numpy as np

from ..engine import sampling
from ..engine.refusing import refusing
from ..judging import outcomes
from ..serving.served import Served
from ..wording.phrases import REFUSAL
from . import judge, means

ROUNDS = 3  # times that a question whose forced answer refuses in other words is asked again


def verdict_on(question, answer, match) -> dict:
    """What an ``Answer`` amounts to (``outcomes.outcome``); ``incomplete`` where its thought has not ended."""
    return outcomes.outcome(question, answer.text, match) if answer.complete else {"outcome": "incomplete"}


def log_probability(answer) -> float | None:
    """Log-probability in nats of a whole ``Answer``; of an empty one, that the model ends at once; None: not known."""
    if answer.logprobs is None:
        return None
    return float(np.sum(answer.logprobs)) if answer.logprobs else answer.log_p


NONE = {"p_refusal": None, "forced": None, "score": None}  # behind a thought that never ends there is neither


def keys(text: str, outcome: str, log_p: float | None, log_refusal: float | None) -> dict:
    """A record's ``p_refusal, forced, score``; what follows from a probability that is not known is None.

    Args:
        text: of the forced answer.
        outcome: what it amounts to.
        log_p: its log-probability in nats.
        log_refusal: the refusal's.
    """
    p, p_refusal = (None if log is None else float(np.exp(log)) for log in (log_p, log_refusal))
    return {
        "p_refusal": p_refusal,
        "forced": {"text": text, "outcome": outcome, "p": p},
        "score": None if None in (log_p, log_refusal) else log_p - log_refusal,
    }


def of_replies(outputs, verdicts, trees, said) -> list:
    """``keys`` of a served model's answers: what it would have answered in place of a refusal is not known.

    Arguments as of ``beside``.
    """
    found = []
    for output, verdict, tree in zip(outputs, verdicts, trees, strict=True):
        log_refusal = tree[1] if tree and not output.thought else None
        own = keys(said(output.text), verdict["outcome"], log_probability(output), log_refusal)
        refused = {"forced": None, "score": None} if verdict["outcome"] == "refused" else {}
        found.append(own | refused if output.complete else NONE)
    return found


def found(
    lm,
    texts,
    ids,
    first,
    judge_all,
    max_new_tokens: int,
    batch_tokens: int,
    shared: bool,
    thought: bool = False,
    log_p_of=None,
) -> list:
    """``keys`` of questions, from what the sample trees gave.

    A forced answer that is a refusal too, in other words, is asked for again with its first token forbidden as well, up
    to ROUNDS times; what then still refuses has the outcome ``refused``.

    Args:
        lm: the model.
        texts: the prompts.
        ids: the questions' ids.
        first: for each ``(answer, (its text, outcome), log_refusal)``.
        judge_all: ``[(index, answer)] → [(its text, outcome)]``.
        max_new_tokens: an answer's longest length in tokens.
        batch_tokens: upper bound of the tokens of one forward pass.
        shared: whether the model's sequences can be packed.
        thought: whether the prompts end in a finished thought.
        log_p_of: ``texts → log-probabilities`` of what the forced answers say; None: of all of each.
    """
    forced, judged, log_refusal = map(list, zip(*first, strict=True))
    lead = "" if thought else None
    refused = {i: [] for i, (_, outcome) in enumerate(judged) if outcome == "refused"}
    for _ in range(ROUNDS if refused else 0):
        for i, others in refused.items():
            others.append(forced[i].tokens)
        again = [i for i, others in refused.items() if others[-1]]
        own = [refusing(lm, texts[i], REFUSAL, refused[i], lead) for i in again]
        batches = sampling.answer(
            lm, [texts[i] for i in again], [ids[i] for i in again], 0, max_new_tokens, batch_tokens, shared,
            greedy=False, refusings=own, behind_thought=thought,
        )  # fmt: skip
        for indices, answers in batches if again else ():
            for k, one in zip(indices, answers, strict=True):
                forced[again[k]] = one[2]
        for i, verdict in zip(again, judge_all([(i, forced[i]) for i in again]), strict=True):
            judged[i] = verdict
        refused = {i: others for i, others in refused.items() if judged[i][1] == "refused"}
        if not refused:
            break
    likely = log_p_of([text for text, _ in judged]) if log_p_of else map(log_probability, forced)
    return [
        keys(text, outcome, log_p, log_r)
        for (text, outcome), log_p, log_r in zip(judged, likely, log_refusal, strict=True)
    ]


def beside(
    lm, questions, texts, outputs, before, verdicts, trees, thinks: bool, match, max_new_tokens: int, batch_tokens: int,
    shared: bool, said=lambda text: text, log_p_of=None,
) -> list:  # fmt: skip
    """``p_refusal, forced, score`` of each question (``forced.keys``).

    The greedy answer is the forced one, unless it is a refusal. Where the model has thought, asked to or not, the
    refusal and the other answer are those behind its thought; behind one that never ends there is neither.

    Args:
        lm: the model.
        questions: the questions.
        texts: their prompts.
        outputs: their greedy ``Answer``s.
        before: what the model wrote before each (``before_answer``).
        verdicts: what they amount to (``verdict_on``).
        trees: ``(forced answer, log_refusal)`` of each prompt's tree; of models that are asked to think, anything.
        thinks: whether the model was asked to think.
        match: see ``ask``.
        max_new_tokens: see ``ask``.
        batch_tokens: see ``ask``.
        shared: see ``ask``.
        said: what of an answer's text is judged; by default all of it.
        log_p_of: ``(numbers of questions, what is said) → log-probabilities`` of that; None: of whole answers.
    """
    if isinstance(lm, Served):
        return of_replies(outputs, verdicts, trees, said)
    scored = [NONE] * len(questions)
    complete = [i for i, output in enumerate(outputs) if output.complete]
    for thought in (False, True):
        rows = [i for i in complete if (thinks or bool(outputs[i].thought)) == thought]
        if not rows:
            continue
        own, own_texts = [questions[i] for i in rows], [texts[i] + (before[i] or "" if thought else "") for i in rows]
        own_trees = behind_thoughts(lm, own, own_texts, max_new_tokens, batch_tokens, shared) if thought else None
        own_trees = own_trees or [trees[i] for i in rows]

        def judge_all(answers, own=own) -> list:
            judge.ahead(match, [(own[k], said(answer.text)) for k, answer in answers if answer.complete])
            return [
                (said(a.text), verdict_on(own[k], replace(a, text=said(a.text)), match)["outcome"]) for k, a in answers
            ]

        refused = [k for k, i in enumerate(rows) if verdicts[i]["outcome"] == "refused"]
        others = dict(zip(refused, judge_all([(k, own_trees[k][0]) for k in refused]) if refused else (), strict=True))
        first = [
            (own_trees[k][0], others[k], own_trees[k][1])
            if k in others
            else (outputs[i], (said(outputs[i].text), verdicts[i]["outcome"]), own_trees[k][1])
            for k, i in enumerate(rows)
        ]
        ids = [q.id for q in own]
        own_log_p = partial(log_p_of, rows) if log_p_of else None
        answers = found(lm, own_texts, ids, first, judge_all, max_new_tokens, batch_tokens, shared, thought, own_log_p)
        for i, one in zip(rows, answers, strict=True):
            scored[i] = one
    return scored


def behind_thoughts(lm, questions, texts, max_new_tokens, batch_tokens, shared) -> list:
    """``(forced answer, log_refusal)`` behind prompts that end in a finished thought."""
    trees = [None] * len(texts)
    paths = means.refusings(lm, texts, lead="")
    batches = sampling.answer(
        lm, texts, [q.id for q in questions], 0, max_new_tokens, batch_tokens, shared, greedy=False, refusings=paths,
        behind_thought=True,
    )  # fmt: skip
    for indices, batch in batches:
        for i, one in zip(indices, batch, strict=True):
            trees[i] = one[2:]
    return trees
