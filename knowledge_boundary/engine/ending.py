"""Where an answer ends while it is written: at the end of the turn, behind its first line, or at its longest length."""

from ..judging.extent import extent
from .drawing import Answer, Row

SEEN = 16  # last tokens that the end of a thought is looked for in


class Ending:
    """Ends rows token by token; see ``__call__``.

    Args:
        lm: the model.
        max_new_tokens: an answer's longest length, counted from behind its thought.
        max_thinking_tokens: a thought's longest length; 0: the model is not asked to think, and a thought that it
            writes all the same is part of ``max_new_tokens``.
    """

    def __init__(self, lm, max_new_tokens: int, max_thinking_tokens: int):
        self.lm, self.max_new_tokens = lm, max_new_tokens
        self.asked_to_think = max_thinking_tokens > 0
        self.max_thinking_tokens = max_thinking_tokens or max_new_tokens
        self.spelt_end = lm.format.spelt_end

    def __call__(self, row: Row, token: int, logprob: float) -> bool:
        """Give ``row`` its next token; whether it is finished. A token that only ends it is not given to it.

        An answer ends with the model's turn, or with a line break behind what it says (``judging.extent``).
        """
        if token in self.lm.end_tokens:
            return True
        before = row.tokens, row.logprobs
        row.tokens, row.logprobs = [*row.tokens, token], [*row.logprobs, logprob]
        if row.answer_at is None:
            row.answer_at = self.answer_at(row.tokens)
        if row.answer_at is None:
            return len(row.tokens) >= self.max_thinking_tokens
        if self.spelt_end and self.spelt_end in self.lm.decode(row.tokens[-SEEN:], special=True):
            return True
        if token in self.lm.line_breaks:
            alone = self.lm.texts[token].lstrip().startswith("\n") or not self.lm.texts[token].strip()
            text = (
                self.lm.decode(before[0][row.answer_at :]) + "\n"
                if alone
                else self.lm.decode(row.tokens[row.answer_at :])
            )
            if extent(text)[1]:
                row.text = text
                if alone:  # it says nothing
                    row.tokens, row.logprobs = before
                return True
        return self.too_long(row)

    def too_long(self, row: Row) -> bool:
        """Whether a row's answer has its longest length; a thought that nobody asked for counts too."""
        thought = (row.answer_at or 0) if self.asked_to_think else 0
        return len(row.tokens) - thought >= self.max_new_tokens

    def answer_at(self, tokens: list) -> int | None:
        """How many of a row's tokens are its thought; None while it is not known, or the thought goes on."""
        words = self.lm.format
        if len(tokens) == 1 and tokens[0] not in self.lm.thought_starts:
            return 0
        if len(tokens) <= SEEN + 1:  # later it is a thought that goes on
            text = self.lm.decode(tokens, special=True)
            if words.behind_thought(text, ended=len(tokens) > SEEN) is None:
                return None
            return len(tokens) if words.thought.closes in text else 0
        seen = self.lm.decode(tokens[-SEEN:], special=True)
        return len(tokens) if words.thought.closes in seen else None

    def collect(self, leaves) -> tuple[list, Answer | None, Answer | None, float | None]:
        """(samples, greedy, forced, log-probability of the refusal) of one question's leaves; None: not asked for.

        Equal samples stand next to each other.
        """
        samples, best, forced, log_refusal = [], None, None, None
        for leaf in leaves:
            if leaf.refusing is not None:
                log_refusal = leaf.log_p
                continue
            found = self.answer(leaf)
            samples += [found] * leaf.count
            best = found if leaf.greedy else best
            forced = found if leaf.forced else forced
        return samples, best, forced, log_refusal

    def answer(self, leaf: Row) -> Answer:
        """What a finished row says."""
        at = leaf.answer_at
        if at is None:  # it ended inside a thought, or before it could be told from one
            written = self.lm.decode(leaf.tokens, special=True)
            if self.lm.format.behind_thought(written, ended=True) is None:
                return Answer("", [], written, written, complete=False, log_p=leaf.log_p, tokens=tuple(leaf.tokens))
            at = 0
        tokens, long = leaf.tokens[at:], self.too_long(leaf)
        text = self.lm.decode(tokens) if leaf.text is None else leaf.text
        written = self.lm.decode(leaf.tokens, special=True) if at else text
        thought = self.lm.decode(leaf.tokens[:at], special=True) + text[: len(text) - len(text.lstrip())] if at else ""
        if self.spelt_end and self.spelt_end in text:
            text = text.partition(self.spelt_end)[0]
            while tokens and self.lm.decode(tokens[:-1]).startswith(text):  # the end's own tokens
                tokens = tokens[:-1]
        logprobs = leaf.logprobs[at : at + len(tokens)]
        own = {"log_p": leaf.log_p, "tokens": tuple(leaf.tokens)}
        return Answer(extent(text)[0], logprobs, written, thought, long=long, **own)
