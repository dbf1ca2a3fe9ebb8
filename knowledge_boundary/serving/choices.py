"""How likely a served model's next words are among a few: letters, or two replies.

Exact, in this order, where the server gives what it takes: the likeliest tokens' log-probabilities, if all of them are
among these; more of them; those of prompts' own tokens; a bias that raises all alike. What is then missing is less
likely than what is listed: it counts as nothing where that moves no probability by more than ``BOUND``. Else they are
drawn.
"""

import dataclasses
import hashlib
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
        name: of its question.
        text: the prompt.
        body: ``{"prompt": …}`` or ``{"messages": …}``, and what makes the server go on with a begun answer.
        rests: what may follow, each from where they part.
        before: what stands there in front of them, if the server begins a turn of its own.
    """

    name: str
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
        lead, name = served.format.lead_of(prompts[i]), names[i] if names else str(i)
        asked = Asked(name, prompts[i], body_of(served, prompts[i]), tuple(f"{lead}{x}" for x in letters[i]))
        with served.naming(name):
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
        name = names[i] if names else str(i)
        with served.naming(name):
            p, _ = chosen(served, asked_pair(served, name, texts[i], common, rests), what, None)
        return None if p is None else float(p[0])

    return served.client.map(ask, range(len(texts)))


def option_log_likelihoods(served: Served, prompts, options, skip=lambda indices: False, names=None):
    """As ``engine.scoring.option_log_likelihoods``, in order: (indices, [array [options, 2]]).

    Raises:
        UserError: the server does not give the log-probabilities of prompts, or a token lies across an option's seam.
    """

    def ask(i):
        able, name = served.able_for(prompts[i]), names[i] if names else str(i)
        check_echo(served, prompts[i])
        with served.naming(name):
            found = [continued(served, able, prompts[i], option) for option in options[i]]
        if None in found:
            raise UserError(f"question {name}: a token lies across where {options[i]} begin; leave out --scoring cloze")
        return np.array([(sum(p for _, p in own), len(own)) for own in found])

    for indices in batches(len(prompts), skip):
        yield indices, served.client.map(ask, indices)


def check_echo(served: Served, text: str) -> None:
    """UserError if the server does not give the log-probabilities of prompts such as ``text``."""
    if is_written(text) or not served.able_for(text).echo:
        raise UserError(
            f"{served.client.address.url} does not give the log-probabilities of prompts, which whole answers need: "
            "leave out --scoring cloze, or of open questions --prompt probe"
        )


def asked_pair(served: Served, name: str, text: str, common: str, rests) -> Asked:
    """Two replies behind ``text``: behind what they have in common, where the server goes on with a begun answer."""
    if not is_written(text):
        return Asked(name, text, {"prompt": f"{text}{common}"}, rests)
    messages, begun = messages_of(text)
    prefill = served.able("chat").prefill
    if not f"{begun}{common}".strip():
        return Asked(name, text, {"messages": messages}, rests)
    if prefill is not None:
        said = {"role": "assistant", "content": f"{begun}{common}"}
        return Asked(name, text, {"messages": [*messages, said]} | prefill, rests)
    return Asked(name, text, {"messages": asked_after(messages, begun)}, rests, common)


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
        found, way = bounded(served, able, asked, top), "bounded"
    if found is None and letters and served.only_exact:
        raise UserError(
            f"--estimator exact: question {asked.name}: not all letters' probabilities are given; leave it out"
        )
    if found is None:
        found, way = by_draws(served, able, asked, letters), "sampled"
        way = "unreadable" if found[0] is None else way
    served.client.kept.note(what, f"{asked.name} {asked.text}", way)
    return found


def shares(log_p) -> tuple:
    """(probabilities among themselves [n], their sum) from log-probabilities."""
    log_p = np.array(log_p, dtype=np.float64)
    weights = np.exp(log_p - log_p.max())
    return weights / weights.sum(), float(min(1.0, np.exp(log_p).sum()))


def by_top(served: Served, able, asked: Asked, many: int) -> tuple:
    """(``shares``, or None where not all are among the likeliest tokens; {token: log-probability} there)."""
    tokens = REPLY if asked.before else 1
    keep = (lambda reply: trimmed(reply, able, asked.rests)) if many > abilities.TOP else lambda reply: reply
    (reply,) = served.client.ask(able.body(asked.body, tokens, top=many), keep=keep)
    top = place_of(reply, asked.before)
    own = [listed(top, able, rest, asked.rests, served.first_token(rest)) for rest in asked.rests]
    return (shares(own) if top and None not in own else None), top


def trimmed(reply, able, rests):
    """A reply with many likeliest tokens, less those that nothing is made of: it is kept on disk."""
    written = (lambda text: text) if able.spaced else str.lstrip
    own = [written(rest) for rest in rests]

    def part(top: dict) -> dict:
        found = {t: p for t, p in top.items() if t.strip() and any(rest.startswith(t) for rest in own)}
        return found | {t: p for t, p in top.items() if p == min(top.values())}

    return dataclasses.replace(reply, top=[part(top) for top in reply.top] if reply.top else reply.top)


def place_of(reply, before: str) -> dict:
    """The likeliest tokens where the replies part: at the first one, or behind ``before`` in what was replied."""
    said = ""
    for (text, _), top in zip(reply.tokens or (), reply.top or (), strict=False):
        if said.strip() == before.strip():
            return top
        said += text
    return {}


def listed(top: dict, able, rest: str, rests, first: str | None = None) -> float | None:
    """The log-probability of the token that ``rest`` begins with, None where it is not listed.

    Args:
        top: {token: log-probability}.
        able: what the server can do.
        rest: what may follow.
        rests: what else may.
        first: the token itself; None: that is not known, and the longest listed one is taken with which only ``rest``
            begins.
    """
    written = (lambda text: text) if able.spaced else str.lstrip
    own, others = written(rest), [written(other) for other in rests if other != rest]
    if first is not None:
        return top.get(written(first))
    fitting = [t for t in top if t.strip() and own.startswith(t) and not any(o.startswith(t) for o in others)]
    return top[max(fitting, key=len)] if fitting else None


def by_echo(served: Served, able, asked: Asked) -> tuple | None:
    """``shares`` from the log-probabilities of prompts that end in each; None where a token lies across the seam."""
    own = [continued(served, able, asked.body["prompt"], rest) for rest in asked.rests]
    if None in own:
        return None
    n = 0  # tokens that all begin with, such as a space of its own
    while all(len(found) > n + 1 for found in own) and len({found[n][0] for found in own}) == 1:
        n += 1
    before = sum(p for _, p in own[0][:n])
    p, held = shares([found[n][1] for found in own])
    return p, held * math.exp(before)


def continued(served: Served, able, prompt: str, rest: str) -> list | None:
    """[(text, log-probability)] of the tokens of ``rest`` behind ``prompt``; None where one lies across the seam."""
    (reply,) = served.client.ask(able.body({"prompt": f"{prompt}{rest}"}, 1, top=1) | {"echo": True})
    said, found = "", []
    for text, p in reversed((reply.tokens or ())[:-1]):
        if len(said.lstrip()) >= len(rest.lstrip()) and text:  # a part of a character may have no text of its own
            break
        said, found = f"{text}{said}", [(text, p), *found]
    return found if said.lstrip() == rest.lstrip() and all(p is not None for _, p in found) else None


def by_bias(served: Served, able, asked: Asked, letters: str) -> tuple | None:
    """Probabilities of letters that are all raised alike; None where not all show. Their share of all is not known."""
    ids = served.letter_ids(able, letters)
    if not ids:
        return None
    body = able.body(asked.body, 1, top=able.top) | abilities.bias(ids)
    (reply,) = served.client.ask(body)
    own = [listed(reply.top[0] if reply.top else {}, able, rest, asked.rests, rest) for rest in asked.rests]
    return None if None in own else (shares(own)[0], None)


def bounded(served: Served, able, asked: Asked, top: dict) -> tuple | None:
    """``shares`` with those that are not listed at nothing, where that moves none of them by more than ``BOUND``."""
    own = [listed(top, able, rest, asked.rests, served.first_token(rest)) for rest in asked.rests]
    held = sum(math.exp(p) for p in own if p is not None)
    most = own.count(None) * math.exp(min(top.values()))
    if not held or most / (held + most) > BOUND:
        return None
    return shares([-9999.0 if p is None else p for p in own])


def by_draws(served: Served, able, asked: Asked, letters: str | None) -> tuple:
    """How often each was drawn, of the draws that could be read, and how many could; (None, 0.0) for none."""
    counts = np.zeros(len(asked.rests))
    last = asked.body.get("messages", [{}])[-1]
    begun = last.get("content", "") if last.get("role") == "assistant" else ""
    n, tokens = served.num_samples or DRAWS, abilities.THOUGHT if able.thinks else REPLY
    for reply in drawn(served, able, asked.body, asked.name, n, tokens, served.seed):
        k = read(reply.text.removeprefix(begun), asked, letters)  # some servers repeat what was begun
        if k is not None:
            counts[k] += 1
    return (counts / counts.sum(), counts.sum() / n) if counts.any() else (None, 0.0)


def read(text: str, asked: Asked, letters: str | None) -> int | None:
    """Which of ``rests`` a drawn reply is; None for none."""
    if letters:
        letter = chosen_letter(bare(cut(text)), letters)
        return None if letter is None else letters.index(letter)
    said = text.strip().casefold().removeprefix(asked.before.strip().casefold()).strip()
    fitting = [k for k, rest in enumerate(asked.rests) if said.startswith(rest.strip(" .").casefold())]
    return fitting[0] if len(fitting) == 1 else None


def drawn(
    served: Served, able, asked: dict, name: str, n: int, tokens: int, seed: int, temperature=1.0, top_p=1.0
) -> list:
    """``n`` drawn replies to one prompt: by one request where the server gives so many, else by one each.

    Their seeds are a function of the run's ``seed`` and of the question's name. Where the server has no seeds, its name
    tells apart requests that are alike.
    """
    served.learn_draws(able, n)
    first = int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:4], "big") >> 1
    own = {"top_p": top_p} if able.temperature else {}
    found = []
    if able.many >= n > 1:
        found += served.client.ask(draws_body(able, asked, tokens, temperature, first, n) | own, n, name)
    for k in range(len(found), n):  # all of them, or what one request was short of
        body = draws_body(able, asked, tokens, temperature, first + k, 1) | own
        found += served.client.ask(body, tag=f"draw {k} of {name}")
    return found
