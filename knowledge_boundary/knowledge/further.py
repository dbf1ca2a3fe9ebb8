"""Signals of when to answer that cost more than the answer: N samples of the same prompt, a probe of the question."""

from dataclasses import dataclass, field

from ..asking import means, prompts
from ..engine.drawing import SamplingSettings
from ..questions.records import from_record
from . import agreement, probe


def question_of(question) -> tuple:
    """What makes two ``Question``s the same one, whatever file they are from."""
    return question.question, tuple(question.choices or ())


def by_question(records, values) -> dict:
    """{``question_of``: value} of a state file's records and one value each."""
    return {question_of(from_record(r)): float(value) for r, value in zip(records, values, strict=True)}


@dataclass
class Further:
    """What is asked for beside each answer; nothing where ``draws`` and ``fitted`` are None.

    Attributes:
        lm: the model.
        prompt: of the zero-shot prompts, the one that was asked.
        wording: of its instruction.
        refusal: how it is refused, ``text`` or ``letter``.
        draws: how samples are drawn.
        embed: of the samples' certainty: list of texts → array [texts, dimensions] of unit vectors.
        fitted: the ``probe.Probe``.
        held_out: {``question_of``: p(known)} of the questions that it was fitted on, by planes fitted without them.
        batch_tokens: upper bound of the tokens of one forward pass.
        shared: whether the prompts of a test set can be packed, by ``prepare``.
    """

    lm: object
    prompt: str
    wording: str
    refusal: str
    draws: SamplingSettings | None = None
    embed: object = None
    fitted: object = None
    held_out: dict = field(default_factory=dict)
    batch_tokens: int = 1024
    shared: bool = False

    def texts_of(self, questions) -> list:
        """The questions' prompts."""
        how = (self.prompt, self.wording, self.refusal)
        return [prompts.answer_prompt(self.lm.format, q, *how) for q in questions]

    def prepare(self, asked) -> None:
        """See how the prompts of a whole test set can run, before the first of them is asked."""
        if self.draws or self.fitted:
            room = self.draws.max_thinking_tokens + self.draws.max_new_tokens if self.draws else 0
            self.shared = means.check(self.lm, self.texts_of(asked.questions), room)

    def added(self, records: list, asked, costs) -> list:
        """``records`` of one batch of ``asked``'s questions with ``agreement, cer`` and ``p_known``, as asked for."""
        by_id = {q.id: q for q in asked.questions}
        questions = [by_id[r["id"]] for r in records]
        if self.draws:
            answers = [(r["forced"] or {"text": ""})["text"] for r in records]
            found = costs.timed("samples", self.sampled, questions, answers)
            records = [r | more for r, more in zip(records, found, strict=True)]
        if self.fitted:
            found = costs.timed("probe", self.known, questions)
            records = [r | {"p_known": p} for r, p in zip(records, found, strict=True)]
        return records

    def sampled(self, questions, answers) -> list:
        """``agreement.sampled_signals`` of the prompt."""
        texts = self.texts_of(questions)
        return agreement.sampled_signals(
            self.lm, questions, texts, answers, self.draws, self.embed, self.batch_tokens, self.shared
        )

    def known(self, questions) -> list:
        """p(known) of questions; of those that the probe was fitted on, by the planes that were fitted without them."""
        how = (self.batch_tokens, self.prompt, self.wording, self.refusal, self.shared)
        found = probe.p_known_of(self.lm, self.fitted, questions, *how)
        return [self.held_out.get(question_of(q), float(p)) for q, p in zip(questions, found, strict=True)]
