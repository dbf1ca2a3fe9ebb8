"""Stage 4: refusal-aware data, D_van and D_idk, by Van-Tuning, Cor-RAIT, Cor-Cer-RAIT and CRaFT; CRSS of each.

Examples:
  python build_rait_data.py --method all --n_van 150 --n_idk 150
  python build_rait_data.py --model Qwen/Qwen2.5-3B --dataset mmlu --method craft --n_van 4000 --n_idk 1000
"""

from pathlib import Path

import numpy as np
from tqdm import tqdm

from knowledge_boundary import cli, conflict, models, packing, prompts, questions, ranks, selection, training_data
from knowledge_boundary.results import Run, UserError, read_json


def arguments():
    """The stage's flags."""
    parser = cli.Parser(__doc__)
    cli.add_model_arguments(parser)
    cli.add_state_arguments(parser)
    group = parser.add_argument_group("selection")
    group.add_argument("--state_init", help="default: results/MODEL/DATASET/state_init.json")
    group.add_argument("--state_rehearsal", help="default: results/MODEL/DATASET/state_rehearsal.json")
    group.add_argument("--method", default="craft", choices=(*selection.METHODS, "all"))
    group.add_argument("--threshold", type=cli.fraction, default=0.5, help="Cor at or above it keeps its answer")
    group.add_argument("--n_van", type=cli.positive, default=4000)
    group.add_argument("--n_idk", type=cli.positive, default=1000)
    group.add_argument("--strict_flow", action="store_true", help="CRaFT: only questions that got worse stay in D_idk")
    group.add_argument(
        "--tau_sim", type=cli.fraction, default=0.97, help="similarity above which two questions conflict"
    )
    group = parser.add_argument_group("training data")
    group.add_argument("--format", default="text2text", choices=training_data.FORMATS)
    group.add_argument("--wording", default="craft", choices=prompts.WORDINGS, help="instruction of the prompt")
    group.add_argument("--name", help="the data is training_data/NAME_METHOD; default: MODEL_DATASET")
    cli.add_run_arguments(parser)
    return parser.parse_args()


def sizes(entries, args, methods) -> tuple[int, int]:
    """(n_van, n_idk) that all ``methods`` can take: the same for all, so that they can be compared; warns if cut."""
    van, idk = selection.pools(entries, args.threshold)
    smallest = min(len(selection.idk_pool(m, idk, args.strict_flow)) for m in methods)
    if args.n_van > len(van):
        print(f"Warning: --n_van {args.n_van}, but D_van's pool has {len(van)}: the whole pool is taken")
    if args.n_idk > smallest:
        print(f"Warning: --n_idk {args.n_idk}, but D_idk's pool has {smallest}: the whole pool is taken")
    if smallest == 0:
        raise UserError(
            "D_idk is empty: rehearsal made no question below the threshold worse; leave --strict_flow out"
            if args.strict_flow
            else "D_idk is empty: rehearsal improved every question below the threshold; give --method corcer or cor"
        )
    return min(args.n_van, len(van)), min(args.n_idk, smallest)


def write_training_data(tokenizer, entries, args, name) -> Path:
    """D_van ∪ D_idk in the refusal prompt that evaluation uses."""
    pairs, messages = [], []
    for entry in entries:
        if entry["label"] == "dropped":
            continue
        q = questions.from_record(entry)
        answer = q.answer if entry["label"] == "van" else prompts.REFUSAL
        pairs.append(
            (prompts.answer_prompt(tokenizer, q, "refuse", args.wording), prompts.answer_text(tokenizer, answer))
        )
        content = prompts.answer_content(q, "refuse", args.wording)
        messages.append([{"role": "user", "content": content}, {"role": "assistant", "content": answer}])
    return training_data.write(name, args.format, pairs, messages)


