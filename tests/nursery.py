"""A process that has imported what the stages import, and forks one for each stage that a test starts.

A stage in a fresh interpreter spends seconds on imports. One that is forked here has a process, a session, a working
directory, an environment and output of its own, and can be killed like any other. Tests of the shell's commands start
fresh interpreters all the same.
"""

import atexit
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


class Child:
    """A stage's process, as ``subprocess.Popen`` would have it."""

    def __init__(self, connection):
        self.connection, self.returncode = connection, None
        self.pid = self._read()

    def _read(self) -> int:
        line = self.connection.recv(32)
        while not line.endswith(b"\n"):
            line += self.connection.recv(32)
        return int(line)

    def poll(self):
        """The exit code if it has ended, negative for a signal; else None."""
        if self.returncode is None:
            with selectors.DefaultSelector() as selector:
                selector.register(self.connection, selectors.EVENT_READ)
                if selector.select(0):
                    self.wait()
        return self.returncode

    def wait(self) -> int:
        """The exit code, once it has ended."""
        if self.returncode is None:
            self.returncode = self._read()
            self.connection.close()
        return self.returncode


class Nursery:
    """The parent of the stages' processes; ends with this one."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "socket")
        command = [sys.executable, __file__, self.path]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
        self.process.stdout.readline()  # it listens
        atexit.register(self.close)

    def start(self, cwd, argv, environment, out, err) -> Child:
        """Fork a process that runs ``argv``: [script or module, flags…]; ``out`` and ``err`` take its output."""
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self.path)
        request = json.dumps({"cwd": str(cwd), "argv": argv, "environment": environment}).encode() + b"\n"
        socket.send_fds(connection, [request], [out.fileno(), err.fileno()])
        return Child(connection)

    def close(self):
        """End it."""
        self.process.stdin.close()
        self.process.wait()
        self.folder.cleanup()


def run(request, output) -> int:
    """The forked process: become the stage, run it; returns its exit code."""
    os.setsid()
    os.chdir(request["cwd"])
    for stream, own in zip((1, 2), output, strict=True):
        os.dup2(own, stream)
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = request["argv"]
    try:
        if sys.argv[0].endswith(".py"):
            sys.path.insert(0, os.path.dirname(sys.argv[0]))
            runpy.run_path(sys.argv[0], run_name="__main__")
        else:
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    except SystemExit as e:
        return e.code if isinstance(e.code, int) else int(e.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def serve(path):
    """Fork for each request until the parent's end of stdin closes."""
    import datasets  # noqa: F401
    import matplotlib.figure  # noqa: F401
    import peft  # noqa: F401
    import sentence_transformers  # noqa: F401

    from knowledge_boundary import finetune  # noqa: F401
    from knowledge_boundary.reporting import report  # noqa: F401

    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()
    selector = selectors.DefaultSelector()
    selector.register(server, selectors.EVENT_READ, None)
    selector.register(0, selectors.EVENT_READ, None)
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            if key.fileobj == 0:
                return
            if key.fileobj is server:
                connection, _ = server.accept()
                data, output, *_ = socket.recv_fds(connection, 65536, 2)
                while not data.endswith(b"\n"):
                    data += connection.recv(65536)
                pid = os.fork()
                if pid == 0:
                    signal.set_wakeup_fd(-1)
                    selector.close()
                    server.close()
                    connection.close()
                    code = run(json.loads(data), output)
                    sys.stdout.flush()
                    sys.stderr.flush()
                    os._exit(code)
                for own in output:
                    os.close(own)
                connection.sendall(f"{pid}\n".encode())
                selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, connection))
            else:  # a child has ended
                pid, connection = key.data
                status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                selector.unregister(key.fileobj)
                os.close(key.fd)
                connection.sendall(f"{status}\n".encode())
                connection.close()


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    serve(sys.argv[1])
