"""The chain of the stages: their commands, one after the other, for one model and one data set."""

import os
from bisect import bisect_left
from dataclasses import dataclass, field
from pathlib import Path

from .knowledge import probe
from .knowledge.selection import MODEL_NAMES, TOGETHER
from .models import loading
from .running.errors import UserError
from .running.results import read_json
from .serving.address import PREFIX, is_served

# Six of the thirteen in-domain kinds, chosen on the dev split, and two that training never sees.
KINDS = "country_capital,country_currency,country_continent,city_country,element_symbol,symbol_element"
UNSEEN = "country_language,us_city_state"
# The embedded chain: questions of each subject (probed, learnt from, for thresholds, evaluated), rehearsed, and sizes.
SIZES = {
    "quickstart": {"probe": 40, "train": 100, "test": 80, "rehearse": 100, "n": 150},
    "quickstart-quick": {"probe": 4, "train": 10, "test": 11, "rehearse": 10, "n": 15},
}
TUNED_METHODS = ("cor", "craft")  # of the selections, those that a model is tuned on
# How the initial model is evaluated: {name: prompt}; with the first, THS is measured.
INITIAL = {"init_basic": "basic", "init_refuse": "refuse"}
TUNE = {
    "lora_r": 32, "lora_alpha": 32, "lora_dropout": 0, "learning_rate": "2e-4", "epochs": 3, "batch_size": 16,
}  # fmt: skip

MODEL = ("trust_remote_code", "dtype", "device", "load_in", "thinking", "template_date", "seed", "overwrite")
ASKED = (*MODEL, "data_dir", "columns", "subjects", "limit", "skip_invalid", "batch_tokens")
SERVER = ("base_url", "judge_base_url", "concurrency", "max_requests")
LESS_MEMORY = ("micro_batch_tokens", "gradient_checkpointing")
TUNED = (*MODEL, *TUNE, "lora_target_modules", "lora_target_parameters", *LESS_MEMORY)
ANSWERED = ("max_new_tokens", "max_thinking_tokens")
MATCH = ("match", "match_threshold", "judge_model", "embedder")
# The flags of this chain that each stage takes.
TAKES = {
    "run_MMLU.py": (*(n for n in ASKED if n != "thinking"), *SERVER, "scoring", "chat_template", "num_shots"),
    "run_query_state.py": (*ASKED, *SERVER, "chat_template", "wording", "num_shots", "num_samples", *ANSWERED, *MATCH),
    "run_rehearsal.py": (*TUNED, "num_examples", "wording"),
    "build_rait_data.py": (*MODEL, "batch_tokens", "n_van", "n_idk", "threshold", "strict_flow", "wording"),
    "finetune.sh": TUNED,
    "eval_refusal.py": (*ASKED, *SERVER, "wording", *ANSWERED, *MATCH),
    "calibrate": ("overwrite",),
    "compare": ("seed", "overwrite"),
}


ASKING = ("run_MMLU.py", "run_query_state.py", "eval_refusal.py")  # the stages that a served model is enough for


def flags_of_training(given) -> list:
    """Of the flags ``given``, those that only stages take which need a model's weights."""
    asking = {name for stage in ASKING for name in TAKES[stage]}
    return [n for n in given if n not in asking and any(n in TAKES[s] for s in TAKES.keys() - set(ASKING))]


@dataclass
class Plan:
    """What the chain runs on.

    Attributes:
        model: as the stages are given it.
        name: of the results, models and training data.
        probed: {flag: value} of the probe's questions; None: open questions, there is nothing to probe.
        learnt: {flag: value} of the questions to learn from.
        evaluated: {flag: value} of the test sets, and of the questions that thresholds are chosen on.
        calibrated: the labels ("NAME/SPLIT") of the latter among them; empty: no threshold is chosen.
        shown: the labels of the others.
        given: {flag: value} of the command line, for the stages that take it.
        defaults: {stage: {flag: value}} where it says nothing.
    """

    model: str
    name: str
    probed: dict | None
    learnt: dict
    evaluated: dict
    calibrated: list
    shown: list
    given: dict
    defaults: dict = field(default_factory=dict)

    @property
    def out(self) -> str:
        """The folder of the results."""
        return f"results/{self.name}"


