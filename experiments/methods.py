"""The commands of ``methods.sh``, one after the other: each is printed, run, and done only once.

What no training seed moves is made once: the states, the initial model's evaluations, the combinations of them. A seed
draws the lots of the selections, the adapters' first weights and the order of the examples.

Examples:
  python experiments/methods.py
  python experiments/methods.py --seeds 2 --quick
"""

import contextlib
import os
import shlex
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from knowledge_boundary import chain, cli, options
from knowledge_boundary.knowledge.selection import MODEL_NAMES
from knowledge_boundary.running.errors import UserError

TUNED = ("cor", "craft", "soft", "soft_flow", "probe", "grait")
TUNE = {"lora_r": 32, "lora_alpha": 32, "lora_dropout": 0, "learning_rate": "2e-4", "batch_size": 16}
SUBJECTS = f"{chain.KINDS},{chain.UNSEEN}"
ATTEMPTS = ("mass", "blend", "words")  # soft targets of another kind (restate.py)
COMBINED = ("craft", "soft_flow")  # whose evaluations are combined with the initial model's (combine.py)
DRAWN = ("cor", "soft", "soft_flow")  # whose questions are drawn by lot: with each seed anew
# The open form carries the comparison. By letters the embedded model is at chance: fewer questions are enough to say
# so, "known" is there a little above chance, and the probe's Cor of 0.5 would leave it nothing to be fitted on.
FORMS = {
    "open": {
        "name": "world_facts", "dev": "dev", "train": 100, "limit": 70, "rehearse": 100, "n": 100, "epochs": 3,
        "state": {"num_shots": 3}, "refusal": {}, "built": {},
    },
    "choice": {
        "name": "world_facts_mc", "dev": "val", "train": 50, "limit": 20, "rehearse": 50, "n": 30, "epochs": 2,
        "state": {"num_shots": 5}, "refusal": {"refusal": "letter"}, "built": {"refusal": "letter", "threshold": 0.3},
    },
}  # fmt: skip
QUICK = {"train": 12, "limit": 12, "rehearse": 12, "n": 12, "epochs": 1}


def arguments():
    """The script's flags."""
    parser = cli.Parser(__doc__)
    parser.add_argument("--seeds", type=options.positive, default=5, help="training runs of each method")
    parser.add_argument(
        "--jobs", type=options.positive, default=2, help="training runs at a time, each with its share of the cores"
    )
    parser.add_argument("--forms", nargs="+", default=list(FORMS), choices=FORMS)
    parser.add_argument("--quick", action="store_true", help="on a tenth of the questions; the figures mean nothing")
    parser.add_argument(
        "--page", choices=("yes", "no"), help="whether docs/results.md is written; default: not of --quick"
    )
    parser.add_argument("--dry_run", action="store_true", help="print the commands only")
    return parser.parse_args()


def words(script: str, **flags) -> list:
    """A command's words; a flag that is True has no value."""
    found = ["bash" if script.endswith(".sh") else "python", *script.split()]
    for name, value in flags.items():
        values = value if isinstance(value, list) else [value]
        found += [f"--{name}", *(str(v) for v in values if v is not True)]
    return found


