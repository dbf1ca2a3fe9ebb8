"""Write docs/results.md and its figures from the comparisons that ``methods.sh`` has made.

Examples:
  python experiments/results_page.py
  python experiments/results_page.py --results results --output docs
"""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from knowledge_boundary import cli
from knowledge_boundary.reporting import charts, curves, drawing
from knowledge_boundary.reporting.drawing import number
from knowledge_boundary.running.errors import UserError
from knowledge_boundary.running.results import read_json, write_text

TITLES = {
    "open": ("Open questions", "Answered in the model's own words; a refusal is “I don't know.”."),
    "choice": (
        "Multiple choice, refused by a letter",
        "The letters A to D and N for “I don't know”, scored in one pass.",
    ),
}
PLACES = ("in domain", "out of domain")
AIM = 0.05  # THS by which a method should be above the others
LEVEL = 0.05


def arguments():
    """The script's flags."""
    parser = cli.Parser(__doc__)
    parser.add_argument("--results", default="results", help="folder with methods-open and methods-choice")
    parser.add_argument("--output", default="docs")
    return parser.parse_args()


def metric(found: dict | None) -> str:
    """``{value, ci95}`` × 100."""
    if not found or found["value"] is None:
        return "–"
    low, high = (number(x, 1, 100) for x in found["ci95"])
    return f"{number(found['value'], 1, 100)} [{low}, {high}]"


def with_spread(record: dict | None, name: str = "ths") -> str:
    """A metric with its standard deviation between seeds."""
    if record is None:
        return "–"
    spread = (record["spread"] or {}).get(name)
    return metric(record[name]) + (f" ± {number(spread, 1, 100)}" if isinstance(spread, (int, float)) else "")


def answered(record: dict) -> str:
    """The share right where everything is answered: the curve's end."""
    return number(record["curve"][-1]["p_correct"], 1, 100) if record["curve"] else "–"


def both(cells) -> str:
    """In domain / out of domain."""
    return " / ".join(cells)


