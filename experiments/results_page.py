"""Write docs/results.md, its figures and the READMEs' table from the comparisons that ``methods.sh`` has made.

Examples:
  python experiments/results_page.py
  python experiments/results_page.py --results results --output docs --readme README.md README.zh-CN.md
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
        "The letters A to D and N for “I don't know”, scored in one pass. By letters the embedded model is at chance,\n"
        "as the AUROCs and the last share show: nothing can be told apart here, and nothing should be. “Known” in its\n"
        "training data is Cor ≥ 0.3; the untrained model's probe is left out: one of 300 training questions has the\n"
        "Cor of 0.5 that it asks for.",
    ),
}
PLACES = ("in domain", "out of domain")
# What was tried beyond the published methods, by how the rows' names begin; the longer names first.
IDEAS = {
    "soft_flow": "soft targets, Cor times the share of it that is left after rehearsal",
    "soft_mass": "soft targets, Cor by mass",
    "soft_blend": "soft targets, Cor the mean of the sampled one and the probe's p(known)",
    "soft_words": "soft targets, the model's own words as the answers to keep",
    "soft": "soft targets: the answer weighs Cor, the refusal 1 − Cor",
    "gate": "the refusal prompt's answers of the untrained model, refused by the tuned model's score",
    "stack": "the same answers, refused by a regression on all signals",
    "choose": "of all answers the one that such regressions find most likely right",
    "rank": "a threshold of the score's rank within the test set: carried over by coverage",
}
MARKS = ("<!-- made by experiments/results_page.py -->", "<!-- end -->")
HEADS = {
    "README.md": ("model", "seeds", "AUROC in domain", "THS in domain", "AUROC out of domain", "THS out of domain"),
    "README.zh-CN.md": ("模型", "种子数", "AUROC(域内)", "THS(域内)", "AUROC(域外)", "THS(域外)"),
}
AIM = 0.05  # THS by which a method should be above the others
LEVEL = 0.05


def arguments():
    """The script's flags."""
    parser = cli.Parser(__doc__)
    parser.add_argument("--results", default="results", help="folder with methods-open and methods-choice")
    parser.add_argument("--output", default="docs")
    parser.add_argument("--readme", nargs="*", default=list(HEADS), help="files whose table of results is renewed")
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


def signed(value: float) -> str:
    """A difference × 100 with its sign."""
    return ("+" if round(value, 3) > 0 else "") + number(value, 1, 100)


def short(found: tuple | None) -> str:
    """A paired test in little room: the difference, with a star where p < 0.05."""
    if not found:
        return "–"
    value, _, p = found
    return signed(value) + ("*" if p < LEVEL else "")


def both(cells) -> str:
    """In domain / out of domain."""
    return " / ".join(cells)


def combines(model: str) -> bool:
    """Whether a row is of combine.py, which decides nothing by itself."""
    return model.startswith(("gate", "stack", "choose", "rank"))


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
        self.sizes = [next(r["n"] for r in comparison["records"] if r["dataset"] == label) for label in self.labels]
        self.by_row = {(r["model"], r["dataset"]): r for r in comparison["records"]}
        self.baselines = self.models("baseline")
        if not self.baselines:
            raise UserError(f"--results: methods-{name} has no baseline at a threshold; run experiments/methods.sh")
        self.best = [self.highest(self.baselines, label) for label in self.labels]

    def models(self, kind: str) -> list:
        """The names of the rows of a kind."""
        return list(dict.fromkeys(r["model"] for r in self.comparison["records"] if r["kind"] == kind))

    def ths(self, model: str, label: str) -> float:
        """A row's THS on a test set; undefined counts as nothing."""
        return self.by_row[model, label]["ths"]["value"] or 0

    def highest(self, models, label: str) -> str:
        """The model of the highest THS on a test set."""
        return max(models, key=lambda model: self.ths(model, label))

    def mean_ths(self, model: str) -> float:
        """The mean of a row's THS over the test sets."""
        return sum(self.ths(model, label) for label in self.labels) / len(self.labels)

    @property
    def rows(self) -> list:
        """The cells of each row: the tuned and combined models, then the baselines."""
        found = []
        for model in self.models("native"):
            own = [self.by_row[model, label] for label in self.labels]
            chosen = f"{model}_calibrated"
            if (chosen, self.labels[0]) in self.by_row and chosen not in self.baselines:
                native = "–" if combines(model) else both(number(r["ths"]["value"], 1, 100) for r in own)
                found.append(self.row(model, chosen, native, own))
        return found + [self.row(f"*{m}*", m, "–") for m in self.baselines]

    def row(self, name: str, chosen: str, native: str, costing: list | None = None) -> list:
        """The cells of one row.

        Args:
            name: as it is shown.
            chosen: the row with a threshold.
            native: the cell of its own point.
            costing: the records that say what it cost; None: those of ``chosen``.
        """
        at = [self.by_row[chosen, label] for label in self.labels]
        cost = (costing or at)[0].get("cost") or {}
        gaps = [short(self.test(chosen, best, label)) for best, label in zip(self.best, self.labels, strict=True)]
        ranks = both(number(r["auroc_all"]["value"], 1, 100) for r in at)
        spent = [number(cost.get("seconds"), 0), number(cost.get("forward_passes"), 1)]
        figures = [ranks, native, both(map(with_spread, at)), both(gaps), both(map(answered, at))]
        return [name, str(at[0]["n_seeds"]), *figures, *spent]

    def test(self, a: str, b: str, label: str) -> tuple | None:
        """(difference a − b, [low, high], p) of the paired test of two rows' THS."""
        for t in self.comparison["summary"]["paired_tests"]:
            if t["dataset"] == label and {t["model_a"], t["model_b"]} == {a, b} and t["p"] is not None:
                sign = 1 if t["model_a"] == a else -1
                return sign * t["difference"], sorted(sign * x for x in t["ci95"]), t["p"]
        return None

    def difference(self, a: str, b: str, label: str) -> str:
        """A paired test in words."""
        found = self.test(a, b, label)
        if not found:
            return "–"
        value, (low, high), p = found
        return f"{signed(value)} [{signed(low)}, {signed(high)}], p = {number(p, 3)}"

    def tried(self) -> list:
        """(what it is, [(name, THS − CRaFT's)]) of every idea of ``IDEAS`` that has rows."""
        found = {}
        for model in self.models("calibrated"):
            idea = next((text for start, text in IDEAS.items() if model.startswith(start)), None)
            if idea:
                gaps = both(short(self.test(model, "craft_calibrated", label)) for label in self.labels)
                found.setdefault(idea, []).append((model.removesuffix("_calibrated"), gaps))
        return list(found.items())

    def reaches(self, model: str) -> bool:
        """Whether a calibrated row is as far above CRaFT's and every baseline's as the aim asks, on every test set."""
        others = ("craft_calibrated", *self.baselines)
        found = [self.test(model, other, label) for other in others if other != model for label in self.labels]
        return all(t and t[0] >= AIM and t[2] < LEVEL for t in found)

    def selected(self) -> list:
        """The calibrated rows for little room: of the baselines the confidence and the highest of each test set, the
        methods of several seeds, and of the combinations the highest of each test set."""
        calibrated = self.models("calibrated")
        combined = [m for m in calibrated if combines(m)]
        top = {self.highest(combined, label) for label in self.labels} if combined else set()
        baselines = [m for m in self.baselines if m == "confidence" or m in self.best]
        methods = [m for m in calibrated if not combines(m) and self.by_row[m, self.labels[0]]["n_seeds"] > 2]
        return baselines + methods + [m for m in combined if m in top]

    def draw(self, folder: Path) -> None:
        """The selected rows' curves on the first test set, in domain: results_NAME.png."""
        summary, label, shown = self.comparison["summary"], self.labels[0], self.selected()
        names = {*shown, *(m.removesuffix("_calibrated") for m in shown)}
        records = [r for r in self.comparison["records"] if r["dataset"] == label and r["model"] in names]
        records = [r | {"native": None} if combines(r["model"]) else r for r in records]
        lines = curves.lines(records, base=summary["base"])
        drawing.png(charts.curve_drawing(lines), folder / f"results_{self.name}.png")


