"""An evaluation made of others: one model's answers, withheld by another's score, or by a score of several signals.

gate   the answers of --answers, refused by the score of --by: what a tuned model knows, at no loss of what the initial
       one can say
stack  the answers of --answers, refused by a logistic regression on --answers' and --more's signals, fitted to which
       answers are right on --fit_on; there the scores are those of five-fold cross-fitting, so that a threshold can
       still be chosen on it
choose of the answers of --answers and of all --more, the one that such a regression, one for each evaluation, finds
       most likely right; its score is what withholds it
rank   the answers of --answers, refused by the rank of their score within their own test set: a threshold chosen on one
       set then carries over to another by coverage and not by value (that needs all the questions of a set at once)

Examples:
  python experiments/combine.py gate --answers eval_init_refuse.json --by eval_soft.json --base_eval eval_init.json
  python experiments/combine.py stack --answers eval_init_refuse.json --more eval_init.json --base_eval eval_init.json
"""

from pathlib import Path

import numpy as np

from knowledge_boundary import cli, options
from knowledge_boundary.evaluation import alike, pools, scores
from knowledge_boundary.evaluation.signals import signal_of
from knowledge_boundary.knowledge.agreement import agrees
from knowledge_boundary.questions.records import from_record
from knowledge_boundary.running.errors import UserError
from knowledge_boundary.running.journal import Run
from knowledge_boundary.running.results import read_json, sha256_json

SIGNALS = ("confidence", "refusal_prompt", "sure", "probe")  # of each evaluation, those that all its records have
FOLDS = 5


def arguments():
    """The script's flags."""
    parser = cli.Parser(__doc__)
    parser.add_argument("how", choices=("gate", "stack", "choose", "rank"))
    parser.add_argument("--answers", required=True, help="the evaluation whose answers are given or withheld")
    parser.add_argument("--by", help="gate: the evaluation whose score decides")
    parser.add_argument("--more", nargs="*", default=[], help="stack, choose: further evaluations")
    parser.add_argument("--fit_on", default="world_facts/dev", help="stack, choose: the test set that it is fitted on")
    parser.add_argument("--base_eval", required=True, help="the initial model's, with the basic prompt")
    parser.add_argument("--name", required=True)
    options.add_run_arguments(parser)
    return parser.parse_args()


def in_order(evaluated: dict, records, where: str) -> list:
    """The records of another evaluation in the order of ``records``; UserError if it lacks one."""
    own = {(r["dataset"], r["id"]): r for r in evaluated["records"]}
    missing = next((r["id"] for r in records if (r["dataset"], r["id"]) not in own), None)
    if missing:
        raise UserError(f"{where}: has no {missing}; evaluate both on the same questions")
    return [own[r["dataset"], r["id"]] for r in records]


def features(evaluations: list) -> np.ndarray:
    """[records, features]: each evaluation's signals, and whether its forced answer says what the first one's does."""
    first, columns = evaluations[0], []
    for records in evaluations:
        columns += [values for name in SIGNALS if np.isfinite(values := signal_of(records, name)).all()]
    for records in evaluations[1:]:
        pairs = zip(first, records, strict=True)
        columns.append([agrees(from_record(a), a["forced"]["text"], [b["forced"]["text"]])[0] for a, b in pairs])
    return np.array(columns, dtype=np.float64).T


def stacked(evaluations: list, fit_on: str, seed: int) -> np.ndarray:
    """log p / (1 − p) [records] of the first evaluation's answers being right."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import KFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x = features(evaluations)
    right = np.array([r["forced"]["outcome"] == "correct" for r in evaluations[0]])
    own = np.flatnonzero([r["dataset"] == fit_on for r in evaluations[0]])
    if not len(own):
        raise UserError(f"--fit_on {fit_on}: no such test set in --answers")
    if min(right[own].sum(), (~right[own]).sum()) < FOLDS:
        raise UserError(f"--fit_on {fit_on}: fewer than {FOLDS} answers are right, or wrong; fit on other questions")

    def fitted(rows):
        return make_pipeline(StandardScaler(), LogisticRegression()).fit(x[rows], right[rows])

    found = fitted(own).decision_function(x)
    for learnt, left_out in KFold(FOLDS, shuffle=True, random_state=seed).split(own):
        found[own[left_out]] = fitted(own[learnt]).decision_function(x[own[left_out]])
    return found


def ranked(records) -> np.ndarray:
    """The share of a record's own test set whose score is at most its own [records]; ties count in the middle."""
    from scipy.stats import rankdata

    values, labels = own_scores(records, "--answers"), np.array([r["dataset"] for r in records])
    found = np.full(len(records), np.nan)
    for label in np.unique(labels):
        scored = (labels == label) & np.isfinite(values)
        found[scored] = rankdata(values[scored]) / scored.sum()
    return found


