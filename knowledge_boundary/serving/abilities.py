"""What a server takes and gives, found by asking it: nothing of the protocol is taken on trust."""

from dataclasses import dataclass, field

from ..running.errors import UserError
from ..wording.phrases import PROBE_ANSWER, PROBE_DRAW, PROBE_LETTERS, PROBE_QUESTION
from .client import PASSING, Client, FailingError, RefusedError
from .replies import Reply

KINDS = ("completions", "chat")  # plain texts; conversations, in the server's own template
TOP = 20  # likeliest tokens that every request for log-probabilities asks for: what most servers give at most
DEEP = 1000  # and where letters are not among them, if the server gives so many
# Servers have sampling settings of their own, or the model's, where a request does not say otherwise.
PLAIN = {"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0, "repeat_penalty": 1.0}
CONTINUE = {"add_generation_prompt": False, "continue_final_message": True}
RAISED = 100  # the largest bias of the protocol
LITTLE = 3  # tokens that a prompt of one letter has at most, the beginning of a text among them
DRAWN = 16  # tokens of an answer that is drawn on trial
THOUGHT = 1024  # tokens of an answer in which a model that thinks has something to say


@dataclass
class Abilities:
    """What a server was found to take and give, for plain texts or for conversations.

    Attributes:
        kind: one of ``KINDS``.
        limit: what it calls an answer's longest length.
        passed: what every request of this kind has beside the protocol's own.
        top: of how many likeliest tokens it gives the log-probabilities; 0: of none.
        deep: of how many at most.
        temperature: whether it takes one.
        seeds: whether it may be sent one.
        seeded: whether it takes one.
        many: how many answers one request gives (``n``); 1: it does not heed it; 0: that was not tried.
        echo: whether it gives the log-probabilities of a prompt's own tokens.
        prefill: what makes it go on with a begun answer; None: it does not.
        raised: whether a bias of letters shows in the log-probabilities.
        thinks: whether it begins with a thought, whatever it is told.
        spaced: whether its tokens' texts have their spaces.
        lead: of conversations, what stands before a letter that answers.
        ignored: what it does not heed, in words.
    """

    kind: str
    limit: str = "max_tokens"
    passed: dict = field(default_factory=dict)
    top: int = 0
    deep: int = 0
    temperature: bool = True
    seeds: bool = True
    seeded: bool = True
    many: int = 0
    echo: bool = False
    prefill: dict | None = None
    raised: bool = False
    thinks: bool = False
    spaced: bool = True
    lead: str = ""
    ignored: list = field(default_factory=list)

    @property
    def exact(self) -> bool:
        """Whether letters' probabilities can be had."""
        return self.top > 0 or self.echo

    def body(self, asked: dict, tokens: int, temperature: float = 0.0, top: int = 0) -> dict:
        """A request's body.

        Args:
            asked: ``{"prompt": text}`` or ``{"messages": […]}``.
            tokens: an answer's longest length.
            temperature: 0: the likeliest answer.
            top: log-probabilities of how many likeliest tokens are wanted.
        """
        found = asked | {self.limit: tokens} | self.passed
        if self.temperature:
            found |= {"temperature": temperature} | ({"top_p": 1.0} if temperature else {})
        if top:
            found |= {"logprobs": True, "top_logprobs": top} if self.kind == "chat" else {"logprobs": top}
        return found


def find(client: Client, kind: str, num_samples: int, thinking: str, seeds: bool = True) -> Abilities:
    """Ask a server what it can do with requests of one kind; what it ignores is in ``ignored``.

    Args:
        client: of the server.
        kind: one of ``KINDS``.
        num_samples: answers that a question needs at most.
        thinking: ``off`` or ``on``; of conversations.
        seeds: whether it may be sent a seed.

    Raises:
        RefusedError: it takes no request of this kind.
        UserError: the key is refused, or nothing answers.
    """
    able = Abilities(kind, top=TOP, passed=dict(PLAIN), seeds=seeds)
    if kind == "chat":
        switch = thinking == "on"
        able.passed["chat_template_kwargs"] = {"enable_thinking": switch, "thinking": switch}
    asked = question_of(kind)
    reply = tried(client, able.body(asked, 1, top=TOP))
    if reply is None:
        reply = find_taken(client, able, asked)
    learn_top(client, able, asked, reply)
    if kind == "chat":
        able.thinks = bool(reply.thought) or (reply.long and not reply.text)
        find_prefill(client, able)
    else:
        find_echo(client, able)
        if (tokens_in(client, able.body({"prompt": PROBE_ANSWER}, 1)) or 0) > LITTLE:
            able.ignored.append("plain prompts, it seems (it puts something around them, such as a chat template)")
    if able.top and not able.echo and able.deep <= able.top:
        find_raised(client, able)
    if num_samples:
        find_draws(client, able, num_samples)
    if not able.top:
        able.ignored.append("log-probabilities")
    return able


def question_of(kind: str, content: str = PROBE_QUESTION) -> dict:
    """The request's own part of a trial."""
    return {"messages": [{"role": "user", "content": content}]} if kind == "chat" else {"prompt": content}


def tried(client: Client, body: dict) -> Reply | None:
    """The reply to a trial, None where the server does not take it or fails at it."""
    found = tried_draws(client, body, 1)
    return found[0] if found else None


def tried_draws(client: Client, body: dict, many: int, tag: str = "") -> list | None:
    """The replies to a trial of draws, None where the server does not take it or fails at it.

    A server that is busy or not there has said nothing: then the run ends.
    """
    try:
        return client.ask(body, many, tag)
    except RefusedError:
        return None
    except FailingError as e:
        if e.status in PASSING:
            raise
        return None


def find_taken(client: Client, able: Abilities, asked: dict) -> Reply:
    """Find out which of a request's settings the server refuses, and leave them out; the reply to what is left."""
    wanted, able.passed, able.temperature = able.passed, {}, False
    reply = None
    for able.limit, tokens in (("max_tokens", 1), ("max_completion_tokens", 1), ("max_completion_tokens", THOUGHT)):
        reply = tried(client, able.body(asked, tokens))
        if reply:
            break
    else:  # nothing is left out but the length: what the server says of it is the reason
        (reply,) = client.ask(asked)
    for name, value in wanted.items():
        if tried(client, able.body(asked, tokens) | {name: value}):
            able.passed[name] = value
        else:
            able.ignored.append(name)
    able.temperature = True
    if tried(client, able.body(asked, tokens)) is None:
        able.temperature = False
        able.ignored.append("temperature and top_p (its own hold; what is asked for as the likeliest answer is drawn)")
    for able.top in (TOP, 5):
        found = tried(client, able.body(asked, tokens, top=able.top))
        if found:
            return found
    return reply


def learn_top(client: Client, able: Abilities, asked: dict, reply: Reply) -> None:
    """What a reply shows of the log-probabilities that the server gives."""
    given = reply.top[0] if reply.top else {}
    asked_for, able.top = able.top, able.top if len(given) > 1 else 0
    able.deep = able.top
    if not able.top:
        return
    able.spaced = any(text.startswith(" ") for text in given) or able.kind == "chat"
    if able.kind == "chat":
        held = {lead: [given[lead + x] for x in PROBE_LETTERS if lead + x in given] for lead in ("", " ")}
        able.lead = max(held, key=lambda lead: (max(held[lead], default=-9999.0), lead == ""))
    if asked_for == TOP:
        deeper = tried(client, able.body(asked, 1, top=DEEP))
        if deeper and deeper.top and len(deeper.top[0]) > TOP:
            able.deep = DEEP


def find_echo(client: Client, able: Abilities) -> None:
    """Whether the server gives the log-probabilities of a prompt's own tokens."""
    prompt = f"{PROBE_QUESTION} {PROBE_LETTERS[0]}"
    reply = tried(client, able.body({"prompt": prompt}, 1, top=1) | {"echo": True})
    shown = "".join(text for text, _ in reply.tokens) if reply and reply.tokens else ""
    able.echo = len(shown) > len(prompt) // 2 and reply.text.startswith(prompt)


def find_prefill(client: Client, able: Abilities) -> None:
    """Whether a begun answer is gone on with: a letter then adds one token to the prompt, as the server counts them.

    Where its turn is ended behind it, and another one begins, it adds more.
    """
    asked = question_of("chat")
    begun = {"messages": [*asked["messages"], {"role": "assistant", "content": PROBE_ANSWER}]}
    alone = tokens_in(client, able.body(asked, 1))
    for passed in ({}, CONTINUE):
        added = tokens_in(client, able.body(begun, 1) | passed)
        if alone and added and added - alone == 1:
            able.prefill = passed
            return


def tokens_in(client: Client, body: dict) -> int | None:
    """How many tokens a prompt has by the server's own count; None where it does not tell or take it."""
    return None if tried(client, body) is None else client.kept.prompt_tokens.get(client.key(body))


def letter_ids(client: Client, able: Abilities, letters) -> list | None:
    """The tokens that letters are behind a prompt, by the server's own tokenizer, else by ``tiktoken``'s."""
    lead = able.lead if able.kind == "chat" else " "
    rows = [[i for i, _ in client.tokens(f"{PROBE_QUESTION}{lead}{x}") or ()] for x in letters]
    if not all(rows):
        try:
            import tiktoken

            encoding = tiktoken.encoding_for_model(client.address.name)
        except Exception:  # not installed, a model that it does not know, or no network to fetch it
            return None
        rows = [encoding.encode(f"{lead}{x}") for x in letters]
        if any(len(row) > 1 for row in rows):
            return None
    found = [row[-1] for row in rows]
    return found if len(set(found)) == len(found) else None


def bias(ids) -> dict:
    """What raises tokens alike."""
    return {"logit_bias": {str(i): RAISED for i in ids}}


def find_raised(client: Client, able: Abilities) -> None:
    """Whether a bias that raises all letters shows in the log-probabilities: then these hold the letters alone."""
    ids = letter_ids(client, able, PROBE_LETTERS)
    if ids:
        reply = tried(client, able.body(question_of(able.kind), 1, top=able.top) | bias(ids))
        given = {text.strip() for text, p in (reply.top[0] if reply and reply.top else {}).items() if p > -60}
        able.raised = given == set(PROBE_LETTERS)


def find_draws(client: Client, able: Abilities, num_samples: int) -> None:
    """How answers can be drawn: many by one request or one, with seeds or without."""
    asked = question_of(able.kind, PROBE_DRAW)
    manners = [(seeded, many) for many in (num_samples, 1) for seeded in (True, False) if able.seeds or not seeded]
    for able.seeded, able.many in manners:
        body = draws_body(able, asked, DRAWN, 1.0, 1, able.many)
        found = tried_draws(client, body, able.many)
        if found:
            able.many = able.many if len(found) == able.many else 1
            break
    else:
        raise UserError(f"{client.where}: draws no answer at temperature 1; no certainty can be had of it")
    if able.many < num_samples:
        able.ignored.append(f"n (each of {num_samples} answers is a request of its own)")
    again = tried_draws(client, body, able.many, "again") if able.seeded else None
    told = [(r.thought, r.text) for r in found]
    if not able.seeded or (any(map(any, told)) and [(r.thought, r.text) for r in again or ()] != told):
        able.ignored.append("seed (another run draws other answers)")
    other = tried_draws(client, draws_body(able, asked, DRAWN, 1.0, 2, able.many), able.many, "other") or []
    told += [(r.thought, r.text) for r in other]
    if len(told) > 1 and any(told[0]) and len(set(told)) == 1:
        able.ignored.append("temperature, it seems (all answers drawn on trial were the same)")
    elif "top_k" in able.passed:
        only = [draws_body(able, asked, DRAWN, 1.0, seed, 1) | {"top_k": 1} for seed in (1, 2)]
        narrow = [tried_draws(client, one, 1, f"top_k {k}") for k, one in enumerate(only)]
        if all(narrow) and len({r.text for (r,) in narrow}) > 1:
            able.ignored.append("top_k (its own settings of what is drawn from may hold)")


def draws_body(able: Abilities, asked: dict, tokens: int, temperature: float, seed: int, n: int) -> dict:
    """The body of a request for ``n`` drawn answers."""
    more = {"n": n} if n > 1 else {}
    return able.body(asked, tokens, temperature) | more | ({"seed": seed} if able.seeded else {})
