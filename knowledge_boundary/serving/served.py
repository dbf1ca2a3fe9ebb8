"""A model behind a server: which it is, and what the stages need of it."""

import contextlib
import dataclasses
import hashlib
import json
import threading
from pathlib import Path

from ..models.loading import short_name
from ..running import ranks
from ..running.errors import UserError
from . import abilities, conversation
from .address import PREFIX, Address
from .client import Client, RefusedError
from .kept import Kept

PART = 16  # tokens that a server's template puts around a turn, at most, in estimates of a prompt's length


def describe(address: Address) -> dict:
    """``meta.model`` of a served model; in ``served.model`` the name that its server gives it.

    Raises:
        UserError: nothing answers there, the key is refused, or the server lists other models only.
    """
    listed = Client(address).models()
    own = chosen_of(address, listed)
    meta = own.get("meta") if isinstance(own.get("meta"), dict) else {}
    # What may change while the model stays the same is left out, such as when the server began.
    same = {"id": own["id"], "root": own.get("root"), "owned_by": own.get("owned_by")}
    same |= {key: meta.get(key) for key in ("n_params", "size", "n_vocab", "ftype")}
    windows = (own.get("max_model_len"), meta.get("n_ctx"), own.get("context_length"))
    window = next((w for w in windows if isinstance(w, int) and w > 0), None)
    return {
        "name": short_name(own["id"]),
        "path": None,
        "fingerprint": hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()[:16],
        "revision": None,
        "dtype": None,
        "device": "server",
        "parameters": meta.get("n_params"),
        "served": {"url": address.url, "model": own["id"], "server": own.get("owned_by"), "window": window},
    }


def chosen_of(address: Address, listed: list) -> dict:
    """The entry of a server's list that an address means.

    Raises:
        UserError: it is none of them, or several.
    """
    names = [one["id"] for one in listed]
    if not address.name:
        if len(listed) != 1:
            raise UserError(f"{address.flag} {PREFIX}: which model? {listed_in_words(address, names)}")
        ranks.say(f"{address.url} has one model, which is asked: {names[0]}")
        return listed[0]
    for fits in (
        lambda one: address.name == one["id"],
        lambda one: address.name in aliases(one),
        lambda one: address.name in (short_name(one["id"]), one["id"].rsplit("/", 1)[-1]),
    ):
        fitting = [one for one in listed if fits(one)]
        if len(fitting) > 1:
            raise UserError(f"{address.title}: which of {', '.join(one['id'] for one in fitting)}? give the whole name")
        if fitting:
            return fitting[0]
    # llama.cpp answers to whatever name. Others know names that they don't list, and say what they don't know.
    if len(listed) == 1 or any(one.get("owned_by") == "llamacpp" for one in listed):
        raise UserError(f"{address.title}: no such model there; {listed_in_words(address, names)}")
    if listed:
        ranks.say(f"{address.name} is not among the {len(listed)} models that {address.url} lists: it is asked for")
    return {"id": address.name}


def aliases(listed: dict) -> list:
    """The further names of a listed model."""
    found = listed.get("aliases")
    return found if isinstance(found, list) else []


def listed_in_words(address: Address, names) -> str:
    """Which models a server lists, in one line."""
    shown = ", ".join(f"{PREFIX}{name}" for name in names[:8]) + (
        f" and {len(names) - 8} more" if len(names) > 8 else ""
    )
    return f"{address.url} lists {shown or 'none'}"


