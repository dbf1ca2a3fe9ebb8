"""Which model on which server: ``openai:NAME`` and its URL; what must not be shown of it."""

import os
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from ..running.errors import UserError

PREFIX = "openai:"
PUBLIC = "https://api.openai.com/v1"  # what the protocol's own client asks where nothing else is said
NO_KEY = "none"  # servers of one's own mostly ask for none; the client wants one to send


def is_served(model: str | None) -> bool:
    """Whether a model's name says that a server has it."""
    return (model or "").startswith(PREFIX)


@dataclass(frozen=True)
class Address:
    """A model on a server.

    Attributes:
        name: as the server calls it; empty: its only one.
        url: without user, password and query, so that it can be shown.
        flag: that named the model, for errors.
        url_flag: that named the server.
        key_name: the environment's variable that holds the key.
        key: the key; never shown.
        login: (user, password) out of the URL, or None; never shown.
        query: what stood behind ``?`` in the URL; never shown.
    """

    name: str
    url: str
    flag: str = "--model"
    url_flag: str = "--base_url"
    key_name: str = "OPENAI_API_KEY"
    key: str = field(default=NO_KEY, repr=False)
    login: tuple | None = field(default=None, repr=False)
    query: str = field(default="", repr=False)

    @property
    def title(self) -> str:
        """How errors name it."""
        return f"{self.flag} {PREFIX}{self.name}"

    @property
    def root(self) -> str:
        """The server itself, without the protocol's version."""
        return re.sub(r"/v\d+$", "", self.url)

    def hidden(self, text: str) -> str:
        """``text`` without the key, the password and the query, whoever has put them there."""
        secrets = {self.key if self.key != NO_KEY else "", *(self.login or ())[1:], self.query}
        secrets |= {value for _, value in parse_qsl(self.query)}
        for secret in sorted(secrets | set(map(quote, secrets)), key=len, reverse=True):
            text = text.replace(secret, "***") if secret else text
        return text


class Url(str):
    """The URL of a server as it can be shown, ``/v1`` put behind where it has no path.

    Attributes:
        login: (user, password) that stood in it, or None.
        query: what stood behind ``?``.
        whole: as it was given.

    Raises:
        UserError: it is none. What was given may hold a password: it is not repeated.
    """

    def __new__(cls, given: str, flag: str = "--base_url"):
        """See the class."""
        try:
            parts = urlsplit(given.strip())
            host, port = parts.hostname, parts.port
        except ValueError:
            parts, host, port = None, None, None
        if not host or parts.scheme not in ("http", "https") or not given.strip().isprintable():
            raise UserError(f"{flag}: is no URL of a server; one such as http://localhost:8000/v1 is expected")
        path = re.sub(r"/(?:chat/)?completions$", "", parts.path.rstrip("/")) or "/v1"
        shown = f"[{host}]" if ":" in host else host
        found = super().__new__(cls, f"{parts.scheme}://{shown}{f':{port}' if port else ''}{path}")
        found.login = (unquote(parts.username or ""), unquote(parts.password or "")) if "@" in parts.netloc else None
        found.query, found.whole = parts.query, given
        return found


def address(model: str, url: Url | None, flag: str = "--model", url_flag: str = "--base_url") -> Address:
    """The ``Address`` of ``openai:NAME``.

    Args:
        model: ``openai:NAME``; ``openai:`` alone is the server's only model.
        url: of the server; None: ``OPENAI_BASE_URL`` of the environment, or OpenAI itself.
        flag: that named the model.
        url_flag: that named the server.

    Raises:
        UserError: the environment's URL is none, or its key can't be sent.
    """
    if url is None:
        url, url_flag = Url(os.environ.get("OPENAI_BASE_URL") or PUBLIC, "OPENAI_BASE_URL"), "OPENAI_BASE_URL"
    names = ("JUDGE_API_KEY", "OPENAI_API_KEY") if flag == "--judge_model" else ("OPENAI_API_KEY",)
    key_name = next((name for name in names if os.environ.get(name, "").strip()), "OPENAI_API_KEY")
    key = os.environ.get(key_name, "").strip() or NO_KEY
    if not key.isascii() or not key.isprintable():
        raise UserError(f"{key_name}: has a character that no header can hold; copy the key again")
    return Address(model.removeprefix(PREFIX), str(url), flag, url_flag, key_name, key, url.login, url.query)