def verdict(table: Table) -> str:
    """Whether the aim is reached on the open questions, and by which row."""
    tried = [m for m in table.models("calibrated") if m != "craft_calibrated"]
    reached = [m for m in tried if table.reaches(m)]
    if reached:
        return f"Of {len(tried)} rows that were tried it is reached by {', '.join(reached)} (p not corrected for that)."
    highest = {"by the mean of both": max(tried, key=table.mean_ths)}
    highest |= {place: table.highest(tried, label) for place, label in zip(PLACES, table.labels, strict=True)}
    lines = []
    for model in dict.fromkeys(highest.values()):
        where = " and ".join(place for place, one in highest.items() if one == model)
        gaps = "; ".join(
            f"{place} {table.difference(model, 'craft_calibrated', label)} to CRaFT and "
            f"{table.difference(model, baseline, label)} to the highest baseline, {baseline}"
            for place, label, baseline in zip(PLACES, table.labels, table.best, strict=True)
        )
        lines.append(f"- {model.removesuffix('_calibrated')}, the highest {where}: {gaps}.")
    return "\n".join(["**It was not reached.** What came nearest:", "", *lines])


def renewed(text: str, rows: list, where: str) -> str:
    """A page's text with the rows between its marks; UserError if it has none."""
    before, mark, rest = text.partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not (mark and end):
        raise UserError(f"--readme {where}: has no table between {MARKS[0]} and {MARKS[1]}")
    lines = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"{before}{mark}\n\n{lines}\n\n{end}{after}"


def readme_rows(table: Table, name: str) -> list:
    """The cells of a README's table: the selected rows, the untrained model's in italics."""
    shown = [(f"*{m}*" if m in table.baselines else m.removesuffix("_calibrated"), m) for m in table.selected()]
    found = [list(HEADS[name]), ["---"] * len(HEADS[name])]
    for title, model in shown:
        of_sets = [table.by_row[model, label] for label in table.labels]
        pairs = [(number(r["auroc_all"]["value"], 1, 100), with_spread(r)) for r in of_sets]
        found.append([title, str(of_sets[0]["n_seeds"]), *(cell for pair in pairs for cell in pair)])
    return found


def main():
    """Write the page."""
    args = arguments()
    folder, tables = Path(args.output), []
    for name in TITLES:
        path = Path(args.results) / f"methods-{name}" / "comparison.json"
        if path.exists():
            tables.append(Table(name, read_json(path, "compare", "--results")))
    if [table.name for table in tables][:1] != ["open"]:
        raise UserError(f"--results {args.results}: no methods-open; run experiments/methods.sh")
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), keep_trailing_newline=True, autoescape=False
    )
    seeds = max(r["n_seeds"] for table in tables for r in table.comparison["records"])
    text = environment.get_template("results.md.j2").render(forms=tables, seeds=seeds, verdict=verdict(tables[0]))
    pages = {
        path: renewed(Path(path).read_text(encoding="utf-8"), readme_rows(tables[0], Path(path).name), path)
        for path in args.readme
    }
    for table in tables:
        table.draw(folder)
    for path, content in ({folder / "results.md": text} | pages).items():
        write_text(Path(path), content)
    cli.closing([folder / "results.md", *pages], "open it")


if __name__ == "__main__":
    cli.run(main)
