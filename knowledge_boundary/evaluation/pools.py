"""Evaluations of a calibration split, pooled by model and by how they were asked, beside the initial model's."""

import math
from dataclasses import dataclass

from ..running.errors import UserError
from ..running.results import sha256_json
from . import alike
from .rates import OUTCOMES, answerable

# How a question was asked: what must agree for one threshold to mean the same; what files from before a flag count as.
ASKED = {
    "prompt": None,
    "wording": None,
    "thinking": "off",
    "refusal": "text",
    "num_shots": None,
    "scoring": "letter",
    "chat_template": False,
    "max_new_tokens": None,
    "match": None,
    "match_threshold": None,
}
NUMBERS = ("score", "cer")  # fields that may be any number; the others are from 0 to 1
SHARES = ("p_refusal", "agreement", "p_known", "p_sure")


@dataclass
class Pool:
    """Evaluations of one model, asked alike: their answerable questions, and the initial model's of the same.

    Attributes:
        model: the evaluation's name, the model's fingerprint, and how it was asked (``ASKED``).
        paths: the files.
        records: evaluation records.
        base: the initial model's, in the same order; None where it is not known.
        base_paths: the files that these are from.
        initial: the initial model's fingerprint, or None.
        where: the flag and file that errors name.
        meta: the first file's.
    """

    model: dict
    paths: list
    records: list
    base: list | None
    base_paths: list
    initial: str | None
    where: str
    meta: dict


def question_key(record: dict) -> str:
    """A question by its text and choices, whatever file it stands in; by its id, where a record has no text."""
    text = record.get("question")
    own = [text, record.get("choices")] if text else [record.get("dataset"), record["id"]]
    return sha256_json(own)[:12]


def asked_as(meta: dict) -> dict:
    """How an evaluation was asked (``ASKED``), by its ``meta``."""
    own = {key: meta["args"].get(key) for key in ASKED}
    found = {key: ASKED[key] if value is None else value for key, value in own.items()}
    return found | {"judge_model": (meta.get("judge") or {}).get("fingerprint")}


def pool_key(evaluated: dict) -> tuple:
    """What evaluations of one pool agree in."""
    return evaluated["meta"]["model"]["fingerprint"], *asked_as(evaluated["meta"]).values()


def is_number(value) -> bool:
    """Whether a value out of JSON is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def check_file(evaluated: dict, where: str) -> None:
    """UserError if an evaluation's file does not say which model was asked how, or has records that are none."""
    meta, summary = evaluated["meta"], evaluated["summary"]
    own = {"meta.model": meta.get("model"), "meta.args": meta.get("args")}
    lacking = next((key for key, value in own.items() if not isinstance(value, dict)), None)
    if lacking is None and not isinstance(meta["model"].get("fingerprint"), str):
        lacking = "meta.model.fingerprint"
    if lacking is None and not isinstance(summary.get("model"), str):
        lacking = "summary.model"
    if lacking is None and not isinstance(summary.get("datasets"), dict):
        lacking = "summary.datasets"
    if lacking is None and not isinstance(meta.get("judge") or {}, dict):
        lacking = "meta.judge"
    if lacking:
        raise UserError(f"{where}: no `{lacking}`; evaluate again with eval_refusal.py")
    alike.check_records(evaluated, where)
    sets = summary["datasets"]
    stray = next((r for r in evaluated["records"] if r["dataset"] not in sets), None)
    if stray:
        raise UserError(f"{where}: {stray['id']} is of {stray['dataset']!r}, which is no test set of this file")


