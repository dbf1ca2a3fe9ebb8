"""What a server replies, read with suspicion: texts, why they end, their tokens' log-probabilities."""

import math
from dataclasses import asdict, dataclass

RAW = str.maketrans({"Ġ": " ", "▁": " ", "Ċ": "\n"})  # how vocabularies write what some servers do not translate


class NonsenseError(ValueError):
    """A reply that is none of the protocol's."""


@dataclass(frozen=True)
class Reply:
    """One choice of a reply.

    Attributes:
        text: what the model has written, or of it the answer.
        thought: what the server has parted from it as a thought; "" for none.
        long: whether it was cut off at its longest length.
        tokens: [(text, log-probability in nats or None)]; None: the server gives none.
        top: for each token {text: log-probability} of the likeliest ones there; None likewise.
    """

    text: str
    thought: str
    long: bool
    tokens: list | None
    top: list | None

    def record(self) -> dict:
        """As JSON holds it."""
        return asdict(self)


def read(content, expected: int) -> tuple[list, dict]:
    """(the ``expected`` Replies, ``usage``: {"in": tokens, "out": tokens}, None where it is not said).

    Fewer choices than ``expected`` are given as they are: that a server ignores ``n`` is its caller's to see.

    Raises:
        NonsenseError: the content is no completion.
    """
    try:
        return read_choices(content, expected)
    except (AttributeError, TypeError, KeyError) as e:
        raise NonsenseError(f"a reply of another form ({type(e).__name__})") from e


def read_choices(content, expected: int) -> tuple[list, dict]:
    """``read``, which turns what another form of reply raises into a NonsenseError."""
    choices = content.get("choices") if isinstance(content, dict) else None
    if not isinstance(choices, list) or not choices or not all(isinstance(c, dict) for c in choices):
        raise NonsenseError("a reply without choices")
    usage = content.get("usage") if isinstance(content.get("usage"), dict) else {}
    counted = {"in": usage.get("prompt_tokens"), "out": usage.get("completion_tokens")}
    counted = {key: n if isinstance(n, int) and n >= 0 else None for key, n in counted.items()}
    # Not every server gives them in their order.
    places = [c.get("index") for c in choices]
    if sorted(p for p in places if isinstance(p, int)) == list(range(len(choices))):
        choices = [choices[places.index(i)] for i in range(len(choices))]
    return [one(choice) for choice in choices[:expected]], counted


def one(choice: dict) -> Reply:
    """A ``Reply`` of a choice of either protocol, ``/completions`` or ``/chat/completions``."""
    said, thought = choice.get("text"), ""
    if "message" in choice:
        message = choice["message"]
        if not isinstance(message, dict):
            raise NonsenseError("a choice whose message is none")
        said = message.get("content")
        thought = message.get("reasoning_content") or message.get("reasoning") or ""
        said = message.get("refusal") if said is None else said  # some hosts part their own refusals
        said = "" if said is None and not message.get("tool_calls") else said  # how some write an empty answer
    if not isinstance(said, str) or not isinstance(thought, str):
        raise NonsenseError("a choice without a text")
    tokens, top = log_probabilities(choice.get("logprobs"))
    return Reply(whole(said), whole(thought), choice.get("finish_reason") == "length", tokens, top)


def log_probabilities(given) -> tuple:
    """(tokens, top) of a choice's ``logprobs``, in either form of the protocol; (None, None) where there are none."""
    if not isinstance(given, dict):
        return None, None
    if isinstance(given.get("content"), list):
        rows = given["content"]
        if not all(isinstance(row, dict) for row in rows):
            raise NonsenseError("log-probabilities that are none")
        tokens = [(token_text(row), number(row.get("logprob"))) for row in rows]
        top = [listed((token_text(t), t.get("logprob")) for t in row.get("top_logprobs") or ()) for row in rows]
    elif isinstance(given.get("tokens"), list) and isinstance(given.get("token_logprobs"), list):
        pairs = zip(given["tokens"], given["token_logprobs"], strict=False)
        tokens = [(whole(str(text).translate(RAW)), None if p is None else number(p)) for text, p in pairs]
        rows = given.get("top_logprobs") or [{}] * len(tokens)
        top = [listed((row or {}).items()) for row in rows]
    else:
        return None, None
    return (tokens, top) if tokens else (None, None)


def token_text(row: dict) -> str:
    """A token's text, out of its bytes where they are given: a token may be part of a character."""
    given = row.get("bytes")
    if isinstance(given, list) and all(isinstance(b, int) and 0 <= b < 256 for b in given):
        return bytes(given).decode("utf-8", errors="replace")
    return whole(str(row.get("token", "")).translate(RAW))


def whole(text: str) -> str:
    """A text without halves of characters, which no file holds."""
    return text.encode("utf-8", errors="replace").decode("utf-8")


def listed(pairs) -> dict:
    """{token text: log-probability}; of two that read alike, the likelier."""
    found = {}
    for text, p in pairs:
        text = whole(str(text).translate(RAW))
        found[text] = max(number(p), found.get(text, -math.inf))
    return found


def number(p) -> float:
    """A log-probability; NonsenseError for what is none."""
    if isinstance(p, bool) or not isinstance(p, (int, float)) or math.isnan(p) or p > 1e-3:
        raise NonsenseError(f"a log-probability that is {p!r:.20}")
    return max(float(p), -9999.0)