def embedded_plan(model: str, name: str | None, given: dict) -> Plan:
    """The chain on the embedded questions, all of them or, with QUICK set, a tenth."""
    own = "quickstart-quick" if os.environ.get("QUICK") else "quickstart"
    size = SIZES[own]
    if model != "smollm2":
        own = f"{own}-{loading.short_name(model.removeprefix(PREFIX))}"
    scoring = {} if is_served(model) else {"scoring": "cloze"}  # few servers give prompts' own probabilities
    return Plan(
        model, name or own,
        {"dataset": "world_facts_mc", "split": "test", **scoring, "subjects": KINDS, "limit": size["probe"]},
        {"dataset": "world_facts", "split": "train", "subjects": KINDS, "limit": size["train"]},
        {
            "dataset": ["world_facts:test", "world_facts:ood", "world_facts:dev"], "subjects": f"{KINDS},{UNSEEN}",
            "limit": size["test"],
        },
        ["world_facts/dev"],
        ["world_facts/test", "world_facts/ood"],
        given,
        {
            "run_query_state.py": {"num_shots": 3, "num_samples": 10},
            "run_rehearsal.py": {"num_examples": size["rehearse"], **TUNE},
            "build_rait_data.py": {"n_van": size["n"], "n_idk": size["n"]},
            "finetune.sh": TUNE,
        },
    )  # fmt: skip


def command(plan: Plan, script: str, **own) -> list:
    """The words of one stage's command: its ``own`` flags, the plan's, what the command line says in their place."""
    given = {name: plan.given[name] for name in TAKES[script] if name in plan.given}
    if script == "run_MMLU.py":  # it is not judged here
        judges = SERVER if not is_served(plan.model) else ("judge_base_url",)
        given = {name: value for name, value in given.items() if name not in judges}
    flags = {**own, **plan.defaults.get(script, {}), **given}
    words = ["bash" if script.endswith(".sh") else "python", script]
    for name, value in flags.items():
        values = value if isinstance(value, list) else [",".join(value) if isinstance(value, tuple) else value]
        words += [f"--{name}", *(str(v) for v in values if v is not True)]
    return words


def stages(plan: Plan):
    """The chain's commands in their order; each is yielded when those before it have run."""
    out, name = plan.out, plan.name
    model = {"model": plan.model} if plan.model != "smollm2" else {}
    base = {**model, **({"revision": plan.given["revision"]} if "revision" in plan.given else {})}
    to = {"output_dir": out}
    include = []
    if plan.probed:
        yield command(plan, "run_MMLU.py", **base, **plan.probed, result=name, **to)
        include.append(f"{out}/boundary.json")
    state_init, state_rehearsal = f"{out}/state_init.json", f"{out}/state_rehearsal.json"
    yield command(plan, "run_query_state.py", **base, **plan.learnt, **to)
    if is_served(plan.model):
        print(f"\n{plan.model} is behind a server: run_rehearsal.py, build_rait_data.py and finetune.sh need weights")
        models = {label: {**base, "prompt": prompt} for label, prompt in INITIAL.items()}
        yield from evaluations(plan, models, [*include, state_init])
        return
    rehearsed = f"models/{name}-rehearsal"
    yield command(plan, "run_rehearsal.py", **base, state=state_init, output_model=rehearsed)
    yield command(plan, "run_query_state.py", model=rehearsed, **plan.learnt, **to)
    states = {"state_init": state_init, "state_rehearsal": state_rehearsal}
    parted = {} if plan.given.keys() & {"threshold", "dry_run"} else median_threshold(Path(state_init))
    yield command(plan, "build_rait_data.py", **base, method="all", **states, **parted, name=name, **to)
    for method in TUNED_METHODS:
        data = {"data": f"training_data/{name}_{method}", "output": f"models/{name}-{method}", "backend": "builtin"}
        yield command(plan, "finetune.sh", **(base or {"model": "smollm2"}), **data)
    models = {label: {**(base or {"model": "smollm2"}), "prompt": prompt} for label, prompt in INITIAL.items()}
    for method in TUNED_METHODS:
        models[MODEL_NAMES[method]] = {"model": f"models/{name}-{method}", "prompt": "refuse"}
    # What N samples say (agreement, certainty), and another prompt, would cost much more: experiments/ has them.
    models["init_basic"] |= {} if "dry_run" in plan.given else probed(state_init)
    include += [state_init, state_rehearsal]
    include += [f"{out}/selection_{method}.json" for method in TOGETHER]
    include += [f"models/{name}-{which}/knowledge_boundary.json" for which in ("rehearsal", *TUNED_METHODS)]
    yield from evaluations(plan, models, include)


