"""Requests to a server, many at a time: time-outs, retries and back-off are the ``openai`` client's."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

import openai

from ..running.errors import UserError
from . import replies
from .address import Address
from .kept import Kept, hashed
from .replies import NonsenseError

CONCURRENCY = 8
AT_FIRST = 4  # retries of what may fail for good: some seconds, for a server that isn't there
PATIENCE = 45  # retries in a run: about five minutes, in which a server may start again
NONSENSE = 6  # times that a request is asked whose replies are none
SLOW = 600  # seconds that a reply may take
NOT_TAKEN = (400, 404, 405, 413, 415, 422, 501)  # status codes of a request that the server does not take
KEPT = "what was answered is kept, and the same command goes on"


class RefusedError(Exception):
    """The server does not take such a request; its message in one line."""


class FailingError(UserError):
    """The server fails at a request again and again."""


class Client:
    """A server that is asked.

    Args:
        address: of the model.
        kept: what it has answered before.
        concurrency: requests in flight at most.
        max_requests: requests that are sent at most; None: without a bound.
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
        self.watch: Callable = lambda text: None  # is told what was asked so far
        login = {"auth": address.login} if address.login else {}
        self.api = openai.OpenAI(
            api_key=address.key,
            base_url=address.url,
            timeout=SLOW,
            max_retries=PATIENCE,
            default_query=dict(part.partition("=")[::2] for part in address.query.split("&") if part),
            http_client=openai.DefaultHttpxClient(timeout=SLOW, **login),
        )

    # ---- one request ----

    def models(self) -> list:
        """The server's own list of its models [dict]; empty where it has none.

        Raises:
            UserError: nothing answers there, or the key is refused.
        """
        try:
            content, _ = self.patiently(lambda api: api.models.with_raw_response.list(), AT_FIRST)
        except RefusedError:
            return []
        listed = content.get("data") if isinstance(content, dict) else None
        return [one for one in listed or () if isinstance(one, dict) and isinstance(one.get("id"), str)]

    def token_ids(self, text: str) -> list | None:
        """The server's own token ids of a text, the beginning of a text among them; None where it does not tell."""
        body = {"model": self.address.name, "prompt": text, "content": text, "add_special": True}
        raw = {"headers": {"X-Stainless-Raw-Response": "true"}}
        send = lambda api: api.post(f"{self.address.root}/tokenize", body=body, cast_to=object, options=raw)  # noqa: E731
        try:
            found, _ = self.patiently(send, AT_FIRST)
        except (RefusedError, FailingError):
            return None
        ids = found.get("tokens") if isinstance(found, dict) else None
        return ids if isinstance(ids, list) and all(isinstance(i, int) for i in ids) else None

    def ask(self, body: dict, expected: int = 1, tag: str = "", retries: int = PATIENCE) -> list:
        """The Replies to a request, out of what is kept if it was answered before.

        Args:
            body: what is sent but the model's name; with ``messages`` to /chat/completions, else to /completions.
            expected: choices that are asked for.
            tag: tells apart requests that are alike, such as draws without a seed.
            retries: how often it is sent again.

        Raises:
            RefusedError: the server does not take such a request.
            UserError: the key is refused, there is no answer after all retries, or --max_requests is reached.
        """
        key = self.key(body, tag)
        if key in self.kept.refused:
            raise RefusedError(self.kept.refused[key])
        if key not in self.kept.replies:
            self.kept.add({"key": key} | self.answered(body, expected, retries))
            self.watch(self.so_far())
            if key in self.kept.refused:
                raise RefusedError(self.kept.refused[key])
        return self.kept.replies[key]

    def key(self, body: dict, tag: str = "") -> str:
        """What names a request among those that are kept."""
        return hashed([self.address.name, body, tag])

    def answered(self, body: dict, expected: int, retries: int) -> dict:
        """A line of what is kept: the replies to a request and what they cost, or why it is refused."""
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
        try:
            (found, usage), retries = self.patiently(send, retries, lambda content: replies.read(content, expected))
            line = {"replies": [reply.record() for reply in found], "retries": retries} | usage
        except RefusedError as e:
            line = {"refused": str(e), "retries": 0, "in": 0, "out": 0}
        return line | {"seconds": round(time.monotonic() - began, 3)}

    def patiently(self, send, retries: int, read=lambda content: content) -> tuple:
        """(``read`` of a reply's JSON, the retries that were taken); what is none is asked for again.

        Raises:
            RefusedError: the server does not take such a request.
            UserError: the key is refused, or there is no answer after all retries.
        """
        taken = 0
        for tried in range(NONSENSE):
            try:
                content, more = self.call(send, retries)
                return read(content), taken + more
            except NonsenseError as e:
                reason = self.address.hidden(str(e))
                taken += 1
            self.stopping.wait(0.5 * 2**tried)
        where = f"{self.address.url_flag} {self.address.url}"
        raise FailingError(f"{where}: {reason}, {NONSENSE} times to the same request; {KEPT}")

    def call(self, send, retries: int) -> tuple:
        """(a reply's JSON, the retries that were taken) of ``send(api)``.

        Raises:
            RefusedError: the server does not take such a request.
            NonsenseError: the reply is no JSON.
            UserError: the key is refused, or there is no answer after all retries.
        """
        try:
            response = send(self.api.with_options(max_retries=retries))
        except openai.APIStatusError as e:
            raise self.of_status(e) from None
        except openai.APIConnectionError as e:
            reason = type(e).__name__ if e.__cause__ is None else f"{type(e.__cause__).__name__}: {e.__cause__}"
            reason = self.address.hidden((reason.splitlines() or [""])[0])
            raise UserError(
                f"{self.address.url_flag} {self.address.url}: no answer ({reason}), tried {retries + 1} times; is the "
                f"server there? {KEPT[0].upper()}{KEPT[1:]}"
            ) from None
        try:
            return response.http_response.json(), response.retries_taken
        except ValueError as e:
            raise NonsenseError("a reply that is no JSON") from e

    def of_status(self, e) -> Exception:
        """The error of a reply with another status than success."""
        said = self.message_of(e)
        where = f"{self.address.url_flag} {self.address.url}"
        if e.status_code in (401, 403):
            have = "is not set" if self.address.key == "none" else "is refused there"
            return UserError(f"{where}: the server refuses the key ({e.status_code}): {self.address.key_name} {have}")
        if e.status_code in NOT_TAKEN:
            return RefusedError(said)
        return FailingError(f"{where}: answers {e.status_code} ({said}) again and again; {KEPT}")

    def message_of(self, e) -> str:
        """A server's own message in one line, without what must not be shown."""
        body = e.body if isinstance(e.body, dict) else {}
        said = body.get("message") or body.get("detail") or body.get("error") or e.response.text or "no message"
        return self.address.hidden(" ".join(str(said).split()))[:300]

    # ---- many ----

    def map(self, work, items):
        """``[work(item)]``, as many at a time as may be in flight; of errors the first, once no request is under way.

        What was under way is kept before the error is raised.
        """
        with ThreadPoolExecutor(self.concurrency) as pool:
            futures = [pool.submit(self.unless_stopped, work, item) for item in items]
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            failed = next((f for f in futures if f in done and f.exception()), None)
            if failed:
                self.stopping.set()
                for future in futures:
                    future.cancel()
        if failed:
            raise failed.exception()
        return [future.result() for future in futures]

    def unless_stopped(self, work, item):
        """``work(item)``, unless another one has failed."""
        return None if self.stopping.is_set() else work(item)

    def so_far(self) -> str:
        """What was asked, for a progress bar."""
        t = self.kept.totals
        return (
            f"{t['requests']} requests, {t['tokens_in']} tokens in, {t['tokens_out']} out, {t['retries']} retries, "
            f"{t['seconds']:.0f} s"
        )
