"""How likely a served model's next words are among a few: letters, or two replies.

Exact, in this order, where the server gives what it takes: the likeliest tokens' log-probabilities, if all of them are
among these; more of them; those of prompts' own tokens; a bias that raises all alike. What is then missing is less
likely than what is listed: it counts as nothing where that moves no probability by more than ``BOUND``. Else they are
drawn.
"""

import math
from dataclasses import dataclass

import numpy as np

from ..judging.choices import chosen_letter
from ..judging.extent import bare, cut
from ..running.errors import UserError
from . import abilities
from .abilities import draws_body
from .conversation import asked_after, is_written, messages_of
from .served import Served

BOUND = 1e-3
DRAWS = 10  # of letters, where nothing else is left
REPLY = 16  # tokens of a reply that is read
SOME = 64  # questions of a batch, which are journaled together


@dataclass(frozen=True)
class Asked:
    """A prompt as the server is sent it, and what may follow.

    Attributes:
        text: the prompt, for naming it.
        body: ``{"prompt": …}`` or ``{"messages": …}``, and what makes the server go on with a begun answer.
        rests: what may follow, each from where they part.
        before: what stands there in front of them, if the server begins a turn of its own.
    """

    text: str
    body: dict
    rests: tuple
    before: str = ""


def batches(n: int, skip):
    """Indices of ``n`` questions in batches, without those that ``skip`` leaves out."""
    for start in range(0, n, SOME):
        indices = list(range(start, min(n, start + SOME)))
        if not skip(indices):
            yield indices


def letter_probabilities(served: Served, prompts, letters, skip=lambda indices: False, names=None):
    """As ``engine.scoring.letter_probabilities``, in order: (indices, [(array [letters], their share or None)])."""

    def ask(i):
        lead = served.format.lead_of(prompts[i])
        asked = Asked(prompts[i], body_of(served, prompts[i]), tuple(f"{lead}{x}" for x in letters[i]))
        with served.naming(names[i] if names else str(i)):
            p, held = chosen(served, asked, "letters", letters[i])
        return (np.full(len(letters[i]), 1 / len(letters[i])), 0.0) if p is None else (p, held)

    for indices in batches(len(prompts), skip):
        yield indices, served.client.map(ask, indices)


def pair_probabilities(served: Served, texts, first: str, second: str, names=None, what: str = "sureness") -> list:
    """p(first) / (p(first) + p(second)) after each text; None where it replies neither.

    Args:
        served: the model.
        texts: the prompts, with what the model has answered.
        first: a reply.
        second: another one.
        names: of the questions, in errors; default: their numbers.
        what: for ``summary.served``.
    """
    n = next(i for i, pair in enumerate(zip(first, second, strict=False)) if len(set(pair)) > 1)
    n -= first[:n].endswith(" ")  # the space is the next word's
    common, rests = first[:n], (first[n:], second[n:])

    def ask(i):
        with served.naming(names[i] if names else str(i)):
            p, _ = chosen(served, asked_pair(served, texts[i], common, rests), what, None)
        return None if p is None else float(p[0])

    return served.client.map(ask, range(len(texts)))


def option_log_likelihoods(served: Served, prompts, options, skip=lambda indices: False, names=None):
    """As ``engine.scoring.option_log_likelihoods``, in order: (indices, [array [options, 2]]).

    Raises:
        UserError: the server does not give the log-probabilities of prompts, or a token lies across an option's seam.
    """

    def ask(i):
        able, name = served.able_for(prompts[i]), names[i] if names else str(i)
        if not able.echo or is_written(prompts[i]):
            raise UserError(
                f"{served.client.address.url} does not give the log-probabilities of prompts, which whole answers "
                "need: leave out --scoring cloze, or of open questions --prompt probe"
            )
        with served.naming(name):
            found = [continued(served, able, prompts[i], option) for option in options[i]]
        if None in found:
            raise UserError(f"question {name}: a token lies across where {options[i]} begin; leave out --scoring cloze")
        return np.array([(sum(own), len(own)) for own in found])

    for indices in batches(len(prompts), skip):
        yield indices, served.client.map(ask, indices)


def asked_pair(served: Served, text: str, common: str, rests) -> Asked:
    """Two replies behind ``text``: behind what they have in common, where the server goes on with a begun answer."""
    if not is_written(text):
        return Asked(text, {"prompt": f"{text}{common}"}, rests)
    messages, begun = messages_of(text)
    prefill = served.able("chat").prefill
    if not f"{begun}{common}".strip():
        return Asked(text, {"messages": messages}, rests)
    if prefill is not None:
        said = {"role": "assistant", "content": f"{begun}{common}"}
        return Asked(text, {"messages": [*messages, said]} | prefill, rests)
    return Asked(text, {"messages": asked_after(messages, begun)}, rests, common)


def body_of(served: Served, text: str) -> dict:
    """The part of a request's body that is the prompt itself."""
    if not is_written(text):
        return {"prompt": text}
    messages, begun = messages_of(text)
    if not begun:
        return {"messages": messages}
    return {"messages": [*messages, {"role": "assistant", "content": begun}]} | (served.able("chat").prefill or {})


def chosen(served: Served, asked: Asked, what: str, letters: str | None) -> tuple:
    """(probabilities of what may follow among themselves, their share of all or None); (None, 0) where none was drawn.

    Notes by which way they were found.
    """
    able = served.able_for(asked.text)
    found, top = None, {}
    if able.top:
        found, top = by_top(served, able, asked, able.top)
        way = "top_logprobs"
    if found is None and able.deep > able.top:
        found, top = by_top(served, able, asked, able.deep)
        way = "more_logprobs"
    if found is None and able.echo:
        found, way = by_echo(served, able, asked), "prompt_logprobs"
    if found is None and able.raised and letters:
        found, way = by_bias(served, able, asked, letters), "logit_bias"
    if found is None and top:
        found, way = bounded(able, asked, top), "bounded"
    if found is None:
        found, way = by_draws(served, able, asked, letters), "sampled"
        way = "unreadable" if found[0] is None else way
    served.client.kept.note(what, asked.text, way)
    return found


