"""What N further answers say of a model's own answer: how many agree with it, and how alike they all are.

Both need no training: self-consistency (Wang et al. 2023) and CRaFT's certainty as signals of when to answer.
"""

from dataclasses import replace

from ..asking import means
from ..judging import outcomes
from ..judging.choices import chosen_option
from .state import embedded, sampled_certainty


def agrees(question, answer: str, samples) -> list:
    """Whether each of ``samples`` says what ``answer`` says.

    Of multiple choice: it chooses the same; of open questions: it would be right if ``answer`` were the accepted one
    (``outcomes.contains``). Texts that are equal always agree.
    """
    if question.choices is not None:
        own = chosen_option(question, answer)
        return [s == answer or (own is not None and chosen_option(question, s) == own) for s in samples]
    as_gold = replace(question, answer=answer, aliases=(), should_abstain=False)
    judged = outcomes.contains(as_gold, samples) if answer else [{"correct": False}] * len(samples)
    return [s == answer or v["correct"] for s, v in zip(samples, judged, strict=True)]


def sampled_signals(lm, questions, texts, answers, draws, embed, batch_tokens: int, shared: bool) -> list:
    """``{agreement, cer}`` of each question, by ``draws.num_samples`` answers at ``draws.temperature``.

    Args:
        lm: the model.
        questions: the questions.
        texts: their prompts.
        answers: the model's own, which the samples are compared with.
        draws: ``SamplingSettings``.
        embed: list of texts → array [texts, dimensions] of unit vectors.
        batch_tokens: upper bound of the tokens of one forward pass.
        shared: whether the model's sequences can be packed (``exactness.check``).
    """
    found = [None] * len(questions)
    ids = [q.id for q in questions]
    for indices, batch in means.drawn(lm, texts, ids, draws, batch_tokens, shared, greedy=False):
        texts_of = [[s.text for s in samples] for samples, _ in batch]
        look_up = embedded(texts_of, embed)
        for i, said in zip(indices, texts_of, strict=True):
            same = agrees(questions[i], answers[i], said)
            found[i] = {"agreement": sum(same) / len(same), "cer": sampled_certainty(said, look_up)}
    return found
