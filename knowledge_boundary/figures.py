"""The figures: PNGs beside the stages' results, and the drawings of the HTML page.

Text from the data is escaped by matplotlib, and never read as mathematics.
"""

import io
import re
import warnings

import numpy as np
from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.collections import PolyCollection
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from .mmlu import CATEGORIES, CATEGORY

METHODS = {"van": "#767676", "cor": "#d08700", "corcer": "#00906a", "craft": "#0072b2"}
RIGHT, WRONG, REFUSED, UNPARSED = "#0072b2", "#c75000", "#767676", "#a8558b"
OUTCOMES = {"correct": ("right", RIGHT), "wrong": ("wrong", WRONG), "refused": ("refused", REFUSED)}
OUTCOMES["unparsed"] = ("unparsed", UNPARSED)
KNOWN_COLORS = {True: RIGHT, False: WRONG}
CATEGORY_COLORS = dict(zip(CATEGORIES, ("#0072b2", "#d08700", "#00906a", "#a8558b"), strict=True))
# In the page these two become CSS variables, so that text and axes turn light on a dark background.
INK, RULE = "#24292f", "#b4bac2"
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "knowledge-boundary",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.6,
} | dict.fromkeys(("axes.spines.top", "axes.spines.right", "legend.frameon"), False)
STYLE |= dict.fromkeys(("text.color", "axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor"), INK)
STYLE |= dict.fromkeys(("axes.edgecolor", "xtick.color", "ytick.color", "grid.color"), RULE)


def boundary_figure(boundary, path) -> None:
    """Save as PNG: each subject's accuracy with its 95 % interval, best first, and the line of chance.

    Args:
        boundary: the content of ``boundary.json``; subjects without an accuracy are left out.
        path: the file to write.

    Raises:
        KeyError: ``boundary`` is not a boundary file.
        OSError: the file cannot be written.
    """
    _png(boundary_drawing(boundary["summary"]), path)


def state_figure(state, path) -> None:
    """Save as PNG: how many questions lie at each Cor (across) and Cer (up).

    Args:
        state: the content of ``state_init.json`` or ``state_rehearsal.json``; records without Cor or Cer are left out.
        path: the file to write.

    Raises:
        KeyError: ``state`` is not a state file.
        OSError: the file cannot be written.
    """
    _png(state_drawing(*density([state])[0]), path)


# Drawings: each returns a matplotlib Figure, for svg or _png.


def number(x, digits=1, times=1) -> str:
    """A number as the reader sees it, with a true minus; a dash for null."""
    return f"{round(times * x, digits) + 0.0:.{digits}f}".replace("-", "−") if isinstance(x, (int, float)) else "–"


def label(text, keep=False) -> str:
    """A name as an axis label: one line, cut where it is too long; underscores stay only if ``keep``."""
    text = " ".join(str(text if keep else str(text).replace("_", " ")).split())
    return text if len(text) <= 36 else text[:35] + "…"


def _canvas(height):
    figure = Figure(figsize=(4.8, height), layout="constrained")  # narrow, so that 9 pt can be read on a phone
    return figure, figure.subplots()


def _rows(ax, labels) -> None:
    """The y axis as a list of names, the first on top."""
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.45, -0.55)
    ax.tick_params(axis="y", length=0)


@rc_context(STYLE)
def stacked_drawing(labels, rows) -> Figure:
    """Bars of 100 %, one per label, split into the outcomes; ``rows``: {outcome: share}."""
    figure, ax = _canvas(0.8 + 0.25 * len(rows))
    left = np.zeros(len(rows))
    for outcome, (name, color) in OUTCOMES.items():
        width = np.array([100 * row[outcome] for row in rows])
        if outcome == "unparsed" and not width.any():
            continue
        ax.barh(range(len(rows)), width, 0.78, left=left, color=color, label=name)
        for i in np.flatnonzero(width >= 3):
            at = (left[i] + width[i] / 2, i)
            ax.text(*at, f"{width[i]:.0f}", ha="center", va="center", color="white", fontsize=8, weight="bold")
        left += width
    _rows(ax, labels)
    ax.grid(False)
    ax.spines["left"].set_visible(False)
    ax.set(xlim=(0, 100), xlabel="% of questions")
    figure.legend(loc="outside upper center", ncols=4, handlelength=1, columnspacing=1.2)
    return figure


@rc_context(STYLE)
def ths_drawing(labels, records) -> Figure:
    """A dot and its interval per model, the zero line, the number beside it."""
    figure, ax = _canvas(0.6 + 0.34 * len(records))
    ax.axvline(0, color=INK, linewidth=1)
    for i, metric in enumerate(r.get("ths") or {} for r in records):
        if metric.get("value") is None:
            ax.annotate("undefined", (0, i), (6, 0), textcoords="offset points", va="center", fontsize=8)
            continue
        value, ci = 100 * metric["value"], 100 * np.array(metric.get("ci95") or [metric["value"]] * 2)
        ax.plot(ci, [i, i], color=RIGHT, solid_capstyle="round")
        ax.plot(value, i, "o", color=RIGHT)
        ax.annotate(number(value), (value, i), (0, 5), textcoords="offset points", ha="center", fontsize=8)
    _rows(ax, labels)
    ax.set_xlabel("THS × 100")
    return figure


