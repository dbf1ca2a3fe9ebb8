"""The questions behind a report, for its table to search: each text once, its answers and states beside a question."""

import base64
import hashlib
import json
from pathlib import Path

from .drawing import OUTCOMES

SCRIPT = Path(__file__).with_name("report.js")
# What could end the script element that holds the data, or, in old readers, a line of it.
ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def question_table(base, state_init, state_rehearsal, selections, evaluations) -> dict | None:
    """All questions that were evaluated, then those that only a state or a selection knows; None without any.

    A question is the same in two files where its id and its text are.

    Args:
        base: name of the model that the others are compared with; its answers decide what is over-refused or new.
        state_init: the content of ``state_init.json``, or None.
        state_rehearsal: of ``state_rehearsal.json``, or None.
        selections: of ``selection_METHOD.json``, in the order shown.
        evaluations: of ``eval_NAME.json``, in the order shown.

    Returns:
        Lists of names that rows refer to by position: ``models``, ``datasets``, ``subjects``, ``outcomes``, ``methods``
        (and ``taus``, the similarity threshold of each), ``labels``, ``reasons``, ``texts``; ``initial``, the position
        of ``base`` in ``models``, or null; and ``rows``: ``id``, ``subject``, ``question``, ``answer``, and where there
        are any ``choices``, ``aliases``, ``dataset``, ``answers`` (per model [outcome, output, confidence] or null),
        ``state`` ([Cor, Cor after rehearsal, Cer, Cer after]), ``selected`` (per method [label, reason, row of the
        nearest question of D_van, similarity] or null).
    """
    names = {key: {} for key in ("datasets", "subjects", "labels", "reasons", "texts")}

    def place(key, value):
        return None if value is None else names[key].setdefault(value, len(names[key]))

    def new_row(record):
        rows.append({"id": record["id"], "subject": place("subjects", record["subject"])})
        rows[-1] |= {key: place("texts", record[key]) for key in ("question", "answer")}
        lists = {key: [place("texts", t) for t in record.get(key) or ()] for key in ("choices", "aliases")}
        rows[-1] |= {key: texts for key, texts in lists.items() if texts}
        by_question.setdefault(_key(record), []).append(rows[-1])
        return rows[-1]

    def rows_of(record):
        return by_question.get(_key(record)) or [new_row(record)]

    rows, by_question, evaluated = [], {}, {}
    outcomes = list(OUTCOMES)
    for i, evaluation in enumerate(evaluations):
        for r in evaluation["records"]:
            key = r["dataset"], *_key(r)
            if key not in evaluated:
                answers = [None] * len(evaluations)
                evaluated[key] = new_row(r)
                evaluated[key] |= {"dataset": place("datasets", r["dataset"]), "answers": answers}
            said = outcomes.index(r["outcome"]), place("texts", r.get("output")), _rounded(r.get("confidence"))
            evaluated[key]["answers"][i] = said
    for r, values in _states(state_init, state_rehearsal, selections):
        for row in rows_of(r):
            known = row.get("state", [None] * 4)
            row["state"] = [old if new is None else _rounded(new) for old, new in zip(known, values, strict=True)]
    numbers = {id(row): i for i, row in enumerate(rows)}
    for k, selection in enumerate(selections):
        at = {r["id"]: numbers[id(rows_of(r)[0])] for r in selection["records"]}
        for r in selection["records"]:
            verdict = [place("labels", r["label"]), place("reasons", r["reason"])]
            verdict += [at.get(r.get("nearest")), _rounded(r.get("similarity"))]
            for row in rows_of(r):
                row.setdefault("selected", [None] * len(selections))[k] = verdict
    models = [e["summary"]["model"] for e in evaluations]
    table = {
        "models": models,
        "initial": models.index(base) if base in models else None,
        "methods": [s["summary"]["method"] for s in selections],
        "taus": [s["meta"]["args"].get("tau_sim") for s in selections],
        "outcomes": [name for name, _ in OUTCOMES.values()],
        **{key: list(values) for key, values in names.items()},
        "rows": rows,
    }
    return table if rows else None


def _key(record) -> tuple:
    return record["id"], record["question"]


def _rounded(x):
    return None if x is None else round(x, 4)


def _states(state_init, state_rehearsal, selections):
    """(record, [Cor, Cor after rehearsal, Cer, Cer after]) from every file that knows some of the four."""
    for selection in selections:
        for r in selection["records"]:
            yield r, [r["cor_init"], r["cor_rehearsal"], r["cer_init"], None]
    for r in (state_init or {}).get("records", ()):
        yield r, [r["cor"], None, r["cer"], None]
    for r in (state_rehearsal or {}).get("records", ()):
        yield r, [None, r["cor"], None, r["cer"]]


def embedded(data) -> str:
    """``data`` as JSON that may stand in a script element."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).translate(ESCAPES)


def script() -> tuple[str, str]:
    """The page's script, and its hash as a Content-Security-Policy names it."""
    text = SCRIPT.read_text(encoding="utf-8")
    return text, "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