class Served:
    """A served model; what ``LM`` is for one with its weights here.

    Args:
        about: ``meta.model``, of ``describe``.
        client: of its server.
        num_samples: answers to a question that are drawn at most.
        thinking: ``off`` or ``on``.
        seed: of what is drawn where a probability can't be had.
        only_exact: whether letters may not be drawn.
    """

    def __init__(
        self, about: dict, client: Client, num_samples: int = 0, thinking: str = "off", seed: int = 0,
        only_exact: bool = False,
    ):  # fmt: skip
        self.about, self.client, self.num_samples = about, client, num_samples
        self.seed, self.only_exact, self.counts_tokens = seed, only_exact, True
        self.abilities, self.refusals, self.ids, self.lock = {}, {}, {}, threading.Lock()
        self.format = conversation.Conversation(self, thinking)
        self.window = about["served"]["window"] or 1 << 40

    # ---- what the server can do ----

    def able(self, kind: str) -> abilities.Abilities:
        """What the server can do with requests of one kind (``abilities.KINDS``).

        Raises:
            UserError: it takes none of this kind.
        """
        if kind not in self.abilities and kind not in self.refusals:
            try:
                found = self.found(kind)
                self.abilities[kind] = found
                if kind == "chat":
                    how = {"thinking": self.format.thinking, "rendered_by": "server"}
                    self.about["template"] = how | {"passed": found.passed.get("chat_template_kwargs")}
                self.tell(found.ignored)
            except RefusedError as e:
                self.refusals[kind] = str(e)
        if kind in self.refusals:
            other = "plain prompts; give --chat_template" if kind == "completions" else "conversations"
            if len(self.refusals) > 1:  # of a model that it does not have, for one
                other = "request"
            said = self.refusals.get("chat", self.refusals[kind])
            raise UserError(f"{self.client.address.title}: {self.client.address.url} takes no {other} ({said})")
        return self.abilities[kind]

    def found(self, kind: str) -> abilities.Abilities:
        """What the server was found to do when this run began, or is found to do now."""
        kept = self.client.kept
        if kind not in kept.abilities:
            # A seed ends the whole server where vLLM runs on CPUs (0.32), and it does not tell where it runs.
            seeds = self.about["served"]["server"] != "vllm"
            able = abilities.find(self.client, kind, self.num_samples, self.format.thinking, seeds)
            kept.add({"key": kind, "abilities": dataclasses.asdict(able)})
        return abilities.Abilities(**kept.abilities[kind])

    def takes(self, kind: str) -> bool:
        """Whether the server takes requests of one kind; says so where it does not."""
        known = kind in self.refusals
        try:
            self.able(kind)
        except UserError:
            if kind not in self.refusals:
                raise
            if not known:
                ranks.say(f"{self.client.address.url} takes no {kind} requests ({self.refusals[kind]})")
        return kind in self.abilities

    def able_for(self, text: str) -> abilities.Abilities:
        """What the server can do with a prompt."""
        return self.able("chat" if conversation.is_written(text) else "completions")

    def learn_draws(self, able: abilities.Abilities, n: int) -> None:
        """Find out how answers can be drawn, where that was not tried yet."""
        with self.lock:
            if not able.many:
                before = len(able.ignored)
                abilities.find_draws(self.client, able, n)
                self.client.kept.add({"key": able.kind, "abilities": dataclasses.asdict(able)})
                self.tell(able.ignored[before:])

    def letter_ids(self, able: abilities.Abilities, letters: str) -> list | None:
        """``abilities.letter_ids``, asked for once."""
        with self.lock:
            key = able.kind, letters
            if key not in self.ids:
                self.ids[key] = abilities.letter_ids(self.client, able, letters)
            return self.ids[key]

    def first_token(self, text: str) -> str | None:
        """The text of the token that a text behind a prompt begins with; None where the server does not tell.

        A letter is one token, or it can't be compared.
        """
        if len(text.strip()) == 1:
            return text
        with self.lock:
            if text not in self.ids:
                said, self.ids[text] = "", None
                for _, piece in reversed(self.client.tokens(f"{'I am' * text.startswith(' ')}{text}") or ()):
                    said = f"{piece or ''}{said}"
                    if said == text:
                        self.ids[text] = piece
            return self.ids[text]

    def tell(self, ignored) -> None:
        """Say in one line what the server ignores."""
        if ignored:
            ranks.say(f"{self.client.address.url} does not heed or give: {', '.join(ignored)}")

    @contextlib.contextmanager
    def naming(self, name: str):
        """Name the question in the error of a request that the server does not take."""
        try:
            yield
        except RefusedError as e:
            where = f"{self.client.address.url} does not take it ({e})"
            raise UserError(f"question {name}: {where}; leave it out, or shorten its prompt (--num_shots)") from None

    # ---- what the stages ask of a model ----

    def length(self, text: str) -> int:
        """How many tokens a prompt has: by the server's own count where it might not fit, else at most so many.

        0 where that cannot be known; the server then says itself if a prompt is too long.
        """
        if self.window >= 1 << 40:
            return 0
        turns = text.count(conversation.BEGINS)
        most = len(text.encode()) + PART * (1 + turns)  # a token has a byte at least
        if most <= self.window // 2:
            return most
        said = text.replace(conversation.BEGINS, "").replace(conversation.SAYS, "\n")
        found = self.client.tokens(said) if self.counts_tokens else None
        self.counts_tokens = found is not None
        return 0 if found is None else len(found) + PART * turns

    def longest(self, texts) -> int:
        """How many tokens the longest of some texts has at most."""
        return max(len(text.encode()) for text in texts)

    @property
    def summary(self) -> dict:
        """``summary.served``: what was asked, and by which ways probabilities were found."""
        kept = self.client.kept
        ignored = {kind: able.ignored for kind, able in self.abilities.items() if able.ignored}
        totals = kept.totals | {"seconds": round(kept.totals["seconds"], 1)}
        uncounted = {"replies_without_token_counts": kept.uncounted} if kept.uncounted else {}
        return totals | uncounted | kept.count_of_ways() | {"ignored": ignored}


def load(address: Address, about: dict, kept: Path | None, run: str, concurrency: int, max_requests, **how) -> Served:
    """The ``Served`` model of ``describe``.

    Args:
        address: of ``describe``.
        about: likewise.
        kept: the file of what was answered (``Kept``).
        run: what tells the run from others.
        concurrency: requests in flight at most.
        max_requests: requests that are sent at most, or None.
        how: see ``Served``.
    """
    return Served(about, Client(address, Kept(kept, run), concurrency, max_requests), **how)
