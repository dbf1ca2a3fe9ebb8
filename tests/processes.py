"""Stages in several processes, and how far a training in another process has come."""

import socket
import subprocess
import sys
from pathlib import Path

import tiny


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def torchrun(cwd, processes, *line, nodes=1, node=0, port=None) -> subprocess.Popen:
    """Start a stage in ``processes`` processes of a host in a folder of its own, where ``logs`` has their output."""
    cwd.mkdir(exist_ok=True)
    address = ["--master_addr", "127.0.0.1", "--master_port", port or free_port()]
    script, *flags = line
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", processes, "--nnodes", nodes,
        "--node_rank", node, *address, "--log_dir", cwd / "logs", "--redirects", 3, tiny.ROOT / script, *flags,
    ]  # fmt: skip
    with open(cwd / "launcher.log", "ab") as log:
        return subprocess.Popen(list(map(str, command)), cwd=cwd, env=tiny.environment(), stdout=log, stderr=log)


def output(cwd) -> str:
    """What the processes of the last start under ``cwd`` printed; torchrun's own report is elsewhere."""
    last = max((cwd / "logs").iterdir(), key=lambda folder: folder.stat().st_mtime)
    return "".join(p.read_text(errors="replace") for p in sorted(last.rglob("std*.log")))


def child(launcher, rank) -> int:
    """The process id of a rank."""
    for pid in Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split():
        if f"RANK={rank}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            return int(pid)
    raise AssertionError(f"no rank {rank}")


def reached(folder, step):
    """``() → bool``: whether the checkpoint of ``step`` or a later one is whole."""
    return lambda: any(int(p.parent.name.split("-")[1]) >= step for p in folder.glob("checkpoint-*/complete"))
