"""The commands of ``reproduce.sh``: a paper's setting, run as published, and its figures beside ours.

R-Tuning (Zhang et al. 2024, §3.4): MMLU in its split, all weights, one epoch at 2e-5 with batches of 4; AP in and out
of domain. CRaFT (Zhu et al. 2024, and its code): MMLU with LoRA, 4,000 + 1,000 examples; TriviaQA with all weights,
8,000 + 2,000; the initial model, Van-Tuning, Cor-RAIT, Cor-Cer-RAIT and CRaFT. What the stages do otherwise than the
papers' code is in docs/method.md. Published figures, with their sources: published.json.

Examples:
  python experiments/reproduce.py rtuning --dry_run
  python experiments/reproduce.py craft --model Qwen/Qwen2.5-3B-Instruct --sets mmlu
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

import model_sizes
from methods import run, words

from knowledge_boundary import cli, options
from knowledge_boundary.knowledge.selection import MODEL_NAMES
from knowledge_boundary.models.loading import short_name
from knowledge_boundary.running.errors import UserError
from knowledge_boundary.running.results import read_json, write_text

MODELS = {"rtuning": "openlm-research/open_llama_3b", "craft": "meta-llama/Meta-Llama-3-8B-Instruct"}
PUBLISHED = Path(__file__).with_name("published.json")
METHODS = ("van", "cor", "corcer", "craft")
LORA = {"lora_r": 64, "lora_alpha": 16, "lora_dropout": 0.1, "learning_rate": 2e-4}
# By set: the stages' flags, the test sets, the rehearsal's and the fine-tune's settings, D_van and D_idk.
CRAFT = {
    "mmlu": {
        "ask": {"dataset": "mmlu", "split": "test", "num_shots": 5}, "test": ["mmlu:val", "arc_challenge:test"],
        "rehearse": LORA, "tune": LORA, "built": {"n_van": 4000, "n_idk": 1000},
    },
    "triviaqa": {
        "ask": {"dataset": "triviaqa", "split": "train", "num_shots": 3},
        "test": ["triviaqa:validation", "nq_open:validation"],
        "rehearse": {"lora_r": 0, "learning_rate": 2e-6}, "tune": {"lora_r": 0, "learning_rate": 8e-6},
        "built": {"n_van": 8000, "n_idk": 2000, "strict_flow": True},  # its TriviaQA code drops a flow of 0
    },
}  # fmt: skip
EPOCHS, BATCH = {"epochs": 3}, {"batch_size": 16}
FIGURES = {"p_correct": "P_c", "p_wrong": "P_w", "ths": "THS", "over_refusal": "over-refusal", "ap": "AP"}
# Tokens: of MMLU as benchmarks/scaling.py counts them; of the others a round number of theirs.
SUBJECTS, SHOTS, OWN, EXAMPLE = 57, 585, 69, 110
QUESTIONS = {
    "mmlu:test": 14042, "mmlu:val": 1531, "arc_challenge:test": 1172, "triviaqa:train": 87622,
    "triviaqa:validation": 11313, "nq_open:validation": 3610, "ID": 2448, "ID_test": 2439, "OOD": 9155,
}  # fmt: skip
PART = 2048  # tokens of a step at a time, by which a training's memory is estimated


@dataclass(frozen=True)
class Step:
    """A command, and what it takes: tokens that are passed through forwards, and that are trained on."""

    command: list
    asked: float = 0
    trained: float = 0
    lora: bool = True


def arguments():
    """The script's flags."""
    parser = cli.Parser(__doc__)
    parser.add_argument("paper", choices=MODELS)
    parser.add_argument("--model", help="another model than the paper's")
    parser.add_argument("--sets", nargs="+", choices=CRAFT, default=list(CRAFT), help="of craft")
    parser.add_argument("--data_dir", help="folder with local copies of the data sets by name")
    parser.add_argument("--limit", type=options.positive, help="questions a subject, to see that it runs")
    parser.add_argument("--dtype", choices=("float32", "bfloat16", "float16"))
    parser.add_argument("--load_in", choices=("8bit", "4bit"), help="of what is asked, and of LoRA's base")
    parser.add_argument("--gradient_checkpointing", action="store_true")
    parser.add_argument("--dry_run", action="store_true", help="print commands, hours and memory only")
    parser.add_argument(
        "--tflops", type=float, default=989, help="of --dry_run: the card's peak; default: H100, bfloat16"
    )
    parser.add_argument("--share", type=options.fraction, default=0.3, help="of --dry_run: how much of it is reached")
    return parser.parse_args()


