"""Stage 4: refusal-aware data by Van-Tuning, Cor-RAIT, Cor-Cer-RAIT, CRaFT, soft targets, GeoDe, GRAIT; CRSS of each.

Examples:
  python build_rait_data.py --method all --n_van 150 --n_idk 150
  python build_rait_data.py --model Qwen/Qwen2.5-3B --dataset mmlu --method craft --n_van 4000 --n_idk 1000
  python build_rait_data.py --model Qwen/Qwen2.5-3B --dataset mmlu --refusal letter --prompt bare
  python build_rait_data.py --method soft_flow
"""

from pathlib import Path

from tqdm import tqdm

from knowledge_boundary import checks, cli, options
from knowledge_boundary.asking import letters, prompts
from knowledge_boundary.engine import exactness, gradients
from knowledge_boundary.engine.loss import tokenise, turns_of
from knowledge_boundary.knowledge import conflict, influence, probe, selection
from knowledge_boundary.models import loading
from knowledge_boundary.questions.records import from_record
from knowledge_boundary.reporting import tables
from knowledge_boundary.running import ranks
from knowledge_boundary.running.errors import UserError
from knowledge_boundary.running.journal import Run
from knowledge_boundary.training import formats
from knowledge_boundary.training.examples import refusal_examples
from knowledge_boundary.wording.phrases import WORDINGS


def arguments():
    """The stage's flags."""
    parser = cli.Parser(__doc__)
    options.add_model_arguments(parser)
    options.add_state_arguments(parser)
    group = parser.add_argument_group("selection")
    group.add_argument("--state_init", help="default: results/MODEL/DATASET/state_init.json")
    group.add_argument("--state_rehearsal", help="default: results/MODEL/DATASET/state_rehearsal.json")
    group.add_argument(
        "--method", default="craft", choices=(*selection.METHODS, "all"), help=f"all: {', '.join(selection.TOGETHER)}"
    )
    group.add_argument("--threshold", type=options.fraction, default=0.5, help="Cor at or above it keeps its answer")
    group.add_argument("--n_van", type=options.positive, default=4000)
    group.add_argument("--n_idk", type=options.positive, default=1000)
    group.add_argument("--strict_flow", action="store_true", help="CRaFT: only questions that got worse stay in D_idk")
    group.add_argument(
        "--tau_sim", type=options.fraction, default=0.97, help="similarity above which two questions conflict"
    )
    group = parser.add_argument_group("training data")
    group.add_argument("--format", default="text2text", choices=formats.FORMATS)
    group.add_argument("--prompt", default="refuse", choices=("refuse", "bare"), help="bare: without an instruction")
    group.add_argument("--wording", default="craft", choices=WORDINGS, help="instruction of the prompt")
    options.add_refusal_argument(group)
    group.add_argument(
        "--name", help="the data is training_data/NAME_METHOD; default: MODEL_DATASET, with _DOMAIN for a part"
    )
    options.add_run_arguments(parser)
    return parser.parse_args()


def joined_states(args, flow: bool) -> tuple[list, dict]:
    """``selection.join``'s entries of the state files, of both with ``flow``, and ``meta`` of the initial one.

    A function of its own, so that the states themselves are out of memory when it ends.
    """
    init = cli.read_state(args.state_init, "--state_init")
    first = cli.state_records(init, args, f"--state_init {args.state_init}")
    if not flow:
        return selection.join(first, None, args.state_init, None), init["meta"]
    rehearsal = cli.read_state(args.state_rehearsal, "--state_rehearsal")
    second = cli.state_records(rehearsal, args, f"--state_rehearsal {args.state_rehearsal}")
    selection.check_states(init, rehearsal, args.state_init, args.state_rehearsal)
    entries = selection.join(first, second, args.state_init, args.state_rehearsal)
    selection.check_shots(init, rehearsal, entries, args.state_init, args.state_rehearsal)
    return entries, init["meta"]


def measured(args, lm, entries) -> tuple[list, dict]:
    """The entries with what ``--method`` asks the model for, and what ``summary`` says of it."""
    with tqdm(total=len(entries), unit="question", desc=args.method) as bar:
        if args.method == "probe":
            states, prompt = [e | {"cor": e["cor_init"]} for e in entries], "bare" if args.prompt == "bare" else "basic"
            options = (args.seed, args.threshold, args.batch_tokens, prompt, args.wording, args.refusal)
            found = probe.fit_on_state(lm, states, *options, bar.update)
            read = zip(entries, found.held_out, found.distance, strict=True)
            return [e | {"p_known": p, "distance": d} for e, p, d in read], {"probe": found.about()}
        refused = [e | {"label": "idk"} for e in entries]
        pairs, _, _ = refusal_examples(lm.format, refused, args.wording, args.prompt, args.refusal)
        shared = exactness.check(lm, [prompt + answer for prompt, answer in pairs], trains=True)
        found = gradients.unit_gradients(lm, turns_of(tokenise(lm, pairs)), shared, args.seed, bar.update)
    known = {e["id"] for e in selection.pools(entries, args.threshold)[0]}
    return influence.measured(entries, found, [e["id"] in known for e in entries]), {}


