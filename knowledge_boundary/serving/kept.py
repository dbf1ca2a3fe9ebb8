"""What a server has answered, kept on disk until the run's result is written: nothing is asked twice."""

import hashlib
import json
import os
import threading
from pathlib import Path

from ..running.errors import UserError
from ..running.journal import DISCARD
from .replies import Reply


class Kept:
    """A file of JSON Lines, one a reply, on disk when ``add`` returns; its first names the run that it is of.

    Args:
        path: of the file, written with the first reply; None: replies are kept in memory alone.
        run: what tells the run from others.

    Raises:
        UserError: the file is of another run, or damaged.
    """

    def __init__(self, path: Path | None = None, run: str = ""):
        self.path, self.run = Path(path) if path else None, run
        self.replies, self.prompt_tokens, self.ways, self.abilities = {}, {}, {}, {}
        self.lock = threading.Lock()
        self.totals = {"requests": 0, "tokens_in": 0, "tokens_out": 0, "retries": 0, "seconds": 0.0}
        self.uncounted = 0  # replies whose tokens the server has not counted
        self.read()

    def read(self) -> None:
        """Take what the file has; a torn last line is cut off, so that what is added starts on its own line."""
        if self.path is None or not self.path.exists():
            return
        whole = self.path.read_bytes().split(b"\n")[:-1]
        with open(self.path, "r+b") as f:
            f.truncate(sum(len(line) + 1 for line in whole))
        for number, line in enumerate(whole, 1):
            try:
                found = json.loads(line)
                if number == 1 and found["run"] != self.run:
                    raise UserError(f"{self.path} is of another run; {DISCARD}")
                if number > 1:
                    self.take(found)
            except (ValueError, TypeError, KeyError, AttributeError) as e:
                raise UserError(f"{self.path}: line {number} is damaged ({type(e).__name__}); {DISCARD}") from e

    def take(self, line: dict) -> None:
        """Count a line of the file."""
        if "way" in line:
            self.ways[line["key"]] = tuple(line["way"])
        elif "abilities" in line:
            self.abilities[line["key"]] = line["abilities"]
        else:
            self.replies[line["key"]] = [Reply(**one) for one in line["replies"]]
            self.prompt_tokens[line["key"]] = line.get("in")
            self.uncounted += None in (line.get("in"), line.get("out"))
            more = (1, line.get("in") or 0, line.get("out") or 0, line["retries"], line["seconds"])
            self.totals = {name: n + m for (name, n), m in zip(self.totals.items(), more, strict=True)}

    def add(self, line: dict) -> None:
        """Keep one line; on disk when this returns."""
        with self.lock:
            self.take(line)
            if self.path is None:
                return
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with open(self.path, "a", encoding="utf-8") as f:
                if f.tell() == 0:
                    f.write(json.dumps({"run": self.run}) + "\n")
                f.write(json.dumps(line, ensure_ascii=False) + "\n")
                f.flush()
                os.fsync(f.fileno())

    def note(self, what: str, subject: str, way: str) -> None:
        """Keep by which ``way`` a probability was found: ``what`` of (letters, sureness), ``subject`` its prompt."""
        key = hashed([what, subject])
        if self.ways.get(key) != (what, way):
            self.add({"key": key, "way": [what, way]})

    def count_of_ways(self) -> dict:
        """{what: {way: how often}}."""
        found = {}
        for what, way in self.ways.values():
            found.setdefault(what, {}).setdefault(way, 0)
            found[what][way] += 1
        return {what: dict(sorted(own.items())) for what, own in sorted(found.items())}


def hashed(value) -> str:
    """What names a request: the hash of all that is sent."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]