def own_scores(records, where: str) -> np.ndarray:
    """The records' scores [records]; UserError if none has one."""
    values = signal_of(records, "score")
    if not np.isfinite(values).any():
        raise UserError(f"{where}: no record has a score")
    return values


def combined(how: str, evaluations: list, fit_on: str, seed: int) -> tuple[list, np.ndarray]:
    """The records that answer [records], and what withholds them [records].

    Args:
        how: ``gate``, ``stack``, ``choose`` or ``rank``, as the script's docstring has them.
        evaluations: the records of each evaluation, all in one order, --answers' first.
        fit_on: the test set that a regression is fitted on.
        seed: of its folds.
    """
    answers = evaluations[0]
    if how == "gate":
        return answers, own_scores(evaluations[1], "--by")
    if how == "rank":
        return answers, ranked(answers)
    if how == "stack":
        return answers, stacked(evaluations, fit_on, seed)
    likely = np.array([stacked([e, *(o for o in evaluations if o is not e)], fit_on, seed) for e in evaluations])
    return [evaluations[i][k] for k, i in enumerate(likely.argmax(0))], likely.max(0)


def main():
    """Write eval_NAME.json."""
    args = arguments()
    paths = [args.answers, *{"gate": [args.by], "rank": []}.get(args.how, args.more)]
    if args.how == "gate" and not args.by:
        raise UserError("gate: by which evaluation's score? give --by")
    files = [read_json(path, "eval_refusal", "--answers") for path in paths]
    base = read_json(args.base_eval, "eval_refusal", "--base_eval")
    for file, path in [*zip(files, paths, strict=True), (base, args.base_eval)]:
        pools.check_file(file, path)
        pools.check_forced(file, path)
        alike.check_judged_alike(file["meta"], files[0]["meta"], path, paths[0])
    answers = files[0]
    evaluations = [in_order(file, answers["records"], path) for file, path in zip(files, paths, strict=True)]
    given, values = combined(args.how, evaluations, args.fit_on, args.seed)
    model = answers["meta"]["model"] | {
        "fingerprint": sha256_json([f["meta"]["model"] for f in files] + [args.how])[:16]
    }
    path = Path(args.output_dir or Path(args.answers).parent) / f"eval_{args.name}.json"
    asked = {key: answers["meta"]["args"].get(key) for key in ("prompt", "wording", "thinking", "refusal", "match")}
    asked |= {"match_threshold": answers["meta"]["args"].get("match_threshold")}
    run = Run(
        "eval_refusal",
        path,
        vars(args) | asked,
        model,
        answers["meta"]["dataset"],
        [*paths, args.base_eval],
        answers["meta"].get("judge"),
    )
    if run.finished():
        return cli.already_done(run.path)
    records = [r | {"score": None if np.isnan(v) else float(v)} for r, v in zip(given, values, strict=True)]
    summary = {}
    for label in answers["summary"]["datasets"]:
        own = [r for r in records if r["dataset"] == label]
        asked_for = {r["id"]: bool(r.get("should_abstain")) for r in own}
        initial = alike.records_of(base, label, asked_for, f"--base_eval {args.base_eval}")
        summary[label] = scores.summarise(own, initial, args.seed)
    run.finish({"model": args.name, "datasets": summary}, records)
    cli.closing([run.path], "python eval_refusal.py --calibrate FILE…")


if __name__ == "__main__":
    cli.run(main)