def rtuning(model: str, name: str, common: dict, train: dict):
    """R-Tuning's setting on MMLU."""
    out, data, tuned = f"results/{name}", f"training_data/{name}_unsure", f"models/{name}"
    sets = ["mmlu:test:ID_test", "mmlu:test:OOD"]
    probe, test = QUESTIONS["ID"] * OWN + 28 * SHOTS, (QUESTIONS["ID_test"] + QUESTIONS["OOD"]) * OWN + SUBJECTS * SHOTS
    made = words("run_MMLU.py", model=model, dataset="mmlu", domain="ID", method="unsure", result=name, **common)
    yield Step([*made, "--output_dir", out], asked=probe)
    settings = {"lora_r": 0, "epochs": 1, "learning_rate": 2e-5, "batch_size": 4, **train}
    command = words("finetune.sh", backend="builtin", model=model, data=data, output=tuned, **settings)
    yield Step(command, trained=probe, lora=False)
    for label, asked in (("init", model), ("rtuning", tuned)):
        flags = {"model": asked, "prompt": "probe", "name": label, "dataset": sets, "output_dir": out, **common}
        yield Step(words("eval_refusal.py", **flags), asked=2 * test)


def craft(model: str, name: str, common: dict, train: dict, kind: str):
    """CRaFT's setting on one of its two training sets."""
    own, out = CRAFT[kind], f"results/{name}-{kind}"
    asked = QUESTIONS[f"{own['ask']['dataset']}:{own['ask']['split']}"]
    query = asked * OWN + SUBJECTS * SHOTS if kind == "mmlu" else asked * 110  # a short prompt, ten answers
    test = sum(QUESTIONS[one] for one in own["test"]) * EXAMPLE
    states = {"state_init": f"{out}/state_init.json", "state_rehearsal": f"{out}/state_rehearsal.json"}
    lora = own["tune"]["lora_r"] > 0
    asks = {**own["ask"], "chat_template": True, "output_dir": out, **common}
    yield Step(words("run_query_state.py", model=model, **asks, state=states["state_init"]), asked=query)
    rehearsed = f"models/{name}-{kind}-rehearsal"
    rehearse = {**own["rehearse"], **EPOCHS, **BATCH, **train, "num_examples": 1000, "output_model": rehearsed}
    command = words("run_rehearsal.py", model=model, state=states["state_init"], **rehearse)
    yield Step(command, trained=3 * 1000 * EXAMPLE, lora=lora)
    yield Step(words("run_query_state.py", model=rehearsed, **asks, state=states["state_rehearsal"]), asked=query)
    held = {key: common[key] for key in ("dtype", "load_in") if key in common}
    built = {
        "model": model,
        "method": "all",
        "name": f"{name}-{kind}",
        "output_dir": out,
        **states,
        **own["built"],
        **held,
    }
    yield Step(words("build_rait_data.py", **built), asked=asked * OWN)
    evaluate = {"dataset": own["test"], "output_dir": out, **common}
    base = f"{out}/eval_init_basic.json"
    yield Step(words("eval_refusal.py", model=model, prompt="basic", name="init_basic", **evaluate), asked=test)
    for label, prompt, tuned in [("init_refuse", "refuse", model)] + [
        (MODEL_NAMES[method], "refuse", f"models/{name}-{kind}-{method}") for method in METHODS
    ]:
        if tuned != model:
            data = f"training_data/{name}-{kind}_{tuned.rpartition('-')[2]}"
            settings = {"backend": "builtin", **own["tune"], **EPOCHS, **BATCH, **train}
            command = words("finetune.sh", model=model, data=data, output=tuned, **settings)
            yield Step(command, trained=3 * sum((own["built"]["n_van"], own["built"]["n_idk"])) * EXAMPLE, lora=lora)
        flags = {"model": tuned, "prompt": prompt, "name": label, **evaluate, "base_eval": base}
        yield Step(words("eval_refusal.py", **flags), asked=test)


def plan(args) -> list:
    """All steps of a paper."""
    model = args.model or MODELS[args.paper]
    name = f"reproduce-{args.paper}-{short_name(model)}"
    given = {"data_dir": args.data_dir, "limit": args.limit, "dtype": args.dtype, "load_in": args.load_in}
    common = {flag: value for flag, value in given.items() if value is not None}
    train = {flag: common[flag] for flag in ("dtype", "load_in") if flag in common}
    train |= {"gradient_checkpointing": True} if args.gradient_checkpointing else {}
    if args.paper == "rtuning":
        return list(rtuning(model, name, common, train))
    return [step for kind in args.sets for step in craft(model, name, common, train, kind)]


