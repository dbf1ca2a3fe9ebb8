"""Signals of when to answer that cost more than the answer: N samples of the same prompt, a probe of the question."""

from dataclasses import dataclass

from ..asking import prompts
from ..engine import exactness
from ..engine.drawing import SamplingSettings
from . import agreement, probe


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
        batch_tokens: upper bound of the tokens of one forward pass.
    """

    lm: object
    prompt: str
    wording: str
    refusal: str
    draws: SamplingSettings | None = None
    embed: object = None
    fitted: object = None
    batch_tokens: int = 1024

    @property
    def forward_passes(self) -> dict:
        """{part: sequences that it runs for a question}, for ``Costs``."""
        found = {"samples": self.draws.num_samples} if self.draws else {}
        return found | ({"probe": 1} if self.fitted else {})

    def added(self, records: list, asked, costs) -> list:
        """``records`` of one batch of ``asked``'s questions with ``agreement, cer`` and ``p_known``, as asked for."""
        by_id = {q.id: q for q in asked.questions}
        questions = [by_id[r["id"]] for r in records]
        if self.draws:
            found = costs.timed("samples", self.sampled, questions, [r["forced"]["text"] for r in records])
            records = [r | more for r, more in zip(records, found, strict=True)]
        if self.fitted:
            how = (self.batch_tokens, self.prompt, self.wording, self.refusal)
            found = costs.timed("probe", probe.p_known_of, self.lm, self.fitted, questions, *how)
            records = [r | {"p_known": float(p)} for r, p in zip(records, found, strict=True)]
        return records

    def sampled(self, questions, answers) -> list:
        """``agreement.sampled_signals`` of the prompt."""
        how = (self.prompt, self.wording, self.refusal)
        texts = [prompts.answer_prompt(self.lm.format, q, *how) for q in questions]
        room = self.draws.max_thinking_tokens + self.draws.max_new_tokens
        shared = exactness.check(self.lm, texts, room)
        return agreement.sampled_signals(
            self.lm, questions, texts, answers, self.draws, self.embed, self.batch_tokens, shared
        )
