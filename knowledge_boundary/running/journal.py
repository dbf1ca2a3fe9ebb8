"""One run of a stage: its identity, the journal that makes it resumable, its final file.

While a stage runs, its finished records go to ``NAME.json.partial`` (JSON Lines; the first line is the run's identity),
so that the same command resumes after a kill. Of several processes (``ranks``) each has a journal of its own, and rank
0 alone writes the result.
"""

import json
import os
import platform
import re
import subprocess
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .. import __version__
from . import ranks
from .errors import UserError
from .results import clean, read_json, sha256_file, write_json, write_text

# What decides a result besides the arguments. Where and whether to write decides nothing.
PACKAGES = ("torch", "transformers", "tokenizers", "peft", "numpy")
# Inputs and models are compared by content, not by where they lie; a training without memory resumes in smaller parts.
NOT_IDENTITY = (
    "output_dir",
    "overwrite",
    "model",
    "judge_model",
    "dataset",
    "data_dir",
    "state",
    "state_init",
    "state_rehearsal",
    "data",
    "base_eval",
    "probe_state",
    "compare",
    "calibrate",
    "calibration",
    "include",
    "micro_batch_tokens",
    "gradient_checkpointing",
    # What they come to for this model is compared.
    "device_map",
    "tensor_parallel",
    "load_in",
    # How a server is asked, and where it is.
    "base_url",
    "judge_base_url",
    "concurrency",
    "max_requests",
)
OF_MODEL = ("fingerprint", "revision", "dtype", "device", "quantised", "device_map", "tensor_parallel")
DISCARD = "--overwrite discards it, --output_dir writes elsewhere"