def ranked(subjects) -> list[tuple]:
    """(name, entry) of the subjects that have an accuracy, best first."""
    having = [(name, s) for name, s in subjects.items() if s.get("accuracy") is not None]
    return sorted(having, key=lambda item: (-item[1]["accuracy"], item[0]))


@rc_context(STYLE)
def boundary_drawing(summary) -> Figure:
    """Dots with intervals by subject; filled where the subject counts as known; MMLU's subjects by category."""
    rows = ranked(summary["subjects"])
    grouped = all(name in CATEGORY for name, _ in rows)
    figure, ax = _canvas(1.0 + 0.2 * grouped + 0.19 * len(rows))
    lines = []
    if summary.get("chance") is not None:
        lines.append(ax.axvline(summary["chance"], color=INK, linestyle="--", linewidth=1, label="chance"))
    for i, (name, subject) in enumerate(rows):
        known = subject.get("known", True)
        color = CATEGORY_COLORS[CATEGORY[name]] if grouped else KNOWN_COLORS[known]
        ax.plot(subject.get("ci95") or [subject["accuracy"]] * 2, [i, i], color=color, linewidth=1.4)
        ax.plot(subject["accuracy"], i, **_dot(color, known))
    for known, name in ((True, "known"), (False, "not known")):
        if any(subject.get("known", True) == known for _, subject in rows):
            lines.append(Line2D([], [], label=name, **_dot(INK if grouped else KNOWN_COLORS[known], known)))
    if grouped:
        present = {CATEGORY[name] for name, _ in rows}
        lines += [Patch(facecolor=c, label=name) for name, c in CATEGORY_COLORS.items() if name in present]
    _rows(ax, [label(name) for name, _ in rows])
    ax.tick_params(axis="y", labelsize=8)
    ax.set(xlim=(-0.02, 1.02), xlabel="accuracy")
    figure.legend(handles=lines, loc="outside upper center", ncols=4 if grouped else 3, handlelength=1.2)
    return figure


def _dot(color, known) -> dict:
    """A marker's look: filled where known."""
    look = {"marker": "o", "linestyle": "", "markersize": 4.5, "markeredgewidth": 1.4, "color": color}
    return look if known else look | {"markerfacecolor": "none"}


def _grid(values) -> int | None:
    """The n of which all values are n-ths (answers were sampled), None if they are continuous."""
    return next((n for n in range(10, 33) if np.allclose(values * n, np.round(values * n), atol=1e-6)), None)


def density(states) -> list[tuple]:
    """Per state (points, edges, counts, largest count of all states), on edges that fit all of them."""
    if not states:
        return []
    pairs = [[(r["cor"], r["cer"]) for r in s["records"] if None not in (r["cor"], r["cer"])] for s in states]
    points = [np.array(p, float).reshape(-1, 2) for p in pairs]
    choices = any(r.get("choices") for s in states for r in s["records"])
    cor, cer = np.concatenate(points).T
    low, high = (-np.log(4), 0.0) if choices else (0.0, 1.0)
    low, high = min(low, cer.min(initial=low)), max(high, cer.max(initial=high))
    n = _grid(cor)
    edges = ((np.arange(n + 2) - 0.5) / n if n else np.linspace(0, 1, 21), np.linspace(low, high, 25))
    counts = [np.histogram2d(*p.T, bins=edges)[0] for p in points]
    return [(p, edges, c, max(x.max() for x in counts)) for p, c in zip(points, counts, strict=True)]


