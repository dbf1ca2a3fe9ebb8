"""How evaluation asks: the model's answer, how sure it is of it, and what the answer amounts to."""

from dataclasses import replace

import numpy as np

from ..engine import exactness, sampling, scoring
from ..engine.drawing import MAX_NEW_TOKENS
from ..judging import outcomes
from ..models.embedder import embedding
from ..questions.records import grouped
from ..wording import phrases
from . import forced, judge, probe, prompts

BLOCK = 256  # questions of one prefix that are asked, scored and journaled together with the probe's prompt


def matcher(match: str, threshold: float = outcomes.MATCH_THRESHOLD, embedder: str = "minilm"):
    """The ``outcomes.matcher`` of ``match``; loads the sentence ``embedder`` if it needs one."""
    embed = embedding(embedder) if match == "embedding" else None
    return outcomes.matcher(match, threshold, embed)


def judged(
    question, output: str, verdict: dict, p_answer: float, p_sure: float, refuse_unsure: bool, scored: dict
) -> dict:
    """An evaluation record.

    Args:
        question: the ``Question``.
        output: the answer's text.
        verdict: what it amounts to (``outcomes.outcome``).
        p_answer: probability of the answer.
        p_sure: p(sure) / (p(sure) + p(unsure)) after R-Tuning's question.
        refuse_unsure: whether an answer that the model is not sure of counts as refused.
        scored: ``p_refusal, forced, score`` (``forced.keys``).
    """
    unsure = refuse_unsure and p_sure < 0.5
    return {
        **question.record(),
        "output": output,
        **verdict,
        "given": verdict["outcome"],
        "outcome": "refused" if unsure else verdict["outcome"],
        "p_answer": p_answer,
        "p_sure": p_sure,
        "confidence": (p_answer + p_sure) / 2,
        **scored,
    }


def verdict_on(question, answer, match) -> dict:
    """What an ``Answer`` amounts to (``outcomes.outcome``); ``incomplete`` where its thought has not ended."""
    return outcomes.outcome(question, answer.text, match) if answer.complete else {"outcome": "incomplete"}


def before_answer(words, answer) -> str | None:
    """What a model wrote before its ``Answer``, where it could think; None: what its format has there."""
    return None if words.thinking == "off" and not answer.thought else answer.thought


def sureness(lm, texts, ids, batch_tokens: int, shared: bool) -> list:
    """R-Tuning's p(sure) after each text, which ends with its question."""
    sure = [None] * len(texts)
    pairs = scoring.pair_probabilities(lm, texts, phrases.SURE, phrases.UNSURE, batch_tokens, shared, ids)
    for indices, found in pairs:
        for i, p in zip(indices, found, strict=True):
            sure[i] = p
    return sure


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
        shared = exactness.check(lm, texts, max_thinking_tokens + max_new_tokens + after_answer(lm))
    thinks = max_thinking_tokens > 0  # then a refusal stands behind the thought
    batches = sampling.answer(
        lm, texts, ids, 0, max_new_tokens, batch_tokens, shared, skip=skip(ids),
        max_thinking_tokens=max_thinking_tokens, refusings=None if thinks else forced.refusings(lm, texts),
    )  # fmt: skip
    for indices, batch in batches:
        outputs = [one[1] for one in batch]
        before = [before_answer(lm.format, o) for o in outputs]
        asking = [
            prompts.sure_prompt(lm.format, texts[i], o.text, first)
            for i, o, first in zip(indices, outputs, before, strict=True)
        ]
        sure = sureness(lm, asking, [ids[i] for i in indices], batch_tokens, shared)
        questions, own_texts = [own[i] for i in indices], [texts[i] for i in indices]
        if thinks:
            trees = behind_thoughts(
                lm, own_texts, [ids[i] for i in indices], outputs, before, max_new_tokens, batch_tokens, shared
            )
        else:
            trees = [(text, *one[2:]) for text, one in zip(own_texts, batch, strict=True)]
        given = [
            *zip(questions, outputs, strict=True),
            *((q, tree[1]) for q, tree in zip(questions, trees, strict=True)),
        ]
        judge.ahead(match, [(q, answer.text) for q, answer in given if answer.complete])
        scored = scores(lm, questions, trees, match, max_new_tokens, batch_tokens, shared)
        yield [
            judged(own[i], out.text, verdict_on(own[i], out, match), out.probability, p, refuse_unsure, s)
            | ({"thought": first} if first else {})
            | ({"cut_off": True} if out.long else {})
            for i, out, first, p, s in zip(indices, outputs, before, sure, scored, strict=True)
        ]