def shares(log_p) -> tuple:
    """(probabilities among themselves [n], their sum) from log-probabilities."""
    log_p = np.array(log_p, dtype=np.float64)
    weights = np.exp(log_p - log_p.max())
    return weights / weights.sum(), float(min(1.0, np.exp(log_p).sum()))


def by_top(served: Served, able, asked: Asked, many: int) -> tuple:
    """(``shares``, or None where not all are among the likeliest tokens; {token: log-probability} there)."""
    tokens = REPLY if asked.before else 1
    (reply,) = served.client.ask(able.body(asked.body, tokens, top=many))
    top = place_of(reply, asked.before)
    own = [listed(top, able, rest, asked.rests) for rest in asked.rests]
    return (shares(own) if top and None not in own else None), top


def place_of(reply, before: str) -> dict:
    """The likeliest tokens where the replies part: at the first one, or behind ``before`` in what was replied."""
    said = ""
    for (text, _), top in zip(reply.tokens or (), reply.top or (), strict=False):
        if said.strip() == before.strip():
            return top
        said += text
    return {}


def listed(top: dict, able, rest: str, rests) -> float | None:
    """The log-probability of the token that ``rest`` begins with, None where it is not listed.

    A letter is a token of its own. Of a longer text it is the longest listed token that only it begins with.
    """
    written = (lambda text: text) if able.spaced else str.lstrip
    own, others = written(rest), [written(other) for other in rests if other != rest]
    if len(rest.strip()) == 1:
        return top.get(own)
    fitting = [t for t in top if t.strip() and own.startswith(t) and not any(o.startswith(t) for o in others)]
    return top[max(fitting, key=len)] if fitting else None


def by_echo(served: Served, able, asked: Asked) -> tuple | None:
    """``shares`` from the log-probabilities of prompts that end in each; None where a token lies across the seam."""
    own = [continued(served, able, asked.body["prompt"], rest, asked.rests) for rest in asked.rests]
    return None if None in own else shares([found[0] for found in own])


def continued(served: Served, able, prompt: str, rest: str, rests=()) -> list | None:
    """The log-probabilities of the tokens of ``rest`` behind ``prompt``, from where it parts from ``rests``."""
    (reply,) = served.client.ask(able.body({"prompt": f"{prompt}{rest}"}, 1, top=1) | {"echo": True})
    said, found = "", []
    for text, p in reversed((reply.tokens or ())[:-1]):
        said, found = f"{text}{said}", [p, *found]
        if len(said.lstrip()) >= len(rest.lstrip()):
            break
    return found if said.lstrip() == rest.lstrip() and None not in found else None


def by_bias(served: Served, able, asked: Asked, letters: str) -> tuple | None:
    """Probabilities of letters that are all raised alike; None where not all show. Their share of all is not known."""
    ids = served.letter_ids(able, letters)
    if not ids:
        return None
    body = able.body(asked.body, 1, top=able.top) | abilities.bias(ids)
    (reply,) = served.client.ask(body)
    own = [listed(reply.top[0] if reply.top else {}, able, rest, asked.rests) for rest in asked.rests]
    return None if None in own else (shares(own)[0], None)


def bounded(able, asked: Asked, top: dict) -> tuple | None:
    """``shares`` with those that are not listed at nothing, where that moves none of them by more than ``BOUND``."""
    own = [listed(top, able, rest, asked.rests) for rest in asked.rests]
    held = sum(math.exp(p) for p in own if p is not None)
    most = own.count(None) * math.exp(min(top.values()))
    if not held or most / (held + most) > BOUND:
        return None
    return shares([-9999.0 if p is None else p for p in own])


def by_draws(served: Served, able, asked: Asked, letters: str | None) -> tuple:
    """How often each was drawn, of the draws that could be read, and how many could; (None, 0.0) for none."""
    counts = np.zeros(len(asked.rests))
    for reply in drawn(served, able, asked.body, DRAWS, REPLY, 1.0, 0):
        k = read(reply.text, asked, letters)
        if k is not None:
            counts[k] += 1
    return (counts / counts.sum(), counts.sum() / DRAWS) if counts.any() else (None, 0.0)


def read(text: str, asked: Asked, letters: str | None) -> int | None:
    """Which of ``rests`` a drawn reply is; None for none."""
    if letters:
        letter = chosen_letter(bare(cut(text)), letters)
        return None if letter is None else letters.index(letter)
    said = text.strip().casefold().removeprefix(asked.before.strip().casefold()).strip()
    fitting = [k for k, rest in enumerate(asked.rests) if said.startswith(rest.strip(" .").casefold())]
    return fitting[0] if len(fitting) == 1 else None


def drawn(
    served: Served, able, asked: dict, n: int, tokens: int, temperature: float, seed: int, top_p: float = 1.0
) -> list:
    """``n`` drawn replies to one prompt: by one request where the server gives so many, else by one each."""
    served.learn_draws(able, n)
    many = able.many >= n > 1
    found = []
    for k in range(1 if many else n):
        body = draws_body(able, asked, tokens, temperature, seed + k, n if many else 1)
        own = {"top_p": top_p} if able.temperature else {}
        found += served.client.ask(body | own, n if many else 1, "" if many else f"draw {k}")
    return found