@rc_context(STYLE)
def state_drawing(points, edges, counts, top, threshold=0.5) -> Figure:
    """A map of Cor and Cer, one cell the fuller the more questions (logarithmic); each one's histogram at its side."""
    figure = Figure(figsize=(4.8, 4.4), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=(5, 1), height_ratios=(1, 4), hspace=0.02, wspace=0.02)
    ax = figure.add_subplot(grid[1, 0])
    above, beside = figure.add_subplot(grid[0, 0], sharex=ax), figure.add_subplot(grid[1, 1], sharey=ax)
    cells, values = [], []
    for i, j in zip(*np.nonzero(counts), strict=True):
        (left, right), (low, high) = edges[0][i : i + 2], edges[1][j : j + 2]
        cells.append([(left, low), (right, low), (right, high), (left, high)])
        values.append(counts[i, j])
    # Transparency, not white: the page can be dark. Few steps: the bar stays a drawing in the SVG.
    blues = ListedColormap([(0.0, 0.45, 0.70, alpha) for alpha in np.linspace(0.2, 1, 16)])
    drawn = PolyCollection(cells, array=values, cmap=blues, norm=LogNorm(1, max(top, 2)), edgecolors="none")
    ax.add_collection(drawn)
    above.stairs(counts.sum(1), edges[0], fill=True, color=RIGHT, alpha=0.6)
    beside.stairs(counts.sum(0), edges[1], fill=True, color=RIGHT, alpha=0.6, orientation="horizontal")
    sampled, n = edges[0][0] < 0, len(edges[0]) - 2
    line = (np.ceil(threshold * n - 1e-9) - 0.5) / n if sampled else threshold  # between two columns of n-ths
    for axes in (ax, above):
        axes.axvline(line, color=INK, linestyle="--", linewidth=1)
    share = np.mean(points[:, 0] >= threshold) if len(points) else 0
    above.annotate(f"Cor ≥ {threshold:g}: {share:.0%}", (line, 1), (3, 2), "axes fraction", textcoords="offset points")
    for axes, name in ((above, "y"), (beside, "x")):
        axes.grid(False)
        axes.tick_params(labelleft=name == "y", labelbottom=name == "x", length=0)
        axes.locator_params(axis=name, nbins=2, integer=True)
    above.set_ylabel("questions", fontsize=8)
    letters = edges[1][0] < -1  # multiple choice
    ax.grid(False)
    ax.set(xlim=edges[0][[0, -1]], ylim=edges[1][[0, -1]])
    if letters:
        name = "share of drawn letters that are right" if sampled else "probability of the right letter"
    else:
        name = "share of sampled answers that are right"
    ax.set_xlabel(f"Cor: {name}")
    ax.set_ylabel("Cer: minus entropy, nats" if letters else "Cer: likeness of the sampled answers")
    top = int(max(top, 2))
    ticks = [*(10**k for k in range(9) if 10**k < top / 1.3), top]
    bar = figure.colorbar(drawn, ax=[ax, above, beside], aspect=40, pad=0.02, label="questions in a cell")
    bar.set_ticks(ticks, labels=map(str, ticks))
    bar.minorticks_off()
    bar.outline.set_visible(False)
    return figure


@rc_context(STYLE)
def flow_drawing(delta) -> Figure:
    """Histogram of the change in Cor, coloured by its direction."""
    figure, ax = _canvas(2.8)
    n = _grid(delta)
    edges = (np.arange(-n, n + 2) - 0.5) / n if n else np.linspace(-1, 1, 41)
    parts = {"improved": (delta > 1e-9, RIGHT), "unchanged": (abs(delta) <= 1e-9, REFUSED)}
    parts |= {"worse": (delta < -1e-9, WRONG)}
    labels = [f"{name} ({mask.sum()})" for name, (mask, _) in parts.items()]
    colors = [color for _, color in parts.values()]
    ax.hist([delta[mask] for mask, _ in parts.values()], edges, color=colors, label=labels, stacked=True, rwidth=0.9)
    ax.axvline(0, color=INK, linewidth=1)
    ax.set(xlabel="ΔCor: after rehearsal minus before", ylabel="questions")
    figure.legend(loc="outside upper center", ncols=3, handlelength=1, columnspacing=1.2)
    return figure


@rc_context(STYLE)
def crss_drawing(selections) -> Figure:
    """CRSS against the similarity threshold, one line per selection."""
    figure, ax = _canvas(3.0)
    ax.axvline(0.97, color=INK, linestyle="--", linewidth=1)
    for selection, marker in zip(selections, "osD^vP*Xsoh<>" * len(selections), strict=False):
        name = selection["summary"]["method"]
        curve = sorted((float(k), v) for k, v in (selection["summary"].get("crss") or {}).items() if v is not None)
        if curve:
            look = {"marker": marker, "markersize": 4, "color": METHODS.get(name, UNPARSED)}
            ax.plot(*zip(*curve, strict=True), label=label(name, keep=True), **look)
    ax.set(ylim=(-0.03, 1.03), xlabel="similarity threshold τ_sim", ylabel="CRSS")
    figure.legend(loc="outside upper center", ncols=4, columnspacing=1.2)
    return figure


def _png(figure, path) -> None:
    with rc_context(STYLE):
        figure.savefig(path, format="png", dpi=200, facecolor="white", metadata={"Software": None})


def svg(figure) -> Markup:
    """The figure as an ``<svg>`` element: no metadata, no ids of groups (they repeat), ink and rules from the page."""
    text = io.StringIO()
    with rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # the browser has the fonts, we only measure
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(text, format="svg", transparent=True, metadata=nothing)
    drawn = text.getvalue()
    drawn = re.sub(r'<g id="[^"]*">', "<g>", drawn[drawn.index("<svg") :])
    drawn = re.sub(rf"(fill|stroke): {INK}", r"\1: var(--ink)", drawn)
    return Markup(re.sub(rf"(fill|stroke): {RULE}", r"\1: var(--rule)", drawn))
