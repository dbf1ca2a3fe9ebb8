"""Inputs of a report in the stages' layouts, small and plausible."""

from html.parser import HTMLParser

import numpy as np

from knowledge_boundary.reporting.names import BASELINES, MODELS
from knowledge_boundary.reporting.report import write_report

EVIL = "<script>alert(1)</script>"
OUTCOMES = ("correct", "wrong", "refused", "unparsed")
VOID = {"meta", "link", "br", "input"}


class Page(HTMLParser):
    """Checks that elements nest, counts scripts, and collects attributes, headings, and table rows."""

    def __init__(self, text):
        super().__init__()
        self.open, self.scripts, self.attributes, self.headings, self.rows = [], 0, set(), [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.scripts += tag == "script"
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "h2" in self.open:
            self.headings.append(data)
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


def meta(stage, **args):
    return {
        "stage": stage,
        "args": {"seed": 7, "overwrite": False, "dataset": ["world_facts"], **args},
        "model": {"name": "smollm2", "fingerprint": "0123abcd" * 8},
        "dataset": {"name": "world_facts", "split": "test"},
        "inputs": [{"path": "results/state_init.json", "sha256": "ab" * 32}],
        "versions": {"python": "3.11", "torch": None},
        "git_commit": None,
        "seed": 7,
    }


def metric(value, spread=0.05):
    return {"value": value, "ci95": None if value is None else [value - spread, value + spread]}


def row(model, dataset, right, wrong, ths=0.1, unparsed=0.0, ap=None):
    rates = {"p_correct": metric(right), "p_wrong": metric(wrong), "p_refused": metric(1 - right - wrong - unparsed)}
    rates |= {"p_unparsed": metric(unparsed), "ths": metric(ths), "over_refusal": metric(0.125), "ap": metric(ap)}
    return {"model": model, "dataset": dataset, "n": 350, "p_incomplete": metric(0.0), **rates, "warnings": []}


def comparison(models=tuple(MODELS), datasets=("world_facts/test", "world_facts/ood")):
    rows = [row(m, d, 0.3112 + i / 100, 0.45 - i / 15) for d in datasets for i, m in enumerate(reversed(models))]
    test = {"dataset": datasets[0], "model_a": "craft", "model_b": "cor_rait"}
    tests = [
        {**test, "difference": 0.0512, "ci95": [-0.01, 0.11], "p": 0.1234},
        {**test, "model_b": "van", "difference": -0.07, "ci95": [-0.1, -0.02], "p": 0.0002},
    ]
    summary = {"base": "init_basic", "paired_tests": tests}
    return {"meta": meta("eval_refusal") | {"model": None}, "summary": summary, "records": rows}


def curve(top, end=0.0, n=60):
    """A curve of ``n`` thresholds that rises to ``top`` at half coverage and falls to ``end`` at full."""
    at = np.arange(1, n + 1) / n
    ths = 4 * top * at * (1 - at) + end * at
    return [
        {"threshold": 3 - 6 * c, "coverage": c, "p_correct": 0.4 * c, "p_wrong": 0.6 * c, "ths": t}
        for c, t in zip(at.tolist(), ths.tolist(), strict=True)
    ]


def seeded(found, seeds=1, top=0.2, **more):
    """A row as a comparison writes it: with its kind, its seeds, its curve; ``ths`` that of the curve at half."""
    areas = {"auroc_all": metric(0.7 + top / 2), "aurc_all": metric(0.5 - top)}
    spread = dict.fromkeys(("p_correct", "ths"), 0.012) if seeds > 1 else None
    about = {"kind": "native", "signal": "score", "threshold": None, "target": None, "native": None, "cost": None}
    about |= {"n_seeds": seeds, "seeds": [f"{found['model']}_seed{i}" for i in range(seeds)], "spread": spread}
    return found | areas | about | {"curve": curve(top)} | more


def calibrated(name, dataset, kind, top, right=0.25, wrong=0.25, **more):
    """A row of a calibrated threshold on a curve that rises to ``top``."""
    more = {"threshold": 0.0, "target": "ths"} | more
    return seeded(row(name, dataset, right, wrong, top), top=top, kind=kind, **more)


def whole_comparison(models=tuple(MODELS), datasets=("world_facts/test", "world_facts/ood"), seeds=5):
    """A comparison with curves, calibrated rows, baselines, seeds and costs: trained models rise higher and higher."""
    found, rows, tests, curves = comparison(models, datasets), [], [], []
    for r in found["records"]:
        trained, top = not r["model"].startswith("init_"), 0.1 + list(models).index(r["model"]) / 100
        answered = 0.9 - top
        own = {"coverage": answered, "p_correct": 0.4, "p_wrong": answered - 0.4, "ths": 0.9 * top}
        own |= {"threshold": -1.8, "ths_on_curve": top}
        rows.append(seeded(r, seeds if trained else 1, top, native=own))
        if trained:
            thresholds = {"threshold": [0.5 - i / 4 for i in range(seeds)], "n_seeds": seeds}
            rows.append(calibrated(r["model"] + "_calibrated", r["dataset"], "calibrated", top, **thresholds))
    for dataset in datasets:
        for i, name in enumerate(BASELINES):
            cost = {"seconds": 12.34 + i, "forward_passes": 1 + 10 * (name in ("agreement", "certainty"))}
            row_name = name + "_baseline" * (name in models)
            rows.append(calibrated(row_name, dataset, "baseline", 0.055 + i / 100, signal=name, cost=cost))
        rows.append(calibrated("init_basic_calibrated", dataset, "baseline", 0.1))
        curves.append({"name": "probe", "dataset": dataset, "signal": "probe", "curve": curve(0.095)})
        curves.append({"name": "entropy", "dataset": dataset, "signal": "entropy", "curve": curve(0.03)})
        test = {
            "dataset": dataset,
            "kind": "native",
            "difference": 0.05,
            "ci95": [0.01, 0.09],
            "p": 0.0321,
            "n_seeds": [seeds, 1],
        }
        at = [
            {"coverage": c, "ths_a": 0.15, "ths_b": 0.1, "difference": 0.05, "ci95": [0.01, 0.09], "p": c / 10}
            for c in (0.25, 0.5, 0.75, 0.8)
        ]
        tests.append({**test, "model_a": models[-1], "model_b": "init_basic", "at_coverage": at})
        test["kind"] = "calibrated"
        tests.append({**test, "model_a": f"{models[-1]}_calibrated", "model_b": "cautious_prompt", "at_coverage": []})
    found["summary"]["paired_tests"] += tests
    return found | {"summary": found["summary"] | {"baseline_curves": curves}, "records": rows}


def boundary(n=6, name="subject_"):
    accuracies = np.linspace(0.95, 0.1, n)
    subjects = {
        name + str(i): {"n": 80, "accuracy": a, "ci95": [max(0, a - 0.1), min(1, a + 0.1)], "known": bool(a > 0.4)}
        for i, a in enumerate(accuracies)
    }
    summary = {"accuracy": 0.4321, "n": 800, "chance": 0.25, "subjects": subjects, "categories": {}}
    summary |= {"letter_mass": 0.8, "warnings": []}
    return {"meta": meta("run_MMLU"), "summary": summary, "records": []}


def question(subject, split, i, text=None, choices=None):
    return {
        "id": f"{subject}/{split}/{i}",
        "subject": subject,
        "question": text or f"What is the capital of place {i}?",
        "choices": choices,
        "answer": "A" if choices else f"Town {i}",
        "aliases": [] if choices else [f"City of {i}"],
    }


def state(shift=0.0, subject="country_capital", choices=None, n=300):
    rng = np.random.default_rng(0)
    cor = rng.beta(0.6, 0.8, n)
    cer = np.clip(cor * 0.6 + rng.normal(0.3, 0.15, n), -0.2, 1)
    cor = np.clip(cor + shift * rng.normal(1, 2, n), 0, 1)
    if choices:
        cer = (cer - 1) * np.log(4) * 0.8
    else:
        cor = np.round(cor, 1)
    records = [
        {**question(subject, "train", i, choices=choices), "cor": c, "cer": e}
        for i, (c, e) in enumerate(zip(cor.tolist(), cer.tolist(), strict=True))
    ]
    return {"meta": meta("run_query_state"), "summary": {}, "records": records}


def selection(method, flow=None):
    """Questions are in turn van, idk (the one before its nearest, similarity 1 − number / 1000) and dropped."""
    records = []
    for i, (r, a) in enumerate(zip(state()["records"], state(0.1)["records"], strict=True)):
        record = {k: r[k] for k in ("id", "subject", "question", "choices", "answer", "aliases")}
        record |= {"cor_init": r["cor"], "cor_rehearsal": a["cor"], "cer_init": r["cer"]}
        record |= {"delta_cor": a["cor"] - r["cor"], "label": ("van", "idk", "dropped")[i % 3]}
        record["reason"] = ("kept: random", "kept: random", "dropped: not drawn")[i % 3]
        if record["label"] == "idk":
            record |= {"nearest": records[i - 1]["id"], "similarity": 1 - i / 1000}
        records.append(record)
    summary = {"method": method, "pools": {"van": 180, "idk": 420}, "taken": {"van": 150, "idk": 149}}
    summary |= {"crss": {"0.90": 0.8, "0.97": 0.432, "1.00": 0.0}, "mean_max_similarity": 0.951}
    if flow:
        summary["flow"] = flow
    args = {"method": method, "threshold": 0.5, "tau_sim": 0.97}
    return {"meta": meta("build_rait_data", **args), "summary": summary, "records": records}


def evaluation(model, subject="country_capital", shift=0, n=120, texts=()):
    """Question i is right, wrong, refused or unparsed as i + ``shift`` counts; the last are of the ood set."""
    records = []
    for i in range(n):
        outcome = OUTCOMES[(i + shift) % 4]
        asked = question(f"{subject}{i % 3}", "test", i, dict(enumerate(texts)).get(i))
        output = {"correct": asked["answer"], "wrong": f"Village {i}", "refused": "I don't know.", "unparsed": ""}
        label = "world_facts/test" if i < n - 40 else "world_facts/ood"
        records.append(asked | {"dataset": label, "output": output[outcome], "outcome": outcome, "confidence": i / n})
    points = [{"coverage": k / n, "risk": 0.3 * k / n, "confidence": 1 - k / n} for k in range(1, n // 2)]
    sets = {"world_facts/test": {"risk_coverage": {"points": points, "aurc": metric(0.234)}}, "world_facts/ood": {}}
    summary = {"model": model, "datasets": sets}
    return {"meta": meta("eval_refusal", name=model), "summary": summary, "records": records}


def training(name, stage="finetune", n=40):
    losses = (3 * np.exp(-np.arange(n) / 10) + 0.2).tolist()
    summary = {"steps": n, "losses": losses}
    return {"meta": meta(stage, output_model=f"models/{name}"), "summary": summary, "records": []}


def everything(evil=""):
    return {
        "comparison": whole_comparison((*MODELS, f"other{evil}")),
        "boundary": boundary(name=f"{evil}subject_"),
        "state_init": state(),
        "state_rehearsal": state(0.1),
        "selections": [selection("craft", {"improved": 83, "unchanged": 200, "worse": 67}), selection(f"van{evil}")],
        "evaluations": [
            evaluation("init_basic"),
            evaluation("craft", shift=1),
            evaluation(f"other{evil}", f"{evil}city", texts=[evil] * bool(evil)),
        ],
        "trainings": [training(f"rehearsal{evil.replace('/', '')}", "run_rehearsal"), training("craft")],
    }


def render(folder, **inputs):
    write_report(folder / "report.html", **inputs)
    return (folder / "report.html").read_text(encoding="utf-8")
