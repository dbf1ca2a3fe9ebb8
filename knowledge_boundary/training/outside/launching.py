"""How a trainer outside this program is launched: the words that start it, and how many processes they start."""

import json
import os
import re
import shlex
import subprocess

from ...running.errors import UserError

LAUNCHERS = {
    "python": [],
    "torchrun": ["-m", "torch.distributed.run"],
    "accelerate": ["-m", "accelerate.commands.launch"],
    "deepspeed": ["-m", "deepspeed.launcher.runner"],
}


def absolute(python: str) -> str:
    """The path of an interpreter that runs in another folder; a virtual environment's link must not be resolved."""
    return os.path.abspath(os.path.expanduser(python)) if "/" in python else python


def asked(python: str, code: str, variables: dict, named: str) -> dict:
    """What ``code`` says of an environment, as one line of JSON: its last; ``error`` where it says nothing.

    Args:
        python: the environment's interpreter.
        code: a program that prints the line, with ``missing`` or ``error`` in it for what it lacks.
        variables: the environment variables that it runs with.
        named: how the user names the interpreter, for errors.

    Raises:
        UserError: the interpreter cannot be run.
    """
    try:
        done = subprocess.run([python, "-c", code], env=variables, capture_output=True, text=True, check=False)
    except OSError as e:
        raise UserError(f"{named}={python}: cannot be run ({e.strerror})") from e
    lines = done.stdout.strip().splitlines() or [""]
    return json.loads(lines[-1]) if lines[-1].startswith("{") else {"error": f"exit code {done.returncode}"}


def install(python, packages) -> None:
    """Install ``packages``, pip's arguments, into the environment of ``python``.

    Raises:
        UserError: pip can't.
    """
    print(f"Installing {' '.join(packages)}", flush=True)
    line = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    done = subprocess.run(line, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        reason = next((x for x in done.stderr.splitlines() if "ERROR" in x), f"exit code {done.returncode}")
        raise UserError(
            f"pip could not install ({reason.strip()}); when it can, the same command goes on: {' '.join(line)}"
        )


def counted(words) -> int | None:
    """How many processes a launcher's words start on all hosts, or None where they do not say."""
    line = " ".join(words)

    def number(*names):
        found = re.search(rf"--(?:{'|'.join(names)})[= ](\d+)", line)
        return int(found[1]) if found else None

    if words[0] == "python":
        return 1
    if words[0] == "torchrun":
        per_host = number("nproc[_-]per[_-]node")
        return per_host and per_host * (number("nnodes") or 1)
    if words[0] == "accelerate":
        return number("num_processes")
    per_host = number("num_gpus")
    return per_host and per_host * (number("num_nodes") or 1)


def node(words) -> int:
    """Which of several hosts the launcher's words are for; the first one, 0, writes."""
    found = re.search(r"--(?:node[_-]rank|machine_rank)[= ](\d+)", " ".join(words))
    return int(found[1]) if found else 0


def given(words: str, processes: int | None) -> tuple[list, int]:
    """A launcher's words, and how many processes they start on all hosts.

    Args:
        words: as the user gave them.
        processes: as the user gave it; None: as the words say.

    Raises:
        UserError: a launcher that is not known, or whose number of processes is not.
    """
    found = shlex.split(words)
    if found[:1] not in [[name] for name in LAUNCHERS]:
        raise UserError(f"--launcher {words}: begins with none of {', '.join(LAUNCHERS)}")
    processes = processes or counted(found)
    if not processes:
        raise UserError(
            f"--launcher {words}: does not say how many processes it starts; "
            f"--processes N does (on all hosts; --batch_size is divided by it)"
        )
    return found, processes


def usual(processes: int) -> list:
    """The words that start so many processes on this host."""
    return ["python"] if processes == 1 else ["torchrun", "--standalone", "--nproc_per_node", str(processes)]


def launched(python: str, words) -> list:
    """The launcher's words as a command of the trainer's environment."""
    name, *options = words
    if name == "accelerate" and options[:1] == ["launch"]:
        options = options[1:]
    return [python, *LAUNCHERS[name], *options]
