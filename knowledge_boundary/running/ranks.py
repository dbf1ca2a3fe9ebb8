"""More processes, more hosts: torchrun's ranks divide a stage's batches among themselves.

Keys and JSON records travel between them by gloo, tensors on GPUs by NCCL; every rank's model sits on a device of its
own. Under tensor parallelism the ranks hold one model together: each runs every batch, and rank 0 alone writes. Without
torchrun, and in stages that do not divide their work, there is one rank, 0.
"""

import contextlib
import os
import signal
import sys
import threading
from datetime import timedelta

import torch
import torch.distributed as dist

from .errors import UserError

# A rank may wait for another for as long as a run takes; a peer that has ended is noticed by its closed connection.
TIMEOUT = timedelta(days=60)
ENDED = "another process of this run ended, or the run was stopped; the same command resumes"
INTERRUPTED = "Interrupted; the same command resumes."

_started = False
_together = False  # whether the ranks hold one model, and so divide no batches
_ending = threading.Lock()  # held by the thread that ends this process


class PeerEnded(Exception):
    """Another rank cannot be reached, or not any more."""


def launched() -> bool:
    """Whether torchrun (or a launcher that sets the same variables) has started more than one process."""
    return int(os.environ.get("WORLD_SIZE", 1)) > 1 and {"RANK", "MASTER_ADDR", "MASTER_PORT"} <= os.environ.keys()


def processes() -> int:
    """How many processes run."""
    return int(os.environ["WORLD_SIZE"]) if _started else 1


def world() -> int:
    """How many processes divide this run's batches."""
    return 1 if _together else processes()


def hold_together() -> None:
    """From now on all ranks run every batch, since they hold one model together."""
    global _together
    _together = True


def together() -> bool:
    """Whether the ranks run the same batches: what one does, such as a smaller batch, all must do."""
    return _together


def takes(number: int) -> bool:
    """Whether the batch of this number is this rank's to run."""
    return _together or number % world() == rank()


def rank() -> int:
    """Which of them this is: 0 writes the result and speaks to the user."""
    return int(os.environ["RANK"]) if _started else 0


def local_rank() -> int:
    """Which process of this host this is."""
    return int(os.environ.get("LOCAL_RANK", 0)) if _started else 0


def start() -> None:
    """Connect to the other ranks, where torchrun has started several.

    Raises:
        PeerEnded: they cannot be reached.
    """
    global _started
    if launched() and not _started:
        watch()
        try:
            nccl = torch.cuda.is_available() and dist.is_nccl_available()  # connected when the first tensor travels
            dist.init_process_group("cpu:gloo,cuda:nccl" if nccl else "gloo", timeout=TIMEOUT)
        except (RuntimeError, ValueError) as e:
            reason = str(e).strip().partition("\n")[0]
            raise PeerEnded(f"the processes cannot reach each other ({reason})") from e
        _started = True


def watch() -> None:
    """End at once on SIGTERM, which torchrun sends to the survivors of a rank that has ended, and on Ctrl-C.

    A thread reads the signal: a Python handler would wait for the end of a long forward, or of a long wait for peers,
    and torchrun sends a second one after the terminal's.
    """
    read, write = os.pipe()
    os.set_blocking(write, False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)

    def wait():
        number = 0
        while number not in (signal.SIGTERM, signal.SIGINT):
            number = os.read(read, 1)[0]
        line = f"{os.path.basename(sys.argv[0])}: {ENDED}" if number == signal.SIGTERM else INTERRUPTED
        end(f"\n{line}", 128 + number)  # below the progress bar

    threading.Thread(target=wait, daemon=True).start()


def end(line: str, code: int) -> None:
    """End this process; of several on a host that end so, only the first prints its line."""
    if not launched():
        print(line, file=sys.stderr)
        sys.exit(code)
    _ending.acquire()  # and never released: one thread ends the process
    sys.stdout.flush()
    if first_to_end():
        print(line, file=sys.stderr, flush=True)
    os._exit(code)  # the interpreter's own way out could wait for peers, or for a forward in another thread


def first_to_end() -> bool:
    """Whether no process of this host has ended before; torchrun's store keeps count."""
    host, attempt = (os.environ.get(name, 0) for name in ("GROUP_RANK", "TORCHELASTIC_RESTART_COUNT"))
    try:
        address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        store = dist.TCPStore(address, port, is_master=False, timeout=timedelta(seconds=5))
        return store.add(f"knowledge_boundary/{attempt}/{host}/ended", 1) == 1
    except RuntimeError:  # the store has ended too
        return True


def say(line: str) -> None:
    """Print a line that all processes of a run would print, once."""
    if rank() == 0:
        print(line, flush=True)


def stop() -> None:
    """Part from the other ranks at the end of a run; under torchrun this ends the process."""
    if _started:
        dist.destroy_process_group()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)  # a thread of gloo that lets go of a tensor now would abort an interpreter that is ending


def exchange(value=None) -> list:
    """Every rank's ``value``, by rank; all wait for each other here.

    Raises:
        PeerEnded: a rank has ended.
    """
    if processes() == 1:
        return [value]
    values = [None] * processes()
    with peers():
        dist.all_gather_object(values, value)
    return values


def gather(value) -> list | None:
    """Every rank's ``value`` at rank 0, None elsewhere.

    Raises:
        PeerEnded: a rank has ended.
    """
    if processes() == 1:
        return [value]
    values = [None] * processes() if rank() == 0 else None
    with peers():
        dist.gather_object(value, values)
    return values


@contextlib.contextmanager
def peers():
    """Turns a connection that breaks into ``PeerEnded``."""
    try:
        yield
    except RuntimeError as e:
        raise PeerEnded(ENDED) from e


def as_forward(model, inner, function):
    """``function()`` as the forward pass of ``model``, which wraps ``inner``.

    DistributedDataParallel adds up the gradients of what its own forward pass has run, so the loss must be computed
    there. While it is called, ``inner`` does ``function`` in place of its own forward pass.
    """
    if model is inner:
        return function()
    before = inner.__dict__.get("forward")

    def forward(_):
        restore()
        return function()

    def restore():
        if before is None:
            inner.__dict__.pop("forward", None)
        else:
            inner.forward = before

    inner.forward = forward
    try:
        return model(None)
    finally:
        restore()


@contextlib.contextmanager
def training():
    """Turns a connection that breaks under the exchange of gradients into ``PeerEnded``; other errors pass."""
    try:
        yield
    except RuntimeError as e:
        if world() > 1 and (isinstance(e, dist.DistError) or "gloo" in str(e).lower()):
            raise PeerEnded(ENDED) from e
        raise


@contextlib.contextmanager
def first_on_host():
    """One process of each host goes first, the others follow: for what is downloaded or converted once."""
    if local_rank() > 0:
        exchange()
    yield
    if local_rank() == 0:
        exchange()


def device(name: str) -> torch.device:
    """The device of this rank's model: where a host has several GPUs, its ranks take them in turn."""
    if processes() > 1 and name.startswith("cuda:"):
        raise UserError(
            f"--device {name}: one GPU for {processes()} processes; give --device cuda, which are taken in turn"
        )
    if processes() > 1 and name == "cuda":
        found = torch.device("cuda", local_rank() % max(1, torch.cuda.device_count()))
        torch.cuda.set_device(found)
        return found
    return torch.device(name)