class Form:
    """The commands of one form of the questions.

    Args:
        form: a key of ``FORMS``.
        seeds: training runs of each method.
        quick: whether on a tenth of the questions.
    """

    def __init__(self, form: str, seeds: int, quick: bool):
        own = FORMS[form] | (QUICK if quick else {})
        self.own, self.seeds, self.open = own, list(range(seeds)), form == "open"
        self.name = f"methods-{form}" + "-quick" * quick
        self.out = f"results/{self.name}"
        self.learnt = {"dataset": own["name"], "split": "train", "subjects": chain.KINDS, "limit": own["train"]}
        sets = [f"{own['name']}:{split}" for split in ("test", "ood", own["dev"])]
        self.evaluated = {"dataset": sets, "subjects": SUBJECTS, "limit": own["limit"], "output_dir": self.out}
        self.dev = f"{own['name']}/{own['dev']}"
        self.shown = [f"{own['name']}/{split}" for split in ("test", "ood")]
        self.base = f"{self.out}/eval_init_basic.json"
        self.tune = TUNE | {"epochs": own["epochs"]}

    def evaluation(self, label: str, model: str = "smollm2", **flags) -> list:
        """An evaluation of a model; all but the first measure THS against it."""
        base = {} if label == "init_basic" else {"base_eval": self.base}
        return words(
            "eval_refusal.py", **self.evaluated, model=model, name=label, **flags, **self.own["refusal"], **base
        )

    def once(self):
        """What no training seed moves: states and the initial model's evaluations."""
        out, own = self.out, self.own
        init, rehearsed = f"{out}/state_init.json", f"{out}/state_rehearsal.json"
        yield words("run_query_state.py", **self.learnt, **own["state"], output_dir=out)
        yield words(
            "run_rehearsal.py", state=init, output_model=f"models/{self.name}-rehearsal",
            num_examples=own["rehearse"], **self.tune,
        )  # fmt: skip
        asked = {**self.learnt, **own["state"], "output_dir": out}
        yield words("run_query_state.py", model=f"models/{self.name}-rehearsal", **asked)
        probed = {"probe_state": init} if self.open else {}
        yield self.evaluation("init_basic", prompt="basic", **probed)
        yield self.evaluation("init_refuse", prompt="refuse", **probed)
        yield self.evaluation("init_cautious", prompt="cautious")
        if self.open:
            # Samples of short answers: of long ones they cost a multiple, and say the same in their first words.
            yield self.evaluation("init_sampled", prompt="basic", num_samples=10, max_new_tokens=16)
            yield words("run_query_state.py", **self.learnt, **own["state"], estimator="mass", output_dir=f"{out}/mass")
            refuse = {"answers": f"{out}/eval_init_refuse.json", "more": [self.base], "fit_on": self.dev}
            for how in ("stack", "choose"):
                yield words(f"experiments/combine.py {how}", **refuse, base_eval=self.base, name=how, output_dir=out)
        self.states = {"state_init": init, "state_rehearsal": rehearsed}
        for method in TUNED:
            if method not in DRAWN:
                yield self.built(method, method, 0, out, **self.states)
        if self.open:
            restated = {"blend": {"blend": f"{out}/selection_probe.json"}, "words": {"own_words": True}}
            for attempt, how in restated.items():
                output = f"{out}/{attempt}/state_init.json"
                yield words("experiments/restate.py", state_init=init, **how, output=output)

    def runs(self) -> list:
        """[(name, commands)] of every training run of every method, which need nothing of each other."""
        found = [(m, m, seed, self.states) for seed in self.seeds for m in TUNED]
        if self.open:  # attempts: one seed tells whether five are worth it
            states = {a: {"state_init": f"{self.out}/{a}/state_init.json"} for a in ATTEMPTS}
            found += [("soft", f"soft_{a}", seed, states[a]) for seed in self.seeds[:1] for a in ATTEMPTS]
        return [(f"{label}-{seed}", list(self.tuned(m, label, seed, **own))) for m, label, seed, own in found]

    def built(self, method: str, label: str, seed: int, folder: str, **states) -> list:
        """Refusal-aware data by a method: training_data/NAME-LABEL-SEED_METHOD."""
        sizes = {"n_van": self.own["n"], "n_idk": self.own["n"]}
        return words(
            "build_rait_data.py", method=method, **states, **sizes, seed=seed, name=f"{self.name}-{label}-{seed}",
            output_dir=folder, **self.own["built"],
        )  # fmt: skip

    def tuned(self, method: str, label: str, seed: int, **states):
        """Data by a method, the model tuned on it, its evaluation, and what is combined of it and of others."""
        lot = seed if method in DRAWN else 0
        if method in DRAWN:
            yield self.built(method, label, lot, f"{self.out}/{label}{seed}", **states)
        data, model = f"training_data/{self.name}-{label}-{lot}_{method}", f"models/{self.name}-{label}-{seed}"
        name, tune = f"{MODEL_NAMES.get(label, label)}_seed{seed}", {"backend": "builtin", "seed": seed, **self.tune}
        yield words("finetune.sh", model="smollm2", data=data, output=model, **tune)
        yield self.evaluation(name, model, prompt="refuse")
        if self.open and label in COMBINED:
            tuned, told = f"{self.out}/eval_{name}.json", {"base_eval": self.base, "output_dir": self.out}
            refuse = {"answers": f"{self.out}/eval_init_refuse.json", **told}
            more = {"more": [self.base, tuned], "fit_on": self.dev}
            yield words("experiments/combine.py gate", **refuse, by=tuned, name=f"gate_{name}")
            yield words("experiments/combine.py stack", **refuse, **more, name=f"stack_{name}")
            yield words("experiments/combine.py choose", **refuse, **more, name=f"choose_{name}")
            yield words("experiments/combine.py rank", answers=tuned, **told, name=f"rank_{name}")

    def together(self):
        """Thresholds from dev, and the comparison on the test sets."""
        found = sorted(Path(self.out).glob("eval_*.json"))
        evals = [str(path) for path in found]
        folder = f"{self.out}/calibration"
        yield words("eval_refusal.py", calibrate=evals, sets=self.dev, signal="all", output_dir=folder)
        thresholds = sorted(map(str, Path(folder).glob("calibration_*.json")))
        yield words(
            "eval_refusal.py", compare=evals, sets=self.shown, calibration=thresholds, base_eval=self.base,
            output_dir=self.out,
        )  # fmt: skip

    def commands(self):
        """All of them, in their order; each is yielded when those before it have run."""
        yield from self.once()
        for _, commands in self.runs():
            yield from commands
        yield from self.together()


