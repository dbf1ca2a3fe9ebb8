"""How evaluation asks: the model's answer, how sure it is of it, and what the answer amounts to."""

from dataclasses import replace
from functools import partial

import numpy as np

from ..engine.drawing import MAX_NEW_TOKENS
from ..judging import outcomes
from ..models.embedder import embedding
from ..wording import phrases
from . import forced, judge, means, probe, prompts

BLOCK = 128  # questions of a group that are asked, scored and journaled together with the probe's prompt


def matcher(match: str, threshold: float = outcomes.MATCH_THRESHOLD, embedder: str = "minilm"):
    """The ``outcomes.matcher`` of ``match``; loads the sentence ``embedder`` if it needs one."""
    embed = embedding(embedder) if match == "embedding" else None
    return outcomes.matcher(match, threshold, embed)


def judged(
    question,
    output: str,
    verdict: dict,
    p_answer: float | None,
    p_sure: float | None,
    refuse_unsure: bool,
    scored: dict,
) -> dict:
    """An evaluation record.

    Args:
        question: the ``Question``.
        output: the answer's text.
        verdict: what it amounts to (``outcomes.outcome``).
        p_answer: probability of the answer; None: its server does not give it.
        p_sure: p(sure) / (p(sure) + p(unsure)) after R-Tuning's question; None: it replies neither.
        refuse_unsure: whether an answer that the model is not sure of counts as refused.
        scored: ``p_refusal, forced, score`` (``forced.keys``).
    """
    unsure = refuse_unsure and p_sure is not None and p_sure < 0.5
    return {
        **question.record(),
        "output": output,
        **verdict,
        "given": verdict["outcome"],
        "outcome": "refused" if unsure else verdict["outcome"],
        "p_answer": p_answer,
        "p_sure": p_sure,
        "confidence": None if None in (p_answer, p_sure) else (p_answer + p_sure) / 2,
        **scored,
    }


def before_answer(words, answer) -> str | None:
    """What a model wrote before its ``Answer``, where it could think; None: what its format has there."""
    return None if words.thinking == "off" and not answer.thought else answer.thought


def sureness(lm, texts, ids, batch_tokens: int, shared: bool) -> list:
    """R-Tuning's p(sure) after each text, which ends with its question; None where a served model replies neither."""
    return means.pair_probabilities(lm, texts, phrases.SURE, phrases.UNSURE, batch_tokens, shared, ids)


def ask(
    lm,
    asked,
    prompt: str,
    wording: str = "craft",
    max_new_tokens: int = MAX_NEW_TOKENS,
    match=outcomes.contains,
    refuse_unsure: bool = False,
    batch_tokens: int = 1024,
    shared: bool | None = None,
    skip=lambda ids: lambda indices: False,
    max_thinking_tokens: int = 0,
):
    """Records of the zero-shot prompt, batch by batch: the greedy answer is judged.

    Args:
        lm: the model.
        asked: the questions' ``QuestionSet``.
        prompt: one of ``phrases.PROMPTS``.
        wording: a key of ``phrases.INSTRUCTIONS``.
        max_new_tokens: an answer's longest length in tokens.
        match: of open answers (``outcomes.matcher``).
        refuse_unsure: see ``judged``.
        batch_tokens: upper bound of the tokens of one forward pass.
        shared: whether the model's sequences can be packed; None: as ``exactness.check`` finds.
        skip: ``ids → (indices → bool)``: which batches are done or another process's (``Run.skip``).
        max_thinking_tokens: a thought's longest length before the answer; 0: the model is not asked to think.
    """
    own = asked.questions
    texts = [prompts.answer_prompt(lm.format, q, prompt, wording) for q in own]
    ids = [q.id for q in own]
    if shared is None:
        shared = means.check(lm, texts, max_thinking_tokens + max_new_tokens + after_answer(lm))
    thinks = max_thinking_tokens > 0  # then a refusal stands behind the thought
    batches = means.answer(
        lm, texts, ids, 0, max_new_tokens, batch_tokens, shared, skip=skip(ids),
        max_thinking_tokens=max_thinking_tokens, refusings=None if thinks else means.refusings(lm, texts),
    )  # fmt: skip
    for indices, batch in batches:
        outputs = [one[1] for one in batch]
        before = [before_answer(lm.format, o) for o in outputs]
        asking = [
            prompts.sure_prompt(lm.format, texts[i], o.text, first)
            for i, o, first in zip(indices, outputs, before, strict=True)
        ]
        own_ids = [ids[i] for i in indices]
        sure = sureness(lm, asking, own_ids, batch_tokens, shared)
        questions, own_texts = [own[i] for i in indices], [texts[i] for i in indices]
        judge.ahead(match, [(q, o.text) for q, o in zip(questions, outputs, strict=True) if o.complete])
        verdicts = [forced.verdict_on(q, o, match) for q, o in zip(questions, outputs, strict=True)]
        trees = [one[2:] for one in batch]
        how = (match, max_new_tokens, batch_tokens, shared)
        scored = forced.beside(lm, questions, own_texts, outputs, before, verdicts, trees, thinks, *how)
        yield [
            judged(q, out.text, verdict, out.probability, p, refuse_unsure, s)
            | ({"thought": first} if first else {})
            | ({"cut_off": True} if out.long else {})
            for q, out, verdict, first, p, s in zip(questions, outputs, verdicts, before, sure, scored, strict=True)
        ]