def evaluations(plan: Plan, models: dict, include: list):
    """The commands that evaluate models ({name: {flag: value}}), choose thresholds, and compare them in a report."""
    out, to = plan.out, {"output_dir": plan.out}
    evals = {label: f"eval_{label}.json" for label in models}
    found = [f"{out}/{file}" for file in evals.values()]
    for label, own in models.items():
        base_eval = {} if label == "init_basic" else {"base_eval": f"{out}/{evals['init_basic']}"}
        yield command(plan, "eval_refusal.py", **plan.evaluated, **to, **own, name=label, **base_eval)
    chosen = {}
    if plan.calibrated:
        folder = f"{out}/calibration"
        yield script(plan, "calibrate", calibrate=found, sets=plan.calibrated, signal="all", output_dir=folder)
        found_there = sorted(map(str, Path(folder).glob("calibration_*.json")))
        chosen = ({"calibration": found_there} if found_there else {}) | {"sets": plan.shown}
    yield script(plan, "compare", output_dir=out, compare=found, **chosen, include=include)


def probed(state: str) -> dict:
    """{``probe_state``: the state file} where a probe can be fitted on it; says where it can't."""
    cors = [r["cor"] for r in read_json(state, "run_query_state", "--state_init", ("cor",))["records"]]
    known = sum(cor >= 0.5 for cor in cors)
    try:
        probe.check_sides(known, len(cors) - known, 0.5)
    except UserError as e:
        print(f"\nNo baseline by a probe: {e}")
        return {}
    return {"probe_state": state}


def script(plan: Plan, part: str, **own) -> list:
    """The command of a part of eval_refusal.py that runs no model."""
    return ["python", "eval_refusal.py", *command(plan, part, **own)[2:]]


def median_threshold(state: Path) -> dict:
    """{``threshold``: the median of Cor} where 0.5 leaves D_van or D_idk without any question; says so.

    A model at chance is surely right on nothing; whatever it keeps is then little more than luck.
    """
    cors = sorted(r["cor"] for r in read_json(state, "run_query_state", "--state_init", ("cor",))["records"])
    values = sorted(set(cors))
    if len(values) < 2 or values[0] < 0.5 <= values[-1]:
        return {}
    median = min(values[1:], key=lambda v: abs(len(cors) / 2 - bisect_left(cors, v)))  # as many below as not
    side, end = (
        ("D_van", f"no Cor above {values[-1]:.3f}") if values[-1] < 0.5 else ("D_idk", f"none below {values[0]:.3f}")
    )
    print(
        f"\nAt --threshold 0.5 {side} would be empty ({end}): the questions are parted at {median:g}, their median, "
        f"instead. Such a model is at one of its ends on these questions; read what follows with care."
    )
    return {"threshold": median}