def run(command: list, jobs: int = 1, log: Path | None = None) -> None:
    """Print and run one command; the whole run ends where one fails.

    Args:
        command: its words.
        jobs: how many run at once; each has its share of the cores.
        log: where its output goes; None: to the terminal.
    """
    print(f"\n$ {shlex.join(command)}" if log is None else f"$ {shlex.join(command)}", flush=True)
    program = [sys.executable if command[0] == "python" else command[0], *command[1:]]
    start = time.monotonic()
    with contextlib.ExitStack() as stack:
        out = None
        if log:
            log.parent.mkdir(parents=True, exist_ok=True)
            out = stack.enter_context(open(log, "a", encoding="utf-8"))
        code = subprocess.run(program, env=environment(jobs), stdout=out, stderr=out, check=False).returncode
    if code and log:
        tail = log.read_text(encoding="utf-8").splitlines()[-3:]
        raise UserError(f"{shlex.join(command)}: exit code {code}: {' / '.join(tail)} (all of it: {log})")
    if code:
        raise SystemExit(code)  # the stage has said why
    print(f"  [{time.monotonic() - start:.0f} s] {'' if log is None else log.stem}", flush=True)


def environment(jobs: int) -> dict:
    """finetune.sh takes the Python of the active environment: it shall be this one."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    threads = {} if jobs == 1 else {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // jobs))}
    return os.environ | {"VIRTUAL_ENV": sys.prefix, "PATH": path} | threads


def run_form(form: Form, jobs: int) -> None:
    """A form's commands: what comes once, then ``jobs`` training runs at a time, then all of it together."""
    for command in form.once():
        run(command)

    def run_one(name: str, commands: list) -> None:
        for command in commands:
            run(command, jobs, Path(form.out) / "logs" / f"{name}.log")

    with ThreadPoolExecutor(jobs) as pool:
        for _ in pool.map(run_one, *zip(*form.runs(), strict=True)):
            pass  # raises what a run raised
    for command in form.together():
        run(command)


def main():
    """Run all of it, then write the page."""
    args = arguments()
    began = time.monotonic()
    for name in args.forms:
        form = Form(name, args.seeds, args.quick)
        if args.dry_run:
            for command in form.commands():
                print(shlex.join(command))
        else:
            run_form(form, args.jobs)
    if not args.dry_run and (args.page or ("no" if args.quick else "yes")) == "yes":
        run(["python", "experiments/results_page.py"])
    if not args.dry_run:
        print(f"\nDone in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    cli.run(main)