def main():
    """Select by every method asked for; write selection_METHOD.json and the training data."""
    args = arguments()
    if ranks.launched():
        raise UserError("runs in one process; start it with python, without torchrun")
    checks.check_wording(args)
    if args.method == "grait" and args.device_map:
        raise UserError("--method grait: its gradients need all weights on one device; leave --device_map out")
    model = loading.short_name(args.model)
    args.state_init = args.state_init or str(cli.output_path(args, model, args.dataset, "state_init.json"))
    args.state_rehearsal = args.state_rehearsal or str(
        cli.output_path(args, model, args.dataset, "state_rehearsal.json")
    )
    methods = list(selection.TOGETHER) if args.method == "all" else [args.method]
    flow = not set(methods).isdisjoint(selection.NEED_FLOW)
    entries, asked = joined_states(args, flow)
    n_van, n_idk = selection.sizes(entries, methods, args.threshold, args.n_van, args.n_idk, args.strict_flow)
    if args.method == "probe":
        probe.check_sides(*map(len, selection.pools(entries, args.threshold)), args.threshold)
    about = cli.describe_model(args)
    cli.check_same_model({"meta": asked}, about, f"--state_init {args.state_init}")

    if args.refusal == "letter":
        letters.check_questions(map(from_record, entries), f"--state_init {args.state_init}")
    asked_so = "_bare" * (args.prompt == "bare") + "_letter" * (args.refusal == "letter")
    part = cli.part_of(asked["args"].get("domain", "all"))
    name = args.name or f"{model}_{asked['dataset']['name']}{part}{asked_so}"
    inputs = [args.state_init] + [args.state_rehearsal] * flow
    folder = Path(args.output_dir or Path(args.state_init).parent)
    runs = {}
    for method in methods:
        arguments_of = vars(args) | {"method": method}
        path = folder / f"selection_{method}.json"
        runs[method] = Run("build_rait_data", path, arguments_of, about, asked["dataset"], inputs)
    finished = [(run.finished() or {}).get("summary") for run in runs.values()]
    if all(summary and Path(summary["training_data"]).exists() for summary in finished):
        return cli.already_done(", ".join(str(run.path) for run in runs.values()))

    lm, shown = cli.load_model(args, about), {}
    if args.refusal == "letter":
        letters.check_tokens(lm, map(from_record, entries), args.prompt, args.wording)
    if args.method in selection.NEED_MODEL:
        entries, shown = measured(args, lm, entries)

    def select(method):
        return selection.select(entries, method, args.threshold, n_van, n_idk, args.seed, args.strict_flow)

    compared = conflict.compared(
        entries, map(select, methods)
    )  # each is selected again below: all at once take much memory
    with tqdm(total=len(compared), unit="question", desc="representing") as bar:
        texts, ids = [prompts.body(from_record(e)) for e in compared], [e["id"] for e in compared]
        shared = exactness.check(lm, texts)
        cache = folder / "representations"
        vectors = conflict.cached_representations(lm, texts, ids, args.batch_tokens, shared, cache, bar.update)
    sizes, written = {"van": args.n_van, "idk": args.n_idk}, []
    if flow:
        print(tables.flow_line(selection.count_flow(selection.parted(entries, args.threshold)[1]), args.threshold))
    print(tables.selection_head(args.tau_sim))
    for method, run in runs.items():
        labelled = select(method)
        best = conflict.find_nearest(labelled, vectors)
        summary = selection.summarise(entries, labelled, method, args.threshold, args.strict_flow, sizes)
        summary |= conflict.summarise(best, args.tau_sim) | shown
        examples = refusal_examples(lm.format, labelled, args.wording, args.prompt, args.refusal)
        data = formats.write(f"{name}_{method}", args.format, *examples)
        run.finish(summary | {"training_data": str(data)}, labelled)
        written += [run.path, data]
        for side, wanted in (("van", n_van), ("idk", n_idk)):
            if method == "probe" and summary["taken"][side] < wanted:
                taken = summary["taken"][side]
                print(f"Warning: D_{side} has {taken} of {wanted}: all that are on their own side of the hyperplane")
        print(tables.selection_row(summary, args.tau_sim))
    cli.closing(
        written,
        f"bash finetune.sh --model {args.model} --data {Path(written[-1]).parent} --output models/{name}_{methods[-1]}",
    )


if __name__ == "__main__":
    cli.run(main)