def main():
    """Select by every method asked for; write selection_METHOD.json and the training data."""
    args = arguments()
    if ranks.launched():
        raise UserError("runs in one process; start it with python, without torchrun")
    model = models.short_name(args.model)
    args.state_init = args.state_init or str(cli.output_path(args, model, args.dataset, "state_init.json"))
    args.state_rehearsal = args.state_rehearsal or str(
        cli.output_path(args, model, args.dataset, "state_rehearsal.json")
    )
    methods = list(selection.METHODS) if args.method == "all" else [args.method]
    init = read_json(args.state_init, "run_query_state", "--state_init")
    rehearsal = read_json(args.state_rehearsal, "run_query_state", "--state_rehearsal") if "craft" in methods else None
    first = cli.state_records(init, args, f"--state_init {args.state_init}")
    second = cli.state_records(rehearsal, args, f"--state_rehearsal {args.state_rehearsal}") if rehearsal else None
    if rehearsal:
        selection.check_states(init, rehearsal, args.state_init, args.state_rehearsal)
    entries = selection.join(first, second, args.state_init, args.state_rehearsal)
    n_van, n_idk = sizes(entries, args, methods)
    about = cli.describe_model(args)
    if init["meta"]["model"]["fingerprint"] != about["fingerprint"]:
        raise UserError(f"--state_init {args.state_init}: the state of another model ({init['meta']['model']['name']})")

    name = args.name or f"{model}_{init['meta']['dataset']['name']}"
    inputs = [args.state_init] + [args.state_rehearsal] * bool(rehearsal)
    folder = Path(args.output_dir or Path(args.state_init).parent)
    runs = {}
    for method in methods:
        args.method = method
        runs[method] = Run(
            "build_rait_data", folder / f"selection_{method}.json", args, about, init["meta"]["dataset"], inputs
        )
    finished = [run.finished() for run in runs.values()]
    if all(f and Path(f["summary"]["training_data"]).exists() for f in finished):
        return cli.already_done(", ".join(str(run.path) for run in runs.values()))

    lm = models.load(args, about)
    with tqdm(total=len(entries), unit="question", desc="representing") as bar:
        texts, ids = [prompts.body(questions.from_record(e)) for e in entries], [e["id"] for e in entries]
        vectors = conflict.cached_representations(
            lm, texts, ids, args.batch_tokens, packing.check(lm), folder / "representations", bar.update
        )
    written = []
    print_flow(entries, args.threshold)
    print(f"{'method':<8}{'D_van':>12}{'D_idk':>12}{'CRSS':>8}{'similarity':>12}  (taken/pool; tau_sim {args.tau_sim})")
    for method, run in runs.items():
        labelled = selection.select(entries, method, args.threshold, n_van, n_idk, args.seed, args.strict_flow)
        summary = summarise(entries, labelled, vectors, args, method)
        data = write_training_data(lm.tokenizer, labelled, args, f"{name}_{method}")
        run.finish(summary | {"training_data": str(data)}, labelled)
        written += [run.path, data]
        print_row(method, summary, args.tau_sim)
    cli.closing(
        written,
        f"bash finetune.sh --model {args.model} --data {Path(written[-1]).parent} --output models/{name}_{methods[-1]}",
    )


def summarise(entries, labelled, vectors, args, method) -> dict:
    """``summary`` of one selection: pools, flow, asked and taken numbers, CRSS; sets each idk entry's ``nearest``."""
    van, idk = selection.pools(entries, args.threshold)
    at = {side: [i for i, e in enumerate(labelled) if e["label"] == side] for side in ("van", "idk")}
    best = np.zeros(0)
    if at["idk"]:
        best, nearest = conflict.max_similarity(vectors[at["idk"]], vectors[at["van"]])
        for i, similarity, j in zip(at["idk"], best, nearest, strict=True):
            labelled[i] |= {"nearest": labelled[at["van"][j]]["id"], "similarity": float(similarity)}
    flow = None
    if entries[0]["delta_cor"] is not None:
        flow = selection.count_flow(idk)
    return {
        "method": method,
        "pools": {
            "van": len(van),
            "idk": len(idk),
            "idk_after_flow": len(selection.idk_pool(method, idk, args.strict_flow)),
        },
        "flow": flow,
        "asked": {"van": args.n_van, "idk": args.n_idk},
        "taken": {side: len(indices) for side, indices in at.items()},
        "reasons": {reason: sum(e["reason"] == reason for e in labelled) for reason in selection.REASONS},
        "crss": {f"{tau:.2f}": conflict.crss(best, tau) for tau in sorted({*conflict.TAUS, args.tau_sim})},
        "mean_max_similarity": float(best.mean()) if len(best) else None,
    }


def print_flow(entries, threshold) -> None:
    """What rehearsal did to the questions below the threshold."""
    if entries[0]["delta_cor"] is not None:
        below = selection.pools(entries, threshold)[1]
        counts = ", ".join(f"{n} {direction}" for direction, n in selection.count_flow(below).items())
        print(f"Of {len(below)} questions with Cor < {threshold}, in rehearsal: {counts}")


def print_row(method, summary, tau_sim) -> None:
    """One line of the closing table."""
    taken, pools = summary["taken"], summary["pools"]
    crss, similarity = summary["crss"][f"{tau_sim:.2f}"], summary["mean_max_similarity"]
    pool_van = pools["van"] + pools["idk"] if method == "van" else pools["van"]  # Van-Tuning draws from all questions
    van, idk = f"{taken['van']}/{pool_van}", f"{taken['idk']}/{pools['idk_after_flow']}"
    shown = "" if crss is None else f"{crss:>8.3f}{similarity:>12.3f}"
    print(f"{method:<8}{van:>12}{idk:>12}{shown}")


if __name__ == "__main__":
    cli.run(main)