def scores(lm, questions, trees, match, max_new_tokens, batch_tokens, shared, said=None) -> list:
    """``forced.found`` of questions, with their answers judged as the greedy ones are.

    ``trees``: for each question ``(prompt, forced, log_refusal)``; ``said``: what of an Answer's text is judged; None:
    all of it.
    """

    def outcome_of(i, answer):
        answer = replace(answer, text=said(answer.text)) if said else answer
        return answer.text, verdict_on(questions[i], answer, match)["outcome"]

    ids, texts, first = [q.id for q in questions], [tree[0] for tree in trees], [tree[1:] for tree in trees]
    return forced.found(lm, texts, ids, first, outcome_of, max_new_tokens, batch_tokens, shared)


def behind_thoughts(lm, texts, ids, outputs, before, max_new_tokens, batch_tokens, shared) -> list:
    """The ``trees`` of a model that has thought: the refusal and the other answer follow its thought.

    Behind a thought that never ends there is neither: the unfinished answer stands for the forced one.
    """
    found = [(text, output, None) for text, output in zip(texts, outputs, strict=True)]
    ended = [i for i, output in enumerate(outputs) if output.complete]
    if ended:
        opened = [f"{texts[i]}{before[i]}" for i in ended]
        trees = answered(lm, opened, [ids[i] for i in ended], max_new_tokens, batch_tokens, shared)
        for i, text, (_, _, *tree) in zip(ended, opened, trees, strict=True):
            found[i] = (text, *tree)
    return found


def after_answer(lm) -> int:
    """Tokens that follow an answer: R-Tuning's question and a reply to it."""
    return len(lm.encode(f"{phrases.SURE_QUESTION}{phrases.UNSURE}"))


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
    for group, group_texts in grouped(asked.questions, texts, dropped):
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
    for group, group_texts in grouped(asked.questions, texts, dropped):
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
            others = [(q, tree[2]) for q, tree in zip(own, trees, strict=True)]
            pairs = [(q, s) for q, s, greedy in zip(own, said, given, strict=True) if greedy.complete]
            judge.ahead(match, pairs + [(q, probe.stated(other.text)) for q, other in others if other.complete])
            own_trees = [(text, *tree[2:]) for text, tree in zip(own_texts, trees, strict=True)]
            scored = scores(lm, own, own_trees, match, max_new_tokens, batch_tokens, shared, said=probe.stated)
            records = []
            for q, s, greedy, p, p_sure, score in zip(own, said, given, likely, sure, scored, strict=True):
                verdict = verdict_on(q, replace(greedy, text=s), match)
                cut_off = {"cut_off": True} if greedy.long and s == greedy.text.strip() else {}
                record = judged(q, s, verdict, p, p_sure, refuse_unsure, score)
                records.append(record | {"greedy": greedy.text} | cut_off)
            yield records


def answered(lm, texts, ids, max_new_tokens, batch_tokens, shared) -> list:
    """``(samples, greedy, forced, log_refusal)`` behind each prompt, in order; no samples."""
    found = [None] * len(texts)
    paths = forced.refusings(lm, texts)
    for indices, batch in sampling.answer(lm, texts, ids, 0, max_new_tokens, batch_tokens, shared, refusings=paths):
        for i, one in zip(indices, batch, strict=True):
            found[i] = one
    return found


def probability_of(lm, texts, before, answers, ids, batch_tokens: int, shared: bool) -> list:
    """The geometric mean of the probabilities of each answer's tokens behind its prompt; 0 for an empty one.

    ``before``: what the model wrote before each (``before_answer``).
    """
    found = [0.0] * len(texts)
    having = [i for i, answer in enumerate(answers) if answer]
    options = [[answers[i] if before[i] else f"{lm.format.lead_of(texts[i])}{answers[i]}"] for i in having]
    own_texts, own_ids = [f"{texts[i]}{before[i] or ''}" for i in having], [ids[i] for i in having]
    if having:
        for indices, sums in scoring.option_log_likelihoods(
            lm, own_texts, options, batch_tokens, shared, names=own_ids
        ):
            for k, ((total, count),) in zip(indices, sums, strict=True):
                found[having[k]] = float(np.exp(total / count))
    return found


def probe_block(lm, own, texts, ids, scoring, max_new_tokens, refuse_unsure, batch_tokens, shared) -> list:
    """``ask_probe`` for questions whose prompts begin alike."""
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
