"""Refusing and answering beside each other in a question's tree: the refusal's own path, and the best other answer."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Refusing:
    """What a question's tree needs to hold the refusal, and the best answer that is none.

    Attributes:
        ids: the refusal's tokens behind the prompt.
        forbidden: {beginning of an answer, as a tuple of tokens: tokens that do not follow it in the forced answer}.
    """

    ids: tuple
    forbidden: dict

    def next_token(self, tokens, logits, best: int) -> int:
        """The token with which the forced answer goes on: the likeliest that is not forbidden there.

        Args:
            tokens: the answer's so far.
            logits: [vocabulary].
            best: the likeliest of all.
        """
        forbidden = self.forbidden.get(tuple(tokens), ())
        if best not in forbidden:
            return best
        allowed = logits.clone()
        allowed[list(forbidden)] = -float("inf")
        return int(allowed.argmax())


def refusing(lm, prompt: str, refusal: str, others=(), lead: str | None = None) -> Refusing:
    """How ``prompt`` is refused, and what may not begin its forced answer: the refusal's first token, and ``others``'.

    Args:
        lm: the model.
        prompt: the text behind which the answer begins.
        refusal: the refusal's text.
        lead: what the model writes before an answer there; None: as its template has it.
        others: the tokens of further answers (``Answer.tokens``), whose first ones are forbidden.
    """
    lead = lm.format.lead_of(prompt) if lead is None else lead
    before = tuple(behind(lm, prompt, lead)) if lead else ()
    own, forbidden = tuple(behind(lm, prompt, f"{lead}{refusal}")), {}
    for path in (own, *others):
        # What the template writes before an answer is no part of it, unless its tokens are the first word's too.
        at = len(before) if path[: len(before)] == before and len(path) > len(before) else 0
        forbidden.setdefault(path[:at], set()).add(path[at])
    return Refusing(own, forbidden)


def behind(lm, prompt: str, text: str) -> list:
    """The tokens of ``text`` behind ``prompt``."""
    ids, start = lm.encode_pair(prompt, text)
    return ids[start:]