def after_answer(lm) -> int:
    """Tokens that follow an answer: R-Tuning's question and a reply to it."""
    return lm.length(f"{phrases.SURE_QUESTION}{phrases.UNSURE}")


def probe_prompts(lm, asked, num_shots: int, scoring: str, chat_template: bool, max_new_tokens: int):
    """The probe's prompt of each question, and how many shots it has lost to the model's window."""
    after = after_answer(lm)
    if asked.multiple_choice:
        room = [max(max_new_tokens, probe.room(lm, q, scoring) + after) for q in asked.questions]
    else:
        room = [max_new_tokens + after] * len(asked.questions)
    return probe.fitted_prompts(lm, asked, num_shots, scoring, chat_template, room)


def ask_probe(
    lm, asked, texts, dropped, scoring: str, max_new_tokens: int, refuse_unsure: bool, batch_tokens: int, shared, skip
):
    """Records of the probe's own few-shot prompt (``run_MMLU.py``), as R-Tuning evaluates MMLU, batch by batch.

    The likeliest letter, or option under ``cloze``, is the answer, its probability among the options p(answer). A model
    whose ``greedy`` answer is a refusal (R-Tuning's ``unknown``) has refused.

    Args:
        lm: the model.
        asked: the questions' ``QuestionSet``.
        texts: from ``probe_prompts``.
        dropped: likewise.
        scoring: ``letter`` or ``cloze``.
        max_new_tokens: see ``ask``.
        refuse_unsure: see ``judged``.
        batch_tokens: see ``ask``.
        shared: see ``ask``.
        skip: see ``ask``.
    """
    for group, group_texts in prompts.grouped(asked.questions, texts, dropped):
        for start in range(0, len(group), BLOCK):
            own, own_texts = group[start : start + BLOCK], group_texts[start : start + BLOCK]
            ids = [q.id for q in own]
            if not skip(ids)(range(len(own))):
                yield probe_block(lm, own, own_texts, ids, scoring, max_new_tokens, refuse_unsure, batch_tokens, shared)


def ask_open_probe(
    lm, asked, texts, dropped, max_new_tokens: int, match, refuse_unsure: bool, batch_tokens: int, shared, skip
):
    """Records of R-Tuning's prompt for open questions, as it evaluates ParaRel, batch by batch.

    The greedy answer up to its first full stop (``probe.stated``) is judged; p(answer) is the geometric mean of its
    tokens' probabilities, p(sure) follows R-Tuning's question behind it. Arguments as of ``ask_probe`` and ``ask``.
    """
    means.check_likelihoods(lm, texts)
    for group, group_texts in prompts.grouped(asked.questions, texts, dropped):
        for start in range(0, len(group), BLOCK):
            own, own_texts = group[start : start + BLOCK], group_texts[start : start + BLOCK]
            ids = [q.id for q in own]
            if skip(ids)(range(len(own))):
                continue
            trees = answered(lm, own_texts, ids, max_new_tokens, batch_tokens, shared)
            given = [greedy for _, greedy, *_ in trees]
            said = [probe.stated(greedy.text) for greedy in given]
            before = [before_answer(lm.format, greedy) for greedy in given]
            likely = probability_of(lm, own_texts, before, said, ids, batch_tokens, shared)
            asking = [prompts.sure_prompt(lm.format, *one) for one in zip(own_texts, said, before, strict=True)]
            sure = sureness(lm, asking, ids, batch_tokens, shared)
            judge.ahead(match, [(q, s) for q, s, greedy in zip(own, said, given, strict=True) if greedy.complete])
            verdicts = [
                forced.verdict_on(q, replace(o, text=s), match) for q, s, o in zip(own, said, given, strict=True)
            ]
            how = (match, max_new_tokens, batch_tokens, shared)
            own_trees = [tree[2:] for tree in trees]
            # What R-Tuning has trained goes on behind its answer ("Paris. Are you sure …"), which is no part of it.
            of_stated = partial(likelihood_of, lm, own_texts, before, ids, batch_tokens, shared)
            more = {"said": probe.stated, "log_p_of": of_stated}
            scored = forced.beside(lm, own, own_texts, given, before, verdicts, own_trees, False, *how, **more)
            records = []
            for i, (q, s, greedy, p, p_sure) in enumerate(zip(own, said, given, likely, sure, strict=True)):
                cut_off = {"cut_off": True} if greedy.long and s == greedy.text.strip() else {}
                record = judged(q, s, verdicts[i], p, p_sure, refuse_unsure, scored[i])
                records.append(record | {"greedy": greedy.text} | cut_off)
            yield records