class Table:
    """One form's comparison as the page shows it.

    Args:
        name: a key of ``TITLES``.
        comparison: the content of its comparison.json.
    """

    def __init__(self, name: str, comparison: dict):
        self.name, self.comparison = name, comparison
        self.title, self.questions = TITLES[name]
        self.labels = list(dict.fromkeys(r["dataset"] for r in comparison["records"]))
        self.sets = PLACES[: len(self.labels)]
        self.by_row = {(r["model"], r["dataset"]): r for r in comparison["records"]}
        self.baselines = self.models("baseline")
        if not self.baselines:
            raise UserError(f"--results: methods-{name} has no baseline at a threshold; run experiments/methods.sh")
        self.best = max(self.baselines, key=self.mean_ths)

    def models(self, kind: str) -> list:
        """The names of the rows of a kind."""
        return list(dict.fromkeys(r["model"] for r in self.comparison["records"] if r["kind"] == kind))

    def mean_ths(self, model: str) -> float:
        """The mean of a row's THS over the test sets; undefined counts as nothing."""
        return sum(self.by_row[model, label]["ths"]["value"] or 0 for label in self.labels) / len(self.labels)

    @property
    def rows(self) -> list:
        """A row a native model with its calibrated point, then one a baseline."""
        found = []
        for model in self.models("native"):
            own = [self.by_row[model, label] for label in self.labels]
            chosen = [self.by_row.get((f"{model}_calibrated", label)) for label in self.labels]
            combined = model.startswith(("gate_", "stack", "choose", "rank_"))  # which decide nothing by themselves
            native = ["–"] if combined else [with_spread(r) for r in own]
            found.append(self.row(model, own, native, [with_spread(r) for r in chosen]))
        for model in self.baselines:
            own = [self.by_row[model, label] for label in self.labels]
            found.append(self.row(f"*{model}*", own, ["–"], [with_spread(r) for r in own]))
        return found

    def row(self, name: str, own: list, native, chosen) -> list:
        """The cells of one row."""
        cost = own[0].get("cost") or {}
        figures = [both(number(r["auroc_all"]["value"], 1, 100) for r in own), both(native), both(chosen)]
        spent = [number(cost.get("seconds"), 0), number(cost.get("forward_passes"), 1)]
        return [name, str(own[0]["n_seeds"]), *figures, both(map(answered, own)), *spent]

    @property
    def against(self) -> list:
        """Each calibrated row's THS minus the best baseline's."""
        return [
            [m, *(self.difference(m, self.best, label) for label in self.labels)] for m in self.models("calibrated")
        ]

    def test(self, a: str, b: str, label: str) -> tuple | None:
        """(difference a − b, [low, high], p) of the paired test of two rows."""
        for t in self.comparison["summary"]["paired_tests"]:
            if t["dataset"] == label and {t["model_a"], t["model_b"]} == {a, b} and t["p"] is not None:
                sign = 1 if t["model_a"] == a else -1
                return sign * t["difference"], sorted(sign * x for x in t["ci95"]), t["p"]
        return None

    def difference(self, a: str, b: str, label: str) -> str:
        """A paired test's cell."""
        found = self.test(a, b, label)
        if not found:
            return "–"
        value, (low, high), p = found
        return f"{number(value, 1, 100)} [{number(low, 1, 100)}, {number(high, 1, 100)}], p = {number(p, 3)}"

    def reaches(self, model: str) -> bool:
        """Whether a calibrated row is as far above CRaFT's and every baseline's as the aim asks, on every test set."""
        others = ("craft_calibrated", *self.baselines)
        found = [self.test(model, other, label) for other in others if other != model for label in self.labels]
        return all(t and t[0] >= AIM and t[2] < LEVEL for t in found)

    def draw(self, folder: Path) -> None:
        """The curves of the first test set, in domain: results_NAME.png."""
        summary = self.comparison["summary"]
        label = self.labels[0]
        records = [r for r in self.comparison["records"] if r["dataset"] == label]
        others = [c for c in summary["baseline_curves"] if c["dataset"] == label]
        drawing.png(
            charts.curve_drawing(curves.lines(records, others, summary["base"])), folder / f"results_{self.name}.png"
        )


def verdict(tables: list) -> str:
    """Whether the aim is reached on the open questions, and by which row."""
    table = next((t for t in tables if t.name == "open"), None)
    if table is None:
        return "The open questions were not run."
    tried = [m for m in table.models("calibrated") if m != "craft_calibrated"]
    reached = [m for m in tried if table.reaches(m)]
    if reached:
        return f"Of {len(tried)} rows that were tried it is reached by {', '.join(reached)} (p not corrected for that)."
    best = max(tried, key=table.mean_ths)
    gaps = "; ".join(
        f"{place} {table.difference(best, table.best, label)}"
        for place, label in zip(table.sets, table.labels, strict=True)
    )
    return (
        f"**It was not reached.** The highest of the methods, {best}, against the best baseline, {table.best}: {gaps}."
    )


def main():
    """Write the page."""
    args = arguments()
    folder, tables = Path(args.output), []
    for name in TITLES:
        path = Path(args.results) / f"methods-{name}" / "comparison.json"
        if path.exists():
            tables.append(Table(name, read_json(path, "compare", "--results")))
    for table in tables:
        table.draw(folder)
    if not tables:
        raise UserError(f"--results {args.results}: no methods-open or methods-choice; run experiments/methods.sh")
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), keep_trailing_newline=True, autoescape=False
    )
    seeds = max(r["n_seeds"] for table in tables for r in table.comparison["records"])
    text = environment.get_template("results.md.j2").render(forms=tables, seeds=seeds, verdict=verdict(tables))
    write_text(folder / "results.md", text)
    cli.closing([folder / "results.md"], "open it")


if __name__ == "__main__":
    cli.run(main)
