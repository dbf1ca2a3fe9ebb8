"""A served model's own words: N drawn answers, and the likeliest one."""

from ..engine.drawing import Answer
from ..judging.extent import extent
from ..models.templates import THOUGHTS
from ..wording.phrases import QUESTION
from .choices import batches, body_of, continued, drawn
from .conversation import is_written
from .replies import Reply
from .served import Served

UNSHOWN = "(a thought that the server does not show)"
NEXT_QUESTION = f"\n{QUESTION.strip()}"  # a model that goes on with one has answered before


def answer(
    served: Served, prompts, ids, num_samples: int, max_new_tokens: int, temperature=1.0, top_p=1.0, seed=0,
    greedy=True, skip=lambda indices: False, max_thinking_tokens=0, refusal: str | None = None,
):  # fmt: skip
    """As ``engine.sampling.answer``, in order.

    The forced answer is the greedy one, which the caller knows to be a refusal or not; the refusal's log-probability is
    None where the server does not give those of prompts.

    Args:
        served: the model.
        prompts: texts after which the answer begins.
        ids: the questions' ids.
        num_samples: N; 0: the greedy answer only.
        max_new_tokens: an answer's longest length in tokens.
        temperature: of the draws.
        top_p: of the draws.
        seed: of the draws.
        greedy: whether the greedy answer is wanted too.
        skip: ``indices → bool``; batches for which it is true are left out.
        max_thinking_tokens: a thought's longest length before the answer; 0: the model is not asked to think.
        refusal: text whose log-probability behind the prompt is wanted too.
    """
    tokens = max_thinking_tokens + max_new_tokens

    def ask(i):
        able, body = served.able_for(prompts[i]), body_of(served, prompts[i])
        if not is_written(prompts[i]):
            body["stop"] = [NEXT_QUESTION]
        with served.naming(ids[i]):
            samples, best, log_refusal = [], None, None
            if num_samples:
                replies = drawn(served, able, body, ids[i], num_samples, tokens, seed, temperature, top_p)
                samples = [said(reply) for reply in replies]
            if greedy:
                (reply,) = served.client.ask(able.body(body, tokens, top=min(able.top, 1)))
                best = said(reply)
            if refusal and able.echo and not is_written(prompts[i]):
                found = continued(served, able, prompts[i], f"{served.format.lead_of(prompts[i])}{refusal}")
                log_refusal = None if found is None else float(sum(p for _, p in found))
        return (samples, best) if refusal is None else (samples, best, best, log_refusal)

    for indices in batches(len(prompts), skip):
        yield indices, served.client.map(ask, indices)


def said(reply: Reply) -> Answer:
    """What a reply says: the answer, cut as everywhere (``judging.extent``), behind a thought if there is one.

    A thought that the server has parted from it is no part of what a begun answer goes on from: templates leave earlier
    thoughts out.
    """
    thought, text = parted(reply)
    if thought and text is None:
        return Answer("", None, thought, thought, complete=False)
    found, whole = extent(text)
    inside = thought and not reply.thought
    before = f"{thought}{text[: len(text) - len(text.lstrip())]}" if inside else ""
    tokens = behind(reply.tokens) if thought and reply.tokens else reply.tokens
    logprobs = of_answer(tokens, reply.text)
    # Of an empty answer, that the model ends at once.
    log_p = sum(logprobs) if logprobs else tokens[0][1] if tokens and logprobs == [] else 0.0
    return Answer(found, logprobs, f"{thought}{text}", before, long=reply.long and not whole, log_p=log_p)


def parted(reply: Reply) -> tuple[str, str | None]:
    """(the thought, "" for none; what stands behind it, None where it has not ended) of a reply."""
    if reply.thought:
        return reply.thought, reply.text if reply.text.strip() or not reply.long else None
    text = reply.text
    if not text and reply.long:  # all that it may write went into a thought that the server keeps to itself
        return UNSHOWN, None
    for kind in THOUGHTS:
        if kind.closes in text:
            before, mark, behind = text.partition(kind.closes)
            return before + mark, behind
        if text.lstrip().startswith(kind.opens.strip()):
            return text, None
    return "", text


def of_answer(tokens: list | None, whole: str) -> list | None:
    """The log-probabilities of an answer's tokens, up to where it ends; None where the server gives none.

    Args:
        tokens: [(text, log-probability)] from where the answer begins.
        whole: all that was said; the token that only ends a turn is no part of it.
    """
    if not tokens or any(p is None for _, p in tokens):
        return None
    found, text = [], ""
    for token, p in tokens:
        if len(found) == len(tokens) - 1 and (not token or token not in whole):
            break
        alone = token.lstrip(" ").startswith("\n") or (not token.strip() and "\n" in token)
        if "\n" in token and extent(f"{text}\n" if alone else f"{text}{token}")[1]:
            return found if alone else [*found, p]
        text, found = f"{text}{token}", [*found, p]
    return found


def behind(tokens) -> list | None:
    """The tokens behind a thought's own; None where they can't be told apart."""
    text = ""
    for i, (token, _) in enumerate(tokens):
        text += token
        if any(kind.closes in text for kind in THOUGHTS):
            return tokens[i + 1 :]
    return None