def answered(lm, texts, ids, max_new_tokens, batch_tokens, shared) -> list:
    """``(samples, greedy, forced, log_refusal)`` behind each prompt, in order; no samples."""
    found = [None] * len(texts)
    paths = means.refusings(lm, texts)
    for indices, batch in means.answer(lm, texts, ids, 0, max_new_tokens, batch_tokens, shared, refusings=paths):
        for i, one in zip(indices, batch, strict=True):
            found[i] = one
    return found


def probability_of(lm, texts, before, answers, ids, batch_tokens: int, shared: bool) -> list:
    """The geometric mean of the probabilities of each answer's tokens, 0 for an empty one; see ``likelihood``."""
    likely = likelihood(lm, texts, before, answers, ids, batch_tokens, shared)
    return [float(np.exp(total / count)) if count else 0.0 for total, count in likely]


def likelihood_of(lm, texts, before, ids, batch_tokens: int, shared: bool, rows, answers) -> list:
    """Log-probabilities of answers to some of the questions, ``rows`` their numbers; see ``likelihood``."""
    parts = ([own[i] for i in rows] for own in (texts, before))
    likely = likelihood(lm, *parts, answers, [ids[i] for i in rows], batch_tokens, shared)
    return [total if count else float(np.log(np.finfo(float).tiny)) for total, count in likely]


def likelihood(lm, texts, before, answers, ids, batch_tokens: int, shared: bool) -> list:
    """(log-likelihood in nats, number of tokens) of each answer behind its prompt; (0, 0) for an empty one.

    ``before``: what the model wrote before each (``before_answer``).
    """
    found = [(0.0, 0)] * len(texts)
    having = [i for i, answer in enumerate(answers) if answer]
    options = [[answers[i] if before[i] else f"{lm.format.lead_of(texts[i])}{answers[i]}"] for i in having]
    own_texts, own_ids = [f"{texts[i]}{before[i] or ''}" for i in having], [ids[i] for i in having]
    if having:
        for indices, sums in means.option_log_likelihoods(lm, own_texts, options, batch_tokens, shared, names=own_ids):
            for k, ((total, count),) in zip(indices, sums, strict=True):
                found[having[k]] = (float(total), int(count))
    return found


def probe_block(lm, own, texts, ids, scoring, max_new_tokens, refuse_unsure, batch_tokens, shared) -> list:
    """``ask_probe`` for a block of a group."""
    trees, found = answered(lm, texts, ids, max_new_tokens, batch_tokens, shared), [None] * len(own)
    for indices, probabilities in probe.probabilities(lm, own, texts, scoring, batch_tokens, shared):
        for i, f in zip(indices, probabilities, strict=True):
            found[i] = probe.record(own[i], *f)
    said = [probe.option(q, r["prediction"], scoring) for q, r in zip(own, found, strict=True)]
    asking = [prompts.sure_prompt(lm.format, text, option) for text, option in zip(texts, said, strict=True)]
    sure = sureness(lm, asking, ids, batch_tokens, shared)
    records = []
    for q, (_, greedy, _, log_refusal), option, r, p in zip(own, trees, said, found, sure, strict=True):
        text, likeliest = greedy.text, max(r["probs"].values())
        refused = outcomes.is_refusal(text)
        right = "correct" if r["correct"] else "wrong"
        # Of the whole vocabulary, as the refusal's; under ``cloze`` of the options alone.
        log_p = float(np.log(max(likeliest * r.get("letter_mass", 1.0), np.finfo(float).tiny)))
        scored = forced.keys(option, right, log_p, log_refusal)
        verdict = {"outcome": "refused" if refused else right}
        judgement = judged(q, text if refused else option, verdict, likeliest, p, refuse_unsure, scored)
        own_keys = {key: r[key] for key in ("prediction", "probs", "letter_mass") if key in r}
        records.append(judgement | {"greedy": text} | own_keys)
    return records