def check_forced(evaluated: dict, where: str) -> None:
    """UserError if a record has no ``forced`` or ``score`` (null: there is none), or one that can't be right."""
    for number, record in enumerate(evaluated["records"], 1):
        here = f"{where}: record {number} ({record['id']})"
        lacking = next((key for key in ("forced", "score") if key not in record), None)
        if lacking:
            raise UserError(f"{here} has no `{lacking}`; evaluate again with eval_refusal.py of this version")
        forced = {} if record["forced"] is None else record["forced"]
        if not isinstance(forced, dict) or (
            forced and not (isinstance(forced.get("text"), str) and forced.get("outcome") in OUTCOMES)
        ):
            raise UserError(f"{here}: `forced` is no answer with its `text` and `outcome`; evaluate again")
        shares = {"forced.p": forced.get("p"), **{key: record.get(key) for key in SHARES}}
        for key, value in {**{key: record.get(key) for key in NUMBERS}, **shares}.items():
            if value is not None and not (is_number(value) and (key in NUMBERS or 0 <= value <= 1.000001)):
                kind = "a number" if key in NUMBERS else "a number from 0 to 1"
                raise UserError(f"{here}: `{key}` is {value!r}, not {kind}; evaluate again")


def pools(files: dict, base_file: tuple | None = None, flag: str = "--calibrate") -> list:
    """The evaluations of each model and way of asking, pooled, with the initial model's records of the same questions.

    The initial model's are those of ``base_file``, or else the evaluations by a prompt of ``alike.BASE_PROMPTS``
    that have no initial model of their own, where these are one pool.

    Args:
        files: {path: the content of ``eval_NAME.json``}.
        base_file: (path, content) of the initial model's evaluation, or None.
        flag: that gave the files, for errors.

    Raises:
        UserError: a file is none, has no answerable question, was judged otherwise than the first, or asks a question
            that another of its pool asks, or that the initial model was not asked.
    """
    for path, evaluated in files.items():
        check_file(evaluated, f"{flag} {path}")
        check_forced(evaluated, f"{flag} {path}")
    if base_file:
        check_file(base_file[1], f"--base_eval {base_file[0]}")
    initial = dict([base_file]) if base_file else initial_of(files)
    first, *others = [(f"{flag} {path}", e) for path, e in files.items()]
    for where, e in [*others, *((f"--base_eval {path}", e) for path, e in initial.items() if path not in files)]:
        alike.check_judged_alike(e["meta"], first[1]["meta"], where, first[0])
    grouped = {}
    for path, e in files.items():
        # By name too: two methods may have led to the same weights.
        grouped.setdefault((pool_key(e), e["summary"]["model"]), {})[path] = e
    return [pooled(group, initial, flag) for group in grouped.values()]


def initial_of(files: dict) -> dict:
    """Those of ``files`` that are the initial model's by the plain prompt; none where they are not all of one pool."""
    found = {path: e for path, e in files.items() if alike.is_initial(e)}
    return found if len({pool_key(e) for e in found.values()}) == 1 else {}


def pooled(group: dict, initial: dict, flag: str) -> Pool:
    """The ``Pool`` of evaluations asked alike; ``initial``: {path: content} of the initial model's, may be empty."""
    (first_path, first), *_ = group.items()
    records, rows = {}, {(r["dataset"], r["id"]): r for e in initial.values() for r in e["records"]}
    for path, e in group.items():
        for r in e["records"]:
            if (r["dataset"], r["id"]) in records:
                name = first["summary"]["model"]
                raise UserError(
                    f"{flag} {path}: {r['id']} of {r['dataset']} stands twice among the evaluations of {name}; give "
                    f"each question once"
                )
            records[r["dataset"], r["id"]] = r
    where = f"{flag} {first_path}"
    missing = next((key for key in records if key not in rows), None) if initial else None
    if missing:
        raise UserError(
            f"{where}: the initial model ({', '.join(map(str, initial))}) was not asked {missing[1]} of {missing[0]}; "
            f"evaluate it on the same questions, or name its file with --base_eval"
        )
    own, base = answerable(list(records.values()), [rows[key] for key in records] if initial else None)
    if not own:
        raise UserError(f"{where}: it has no question with an answer; calibrate on answerable questions")
    fingerprint = next((e["meta"]["model"]["fingerprint"] for e in initial.values()), None)
    model = {"name": first["summary"]["model"], "fingerprint": first["meta"]["model"]["fingerprint"]}
    return Pool(
        model | asked_as(first["meta"]), list(group), own, base, list(initial), fingerprint, where, first["meta"]
    )
