"""How evaluation asks: the model's answer, how sure it is of it, and what the answer amounts to."""

from functools import partial

from . import answers, boundary, cli, models, prompts, questions, sampling, scoring

BLOCK = 256  # questions of one prefix that are asked, scored and journaled together with the probe's prompt


def matcher(args):
    """The ``answers.matcher`` of ``--match``; loads the sentence embedder if it needs one."""
    embed = partial(models.unit_vectors, models.load_embedder(args.embedder)) if args.match == "embedding" else None
    return answers.matcher(args.match, args.match_threshold, embed)


def judged(question, output, verdict, p_answer, p_sure, args) -> dict:
    """An evaluation record.

    Args:
        question: the ``Question``.
        output: the answer's text.
        verdict: what it amounts to (``answers.outcome``).
        p_answer: probability of the answer.
        p_sure: p(sure) / (p(sure) + p(unsure)) after R-Tuning's question.
        args: ``refuse_unsure``: whether an answer that the model is not sure of counts as refused.
    """
    unsure = args.refuse_unsure and p_sure < 0.5
    return {
        **question.record(),
        "output": output,
        **verdict,
        "given": verdict["outcome"],
        "outcome": "refused" if unsure else verdict["outcome"],
        "p_answer": p_answer,
        "p_sure": p_sure,
        "confidence": (p_answer + p_sure) / 2,
    }


def sureness(lm, texts, ids, args, shared) -> list:
    """R-Tuning's p(sure) after each text, which ends with its question."""
    sure = [None] * len(texts)
    pairs = scoring.pair_probabilities(lm, texts, prompts.SURE, prompts.UNSURE, args.batch_tokens, shared, ids)
    for indices, found in pairs:
        for i, p in zip(indices, found, strict=True):
            sure[i] = p
    return sure


def ask(lm, asked, args, shared, skip, match):
    """Records of the zero-shot ``basic`` or ``refuse`` prompt, batch by batch: the greedy answer is judged.

    Args:
        lm: the model.
        asked: the questions' ``QuestionSet``.
        args: ``prompt, wording, max_new_tokens, batch_tokens, refuse_unsure``.
        shared: whether the model's sequences can be packed (``packing.check``).
        skip: ``ids → (indices → bool)``: which batches are done or another process's.
        match: of open answers (``answers.matcher``).
    """
    own = asked.questions
    texts = [prompts.answer_prompt(lm.tokenizer, q, args.prompt, args.wording) for q in own]
    ids = [q.id for q in own]
    batches = sampling.answer(lm, texts, ids, 0, args.max_new_tokens, args.batch_tokens, shared, skip=skip(ids))
    for indices, batch in batches:
        outputs = [greedy for _, greedy in batch]
        asking = [prompts.sure_prompt(lm.tokenizer, texts[i], o.text) for i, o in zip(indices, outputs, strict=True)]
        sure = sureness(lm, asking, [ids[i] for i in indices], args, shared)
        yield [
            judged(own[i], out.text, answers.outcome(own[i], out.text, match), out.probability, p, args)
            for i, out, p in zip(indices, outputs, sure, strict=True)
        ]


def probe_prompts(lm, asked, args) -> tuple[list, list]:
    """The probe's prompt of each question, and how many shots it has lost to the model's window."""
    shots = [cli.shots_of(asked, q, args.num_shots) for q in asked.questions]
    after = len(lm.encode(f"{prompts.SURE_QUESTION}{prompts.UNSURE}"))
    room = [max(args.max_new_tokens, boundary.room(lm, q, args) + after) for q in asked.questions]
    return prompts.within_window(lm, asked.questions, shots, partial(boundary.prompt, lm, args=args), room)


def probe(lm, asked, texts, dropped, args, shared, skip):
    """Records of the probe's own few-shot prompt (``run_MMLU.py``), as R-Tuning evaluates MMLU, batch by batch.

    The likeliest letter, or option under ``--scoring cloze``, is the answer, its probability among the options
    p(answer). A model whose ``greedy`` answer is a refusal (R-Tuning's ``unknown``) has refused.

    Args:
        lm: the model.
        asked: the questions' ``QuestionSet``.
        texts: from ``probe_prompts``.
        dropped: likewise.
        args: the probe's flags, and those of ``ask``.
        shared: see ``ask``.
        skip: see ``ask``.
    """
    for group, group_texts in questions.grouped(asked.questions, texts, dropped):
        for start in range(0, len(group), BLOCK):
            own, own_texts = group[start : start + BLOCK], group_texts[start : start + BLOCK]
            ids = [q.id for q in own]
            if not skip(ids)(range(len(own))):
                yield probe_block(lm, own, own_texts, ids, args, shared)


def probe_block(lm, own, texts, ids, args, shared) -> list:
    """``probe`` for questions whose prompts begin alike."""
    outputs, found = [None] * len(own), [None] * len(own)
    greedy = sampling.answer(lm, texts, ids, 0, args.max_new_tokens, args.batch_tokens, shared)
    for indices, batch in greedy:
        for i, (_, answer) in zip(indices, batch, strict=True):
            outputs[i] = answer.text
    for indices, probabilities in boundary.probabilities(lm, own, texts, args, shared):
        for i, p in zip(indices, probabilities, strict=True):
            found[i] = boundary.record(own[i], p)
    said = [boundary.option(q, r["prediction"], args) for q, r in zip(own, found, strict=True)]
    asking = [f"{text} {prompts.sure_question(option)}" for text, option in zip(texts, said, strict=True)]
    sure = sureness(lm, asking, ids, args, shared)
    records = []
    for q, text, option, r, p in zip(own, outputs, said, found, sure, strict=True):
        refused = answers.is_refusal(text)
        verdict = {"outcome": "refused" if refused else "correct" if r["correct"] else "wrong"}
        judgement = judged(q, text if refused else option, verdict, max(r["probs"].values()), p, args)
        records.append(judgement | {"greedy": text, "prediction": r["prediction"], "probs": r["probs"]})
    return records
