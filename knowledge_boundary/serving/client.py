"""Requests to a server, many at a time: time-outs, retries and back-off are the ``openai`` client's."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from urllib.parse import parse_qsl

import openai

from ..running.errors import UserError
from . import replies
from .address import NO_KEY, Address
from .kept import Kept, hashed
from .replies import NonsenseError

CONCURRENCY = 8
RETRIES = 4  # of the client, for a request; some seconds
PATIENCE = 300  # seconds in which a request that fails for a while is asked anew: a server may start again
NONSENSE = 6  # times that a request is asked whose replies are none
SLOW = 600  # seconds that a reply may take
UNREACHED = 10  # seconds in which a connection must stand
NOT_TAKEN = (400, 404, 405, 413, 415, 422, 501)  # status codes of a request that the server does not take
PASSING = (408, 409, 429, 502, 503, 504, None)  # and of a server that is busy, or not there
KEPT = "what was answered is kept, and the same command goes on"


class RefusedError(Exception):
    """The server does not take such a request; its message in one line."""


class FailingError(UserError):
    """The server fails at a request again and again.

    Args:
        message: in one line.
        status: of its reply; None: it gave none.
    """

    def __init__(self, message: str, status: int | None):
        super().__init__(message)
        self.status = status


class Client:
    """A server that is asked.

    Args:
        address: of the model.
        kept: what it has answered before.
        concurrency: requests in flight at most.
        max_requests: requests that are sent at most; None: without a bound.

    Raises:
        UserError: the environment's proxy can't be used.
    """

    def __init__(
        self,
        address: Address,
        kept: Kept | None = None,
        concurrency: int = CONCURRENCY,
        max_requests: int | None = None,
    ):
        self.address, self.kept = address, kept or Kept()
        self.concurrency, self.max_requests = concurrency, max_requests
        self.sent, self.lock, self.stopping = 0, threading.Lock(), threading.Event()
        self.refused, self.locks = {}, defaultdict(threading.Lock)
        self.watch: Callable = lambda text: None  # is told what was asked so far
        login = {"auth": address.login} if address.login else {}
        try:
            self.api = openai.OpenAI(
                api_key=address.key,
                base_url=address.url,
                max_retries=RETRIES,
                default_query=dict(parse_qsl(address.query, keep_blank_values=True)),
                timeout=openai.Timeout(SLOW, connect=UNREACHED),
                http_client=openai.DefaultHttpxClient(**login),
            )
        except (ImportError, ValueError) as e:  # a proxy's URL of the environment
            raise UserError(
                f"{self.where}: cannot be asked ({address.hidden(str(e))}); see HTTP_PROXY, ALL_PROXY"
            ) from e

    @property
    def where(self) -> str:
        """How errors name the server."""
        return f"{self.address.url_flag} {self.address.url}"

    # ---- one request ----

    def models(self) -> list:
        """The server's own list of its models [dict]; empty where it has none.

        Raises:
            UserError: nothing answers there, or the key is refused.
        """
        try:
            content, _ = self.patiently(lambda api: api.models.with_raw_response.list(), patience=0)
        except RefusedError:
            return []
        listed = content.get("data") if isinstance(content, dict) else None
        return [one for one in listed or () if isinstance(one, dict) and isinstance(one.get("id"), str)]

    def tokens(self, text: str) -> list | None:
        """The server's own tokens of a text, the beginning of a text among them; None where it does not tell.

        Each as (id, its text, None where that is not told).
        """
        body = {"model": self.address.name, "prompt": text, "content": text, "add_special": True}
        body |= {"with_pieces": True, "return_token_strs": True}
        raw = {"headers": {"X-Stainless-Raw-Response": "true"}}
        try:
            found, _ = self.patiently(
                lambda api: api.post(f"{self.address.root}/tokenize", body=body, cast_to=object, options=raw),
                patience=0,
            )
        except (RefusedError, FailingError):
            return None
        rows = found.get("tokens") if isinstance(found, dict) else None
        if not isinstance(rows, list):
            return None
        texts = found.get("token_strs") or [None] * len(rows)
        pairs = [
            (row.get("id"), row.get("piece")) if isinstance(row, dict) else (row, text)
            for row, text in zip(rows, texts, strict=False)
        ]
        pairs = [(i, text.translate(replies.RAW) if isinstance(text, str) else None) for i, text in pairs]
        return pairs if all(isinstance(i, int) for i, _ in pairs) else None

    def ask(self, body: dict, expected: int = 1, tag: str = "", keep=lambda reply: reply) -> list:
        """The Replies to a request, out of what is kept if it was answered before.

        Args:
            body: what is sent but the model's name; with ``messages`` to /chat/completions, else to /completions.
            expected: choices that are asked for.
            tag: tells apart requests that are alike, such as draws without a seed.
            keep: what of a Reply is kept.

        Raises:
            RefusedError: the server does not take such a request.
            UserError: the key is refused, there is no answer after all retries, or --max_requests is reached.
        """
        key = self.key(body, tag)
        with self.locks[key]:  # what is asked twice at a time is asked once
            if key in self.refused:
                raise RefusedError(self.refused[key])
            if key not in self.kept.replies:
                try:
                    line = self.answered(body, expected, keep)
                except RefusedError as e:
                    self.refused[key] = str(e)
                    raise
                self.kept.add({"key": key} | line)
                self.watch(self.so_far())
        return self.kept.replies[key]

    def key(self, body: dict, tag: str = "") -> str:
        """What names a request among those that are kept."""
        return hashed([self.address.name, body, tag])

    def answered(self, body: dict, expected: int, keep) -> dict:
        """A line of what is kept: the replies to a request, and what they cost."""
        with self.lock:
            if self.sent == self.max_requests:
                raise UserError(
                    f"--max_requests {self.max_requests}: reached; {KEPT} with as many again "
                    f"({self.kept.totals['requests']} are answered)"
                )
            self.sent += 1
        rest = dict(body)
        first = {"model": self.address.name, **{k: rest.pop(k) for k in ("prompt", "messages") if k in rest}}

        def send(api):
            created = api.chat.completions if "messages" in first else api.completions
            return created.with_raw_response.create(**first, extra_body=rest)

        began = time.monotonic()
        (found, usage), taken = self.patiently(send, lambda content: replies.read(content, expected))
        seconds = round(time.monotonic() - began, 3)
        return {"replies": [keep(reply).record() for reply in found], "retries": taken, "seconds": seconds} | usage

    def patiently(self, send, read=lambda content: content, patience: float = PATIENCE) -> tuple:
        """(``read`` of a reply's JSON, the retries that were taken) of ``send(api)``.

        The client's own retries first; where the server is busy or not there, anew until ``patience`` seconds are over.

        Raises:
            RefusedError: the server does not take such a request.
            UserError: the key is refused, or there is no answer after all retries.
        """
        taken, nonsense, began = 0, 0, time.monotonic()
        while True:
            if self.stopping.is_set():
                raise UserError(f"{self.where}: is asked nothing more, since the run ends")
            try:
                response = send(self.api)
                content = response.http_response.json()
                return read(content), taken + response.retries_taken
            except openai.APIStatusError as e:
                failed = self.of_status(e)
                if not isinstance(failed, FailingError):
                    raise failed from None
            except openai.APIConnectionError as e:
                failed = self.of_connection(e)
            except ValueError as e:  # no JSON, or none of the protocol's
                nonsense += 1
                reason = str(e) if isinstance(e, NonsenseError) else "a reply that is no JSON"
                failed = FailingError(f"{self.where}: {reason}, {nonsense} times to the same request; {KEPT}", 200)
            over = time.monotonic() - began >= patience
            if nonsense >= NONSENSE if failed.status == 200 else failed.status not in PASSING or over:
                raise failed from None
            taken += 1 if failed.status == 200 else RETRIES + 1
            self.stopping.wait(min(8, 0.5 * 2**nonsense if nonsense else 8))

    def of_status(self, e) -> Exception:
        """The error of a reply with another status than success."""
        said, code = self.message_of(e), e.status_code
        if code == 401 or (code == 403 and not self.kept.totals["requests"]):
            name = "the URL's user and password are" if self.address.login else f"{self.address.key_name} is"
            have = "not set" if self.address.key == NO_KEY and not self.address.login else "refused there"
            return UserError(f"{self.where}: the server refuses the key ({code}): {name} {have}")
        if code in (*NOT_TAKEN, 403):  # once others were answered, 403 is of this request, such as a moderator's
            return RefusedError(said)
        return FailingError(f"{self.where}: answers {code} ({said}); {KEPT}", code)

    def of_connection(self, e) -> FailingError:
        """The error of a server that gives no reply."""
        reason = type(e).__name__ if e.__cause__ is None else f"{type(e.__cause__).__name__}: {e.__cause__}"
        reason = self.address.hidden((reason.splitlines() or [""])[0])
        return FailingError(f"{self.where}: no answer ({reason}); is the server there? If so, {KEPT}", None)

    def message_of(self, e) -> str:
        """A server's own message in one line, without what must not be shown."""
        body = e.body if isinstance(e.body, dict) else {}
        said = body.get("message") or body.get("detail") or body.get("error") or e.response.text or "no message"
        return self.address.hidden(" ".join(str(said).split()))[:300]

    # ---- many ----

    def map(self, work, items):
        """``[work(item)]``, as many at a time as may be in flight; of errors the first.

        What is under way is kept before an error is raised.
        """
        pool = ThreadPoolExecutor(self.concurrency)
        futures = [pool.submit(work, item) for item in items]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            found = [future.result() for future in futures if future in done]
        except BaseException as e:
            self.stopping.set()
            pool.shutdown(wait=isinstance(e, Exception), cancel_futures=True)
            raise
        pool.shutdown()
        return found

    def so_far(self) -> str:
        """What was asked, for a progress bar."""
        t = self.kept.totals
        return (
            f"{t['requests']} requests, {t['tokens_in']} tokens in, {t['tokens_out']} out, {t['retries']} retries, "
            f"{t['seconds']:.0f} s"
        )