def tell(args, steps) -> None:
    """Print the commands with the hours and the memory that they take."""
    model = args.model or MODELS[args.paper]
    try:
        found = model_sizes.sizes_of(model)[1]
    except UserError as e:
        found = None
        print(f"Hours and memory are left out: {e}")
    total = 0
    for step in steps:
        cost = ""
        if found:
            hours = (2 * step.asked + 6 * step.trained) * found.computing / (args.share * args.tflops * 1e12) / 3600
            total, peak = total + hours, found.packed if args.load_in == "4bit" else found.weights
            peak += model_sizes.asking(found, model_sizes.BATCHES[0])
            if step.trained and step.lora:
                peak = found.lora_peak(PART, args.load_in == "4bit", args.gradient_checkpointing)
            elif step.trained:
                peak = found.full_peak(PART)
            cost = f"  # about {hours:.2f} h, {peak / 1e9:.0f} GB"
        print(f"{' '.join(step.command)}{cost}")
    if found:
        print(
            f"About {total:.1f} h by arithmetic alone, at {args.share:.0%} of {args.tflops:g} TFLOP/s; loading, "
            f"writing, and sampled answers that wait for each other come on top. A training's memory: parts of {PART} "
            f"tokens (--micro_batch_tokens), of all weights with --gradient_checkpointing"
        )


def compared(args, steps) -> list:
    """Rows [set, row, figure, published, source, ours, its interval, inside] of what the evaluations have.

    Raises:
        UserError: an evaluation lacks a figure's set.
    """
    model, rows = args.model or MODELS[args.paper], []
    known = {
        (one["set"], one["row"], one["figure"]): one
        for one in json.loads(PUBLISHED.read_text(encoding="utf-8"))
        if one["paper"] == args.paper and one["model"] == model
    }
    wanted = ("ap",) if args.paper == "rtuning" else tuple(f for f in FIGURES if f != "ap")
    for step in steps:
        if "eval_refusal.py" not in step.command:
            continue
        flags = dict(zip(step.command, step.command[1:], strict=False))
        path = Path(flags["--output_dir"]) / f"eval_{flags['--name']}.json"
        for label, metrics in read_json(path, "eval_refusal", "reproduce")["summary"]["datasets"].items():
            for figure in wanted:
                ours, paper = metrics.get(figure) or {}, known.get((label, flags["--name"], figure))
                rows.append(row_of(label, flags["--name"], figure, ours, paper))
    return rows


def row_of(label: str, name: str, figure: str, ours: dict, paper: dict | None) -> list:
    """A row of the closing table."""
    value, interval = ours.get("value"), ours.get("ci95")
    shown = "–" if value is None else f"{100 * value:.1f}"
    if interval:
        shown += f" [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]"
    if paper is None:
        return [label, name, FIGURES[figure], "–", shown, "", ""]
    inside = "" if not interval else "yes" if interval[0] <= paper["value"] / 100 <= interval[1] else "no"
    return [label, name, FIGURES[figure], f"{paper['value']:.1f}", shown, inside, paper["source"]]


def main():
    """Run the commands, print the table, write it beside the results."""
    args = arguments()
    if args.load_in and (args.paper == "rtuning" or "triviaqa" in args.sets):
        which = "R-Tuning's setting" if args.paper == "rtuning" else "TriviaQA's setting (--sets mmlu leaves it out)"
        raise UserError(f"--load_in {args.load_in}: {which} trains all weights, which can't be in fewer bits")
    if args.tflops <= 0 or args.share == 0:
        raise UserError("--tflops and --share must be above 0")
    steps = plan(args)
    if args.dry_run:
        return tell(args, steps)
    for step in steps:
        run(step.command)
    head = ["set", "row", "figure", "published", "ours [95 %]", "inside", "source"]
    table = [head, ["---"] * len(head), *compared(args, steps)]
    text = "".join(f"| {' | '.join(row)} |\n" for row in table)
    path = Path(f"results/reproduce-{args.paper}-{short_name(args.model or MODELS[args.paper])}.md")
    write_text(path, text)
    print(f"\n{text}\nWritten: {path}")


if __name__ == "__main__":
    cli.run(main)