def package_versions() -> dict:
    """Versions of this program, Python and the packages that can move a number."""
    versions = {"knowledge_boundary": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    return versions


def git_commit() -> str | None:
    """The checkout's commit, or None outside a git checkout."""
    here = Path(__file__).resolve().parent
    found = subprocess.run(
        ["git", "rev-parse", "--verify", "--quiet", "HEAD"], cwd=here, capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or None


def record_key(record: dict) -> str:
    """A record's key in a run: its id, behind its data set where a file holds several."""
    return f"{record['dataset']}:{record['id']}" if "dataset" in record else record["id"]


class Run:
    """One run of a stage: its identity, its journal, its final file.

    Args:
        stage: the script's name without ``.py``.
        path: the final JSON file.
        arguments: all of the stage's, resolved, for ``meta.args``; ``overwrite`` discards what another run left.
        model: ``meta.model`` (see ``loading.describe``), or None.
        dataset: ``meta.dataset`` (see ``QuestionSet.describe``), or None.
        inputs: the files of earlier stages that this one reads.
        judge: ``meta.judge`` (see ``judge.describe``); None: no model judges, and ``meta`` has no such key.
    """

    def __init__(self, stage: str, path, arguments: dict, model=None, dataset=None, inputs=(), judge=None):
        self.path = Path(path)
        self.partial = self.path.with_name(self.path.name + ".partial")
        # What servers have answered, of the model asked and of the judge (``serving.kept``).
        self.kept, self.kept_judge = (self.path.with_name(f"{self.partial.name}.{of}") for of in ("served", "judge"))
        self.records = {}  # finished ones that this process knows, by record_key
        self.done = set()  # keys of what was finished on any rank when this run began
        self.given = set()  # those of them that a lower rank gives to rank 0 in the end
        self.batches = -1  # number of the last unfinished batch
        self.started = datetime.now(UTC)
        self.clock = time.monotonic()
        self.args = clean(arguments)
        self.meta = {
            "stage": stage,
            "args": self.args,
            "model": model,
            **({"judge": judge} if judge else {}),
            "dataset": dataset,
            "inputs": [{"path": str(p), "sha256": sha256_file(p)} for p in inputs],
            "versions": package_versions(),
            "git_commit": git_commit(),
            "seed": self.args.get("seed"),
        }

    def identity(self, meta=None) -> dict:
        """What must agree for two runs to be the same run: a flat {name: value}."""
        meta = clean(meta or self.meta)
        flat = {"stage": meta["stage"]}
        flat |= {f"--{k}": v for k, v in meta["args"].items() if k not in NOT_IDENTITY}
        flat |= {f"model.{k}": (meta["model"] or {}).get(k) for k in OF_MODEL}
        judged_by = (*OF_MODEL, "prompt_sha256") if meta.get("judge") else ()
        flat |= {f"judge.{k}": meta["judge"].get(k) for k in judged_by}
        flat |= {f"dataset.{k}": (meta["dataset"] or {}).get(k) for k in ("name", "split", "n", "sha256")}
        flat |= {f"inputs[{i}].sha256": x["sha256"] for i, x in enumerate(meta["inputs"])}
        flat |= {f"versions.{k}": v for k, v in meta["versions"].items()}
        return flat

    def refuse_another(self, other: dict, what, mend: str) -> None:
        """Raise UserError naming what differs and how to mend it, if ``other`` is the identity of another run."""
        mine = self.identity()
        differing = [k for k in mine.keys() | other.keys() if mine.get(k) != other.get(k)]
        if differing:
            k = min(differing, key=lambda name: (name.startswith(("model.", "judge.")), name))
            more = f" (and {len(differing) - 1} more)" if len(differing) > 1 else ""
            raise UserError(f"{what} is of another run: {k} was {other.get(k)!r}, is now {mine.get(k)!r}{more}; {mend}")

    def finished(self) -> dict | None:
        """The final file's content if this very run has ended before, else None; on all ranks what rank 0 finds.

        Raises:
            UserError: the final file is of another run, and ``--overwrite`` was not given.
        """
        result = None
        if ranks.rank() == 0 and not self.args.get("overwrite") and self.path.exists():
            result = read_json(self.path, self.meta["stage"], "output")
            self.refuse_another(self.identity(result["meta"]), self.path, DISCARD)
        return ranks.exchange(result)[0]

    def journals(self) -> list:
        """The journals of this run that this host sees, of any number of processes."""
        pattern = re.compile(re.escape(self.partial.name) + r"(\.\d+)?")
        return sorted(p for p in self.partial.parent.glob("*") if pattern.fullmatch(p.name))

    @property
    def own_journal(self) -> Path:
        """The journal that this process writes: NAME.json.partial, of a rank above 0 NAME.json.partial.RANK."""
        return self.partial.with_name(self.partial.name + (f".{ranks.rank()}" if ranks.rank() else ""))

    def resume(self) -> int:
        """Read what interrupted runs of the same identity have finished; returns how many records.

        Any number of processes on any hosts may have left it; after this all agree on what is finished.

        Raises:
            UserError: a journal is of another run, or another process runs another command.
        """
        if self.args.get("overwrite"):
            self.discard_journals()
        for journal in self.journals():
            self.records = self.read_journal(journal) | self.records
        found = ranks.exchange((clean(self.identity()), list(self.records)))
        for rank, (identity, _) in enumerate(found):
            self.refuse_another(identity, f"process {rank}", "give all hosts the same command, data and versions")
        keys = [set(own) for _, own in found]
        self.done = set().union(*keys)
        self.given = set().union(*keys[: ranks.rank()])
        return len(self.done)

    def read_journal(self, journal: Path) -> dict:
        """A journal's records by key. A torn last line is cut off, so that what is appended starts on its own line.

        Raises:
            UserError: it is of another run, or damaged.
        """
        lines = journal.read_bytes().split(b"\n")[:-1]
        try:
            identity, *records = map(json.loads, lines or [b"{}"])
            found = {record_key(r): r for r in records}
            identity.keys()
        except (ValueError, TypeError, AttributeError, KeyError) as e:
            raise UserError(f"{journal}: damaged ({type(e).__name__}); --overwrite discards it") from e
        if lines:
            self.refuse_another(identity, journal, DISCARD)
        with open(journal, "r+b") as f:
            f.truncate(sum(len(line) + 1 for line in lines))
        return found

    def skip(self, keys):
        """``indices → bool`` for the engine: whether a batch of ``keys`` is finished, or another process's to do.

        The batches are a fixed function of questions and flags, and the engine asks once for each, in order, on every
        rank: so the unfinished ones go to the ranks in turn, and their results do not depend on how many there are.
        """

        def skip(indices):
            if self.done.issuperset(keys[i] for i in indices):
                return True
            self.batches += 1
            return not ranks.takes(self.batches)

        return skip

    def begin(self) -> None:
        """Write the journal's first line, the run's identity, where there is none yet."""
        if not self.own_journal.exists() or self.own_journal.stat().st_size == 0:
            write_text(self.own_journal, json.dumps(clean(self.identity()), ensure_ascii=False) + "\n")

    def journal(self, records) -> None:
        """Append finished records to the journal, on disk when this returns."""
        records = clean(records)
        self.records |= {record_key(r): r for r in records}
        if ranks.together() and ranks.rank():
            return  # the first process has the same ones
        self.begin()  # not before: a run that ends on bad input leaves nothing behind
        with open(self.own_journal, "a", encoding="utf-8") as f:
            f.writelines(json.dumps(r, ensure_ascii=False, allow_nan=False) + "\n" for r in records)
            f.flush()
            os.fsync(f.fileno())

    def fill(self, batches, keys, progress=lambda n: None) -> list | None:
        """Journal every batch of records that ``batches`` yields, then ``collect`` all of ``keys``.

        ``progress`` is called with the number of records in each batch.
        """
        for records in batches:
            self.journal(records)
            progress(len(records))
        return self.collect(keys)

    def collect(self, keys) -> list | None:
        """All records in the order of ``keys``, at rank 0, which goes on to ``finish``.

        The other ranks give theirs, wait until the result is written, remove their journals, and get None.
        """
        found = ranks.gather({key: r for key, r in self.records.items() if key not in self.given})
        if found is None:
            ranks.exchange()
            self.discard_journals()
            return None
        for part in found[1:]:
            self.records = part | self.records
        return [self.records[key] for key in keys]

    def discard_journals(self) -> None:
        """Remove the journals that this host sees, and what servers have answered."""
        for journal in (*self.journals(), self.kept, self.kept_judge):
            journal.unlink(missing_ok=True)

    def finish(self, summary: dict, records: list) -> dict:
        """Write the final file and remove the journals; returns the result."""
        times = {"started": self.started.isoformat(timespec="seconds")}
        times["seconds"] = round(time.monotonic() - self.clock, 1)
        result = clean({"meta": self.meta | times, "summary": summary, "records": records})
        write_json(self.path, result)
        ranks.exchange()  # the others wait for this in ``collect``
        self.discard_journals()
        return result
