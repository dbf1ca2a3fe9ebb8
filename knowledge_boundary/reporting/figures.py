"""The figures of what a model knows: the boundary by subject, Cor and Cer, and how rehearsal moves them.

PNGs beside the stages' results, and drawings (matplotlib Figures) for the HTML page.
"""

import numpy as np
from matplotlib import rc_context
from matplotlib.collections import PolyCollection
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..knowledge.state import SAME
from ..questions.mmlu import CATEGORY
from .drawing import (
    CATEGORY_COLORS,
    INK,
    KNOWN_COLORS,
    REFUSED,
    RIGHT,
    STYLE,
    WRONG,
    canvas,
    label,
    name_rows,
    png,
    steps,
)

STILL = 0.02  # a mean move shorter than this, as a share of the axis, is drawn as none


def boundary_figure(boundary, path) -> None:
    """Save as PNG: each subject's accuracy with its 95 % interval, best first, and the line of chance.

    Args:
        boundary: the content of ``boundary.json``; subjects without an accuracy are left out.
        path: the file to write.

    Raises:
        KeyError: ``boundary`` is not a boundary file.
        OSError: the file cannot be written.
    """
    png(boundary_drawing(boundary["summary"]), path)


def state_figure(state, path) -> None:
    """Save as PNG: how many questions lie at each Cor (across) and Cer (up).

    Args:
        state: the content of ``state_init.json`` or ``state_rehearsal.json``; records without Cor or Cer are left out.
        path: the file to write.

    Raises:
        KeyError: ``state`` is not a state file.
        OSError: the file cannot be written.
    """
    png(state_drawing(*density([state])[0]), path)


def ranked(subjects) -> list[tuple]:
    """(name, entry) of the subjects that have an accuracy, best first."""
    having = [(name, s) for name, s in subjects.items() if s.get("accuracy") is not None]
    return sorted(having, key=lambda item: (-item[1]["accuracy"], item[0]))


@rc_context(STYLE)
def boundary_drawing(summary) -> Figure:
    """Dots with intervals by subject; filled where the subject counts as known; MMLU's subjects by category."""
    rows = ranked(summary["subjects"])
    grouped = all(name in CATEGORY for name, _ in rows)
    figure, ax = canvas(1.0 + 0.2 * grouped + 0.19 * len(rows))
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
    name_rows(ax, [label(name) for name, _ in rows])
    ax.tick_params(axis="y", labelsize=9)
    ax.set(xlim=(-0.02, 1.02), xlabel="accuracy")
    figure.legend(handles=lines, loc="outside upper center", ncols=4 if grouped else 3, handlelength=1.2)
    return figure


def _dot(color, known) -> dict:
    """A marker's look: filled where known."""
    look = {"marker": "o", "linestyle": "", "markersize": 4.5, "markeredgewidth": 1.4, "color": color}
    return look if known else look | {"markerfacecolor": "none"}


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
    n = steps(cor)
    edges = ((np.arange(n + 2) - 0.5) / n if n else np.linspace(0, 1, 21), np.linspace(low, high, 25))
    # A Cor by mass that lies a little outside [0, 1] is in the outermost cells.
    counts = [np.histogram2d(p[:, 0].clip(*edges[0][[0, -1]]), p[:, 1], bins=edges)[0] for p in points]
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
    line = _cut(edges, threshold)
    for axes in (ax, above):
        axes.axvline(line, color=INK, linestyle="--", linewidth=1)
    share = np.mean(points[:, 0] >= threshold) if len(points) else 0
    above.annotate(f"Cor ≥ {threshold:g}: {share:.0%}", (line, 1), (3, 2), "axes fraction", textcoords="offset points")
    for axes, name in ((above, "y"), (beside, "x")):
        axes.grid(False)
        axes.tick_params(labelleft=name == "y", labelbottom=name == "x", length=0)
        axes.locator_params(axis=name, nbins=2, integer=True)
    above.set_ylabel("questions", fontsize=9)
    ax.grid(False)
    _plane(ax, edges)
    top = int(max(top, 2))
    ticks = [*(10**k for k in range(9) if 10**k < top / 1.3), top]
    bar = figure.colorbar(drawn, ax=[ax, above, beside], aspect=40, pad=0.02, label="questions in a cell")
    bar.set_ticks(ticks, labels=map(str, ticks))
    bar.minorticks_off()
    bar.outline.set_visible(False)
    return figure


def _plane(ax, edges) -> None:
    """The limits and names of the axes of a Cor × Cer plane."""
    letters, sampled = edges[1][0] < -1, edges[0][0] < 0  # multiple choice; Cor moves in n-ths
    if letters:
        name = "share of drawn letters that are right" if sampled else "probability of the right letter"
    else:
        name = "share of sampled answers that are right"
    ax.set(xlim=edges[0][[0, -1]], ylim=edges[1][[0, -1]], xlabel=f"Cor: {name}")
    ax.set_ylabel("Cer: minus entropy, nats" if letters else "Cer: likeness of the sampled answers")


def displacements(before, after, edges) -> list[tuple]:
    """Mean positions before and after, by cell of the Cor × Cer plane: ``[(count, before, after)]``.

    Cells are a sixth of the plane wide and high, a tenth from 5,000 questions on; sampled Cor is divided between its
    values.

    Args:
        before: array [questions, 2] of Cor and Cer.
        after: the same questions' after rehearsal.
        edges: of ``density``, whose limits the cells divide.
    """
    size = 10 if len(before) >= 5000 else 6
    across, up = (np.linspace(*e[[0, -1]], size + 1) for e in edges)
    if edges[0][0] < 0:
        across = edges[0][:: -(-(len(edges[0]) - 1) // size)]
    cell = np.stack([np.digitize(before[:, 0], across[1:]), np.digitize(before[:, 1], up[1:-1])])
    _, group = np.unique(cell, axis=1, return_inverse=True)
    groups = [np.flatnonzero(group == g) for g in range(group.max(initial=-1) + 1)]
    return [(len(g), before[g].mean(0), after[g].mean(0)) for g in groups]


@rc_context(STYLE)
def arrows_drawing(cells, edges, threshold=0.5) -> Figure:
    """The flow on the Cor × Cer plane: an arrow a cell, its questions' mean move; the dot's area is their number.

    Args:
        cells: of ``displacements``.
        edges: of ``density``.
        threshold: on Cor, a dashed line.
    """
    figure, ax = canvas(4.4)
    most = max(n for n, _, _ in cells)
    for n, start, end in sorted(cells, key=lambda c: c[0]):
        moved = end[0] - start[0]
        color = RIGHT if moved > STILL else WRONG if moved < -STILL else REFUSED
        dot = {"markersize": max(2.5, 9 * np.sqrt(n / most)), "markeredgewidth": 0, "alpha": 0.45, "clip_on": False}
        ax.plot(*start, "o", color=color, **dot)
        arrow = {"arrowstyle": "-|>", "color": color, "linewidth": 1.5, "mutation_scale": 8}
        if np.hypot(moved, (end[1] - start[1]) / (edges[1][-1] - edges[1][0])) > STILL:
            ax.annotate("", end, start, arrowprops=arrow | {"shrinkA": 0, "shrinkB": 0})
    ax.axvline(_cut(edges, threshold), color=INK, linestyle="--", linewidth=1)
    _plane(ax, edges)
    names = {RIGHT: "Cor rose", REFUSED: f"Cor moved ≤ {STILL:g}", WRONG: "Cor fell"}
    lines = [Line2D([], [], color=c, marker=">", markersize=5, label=name) for c, name in names.items()]
    figure.legend(handles=lines, loc="outside upper center", ncols=3, handlelength=1.6, columnspacing=1.2)
    return figure


def _cut(edges, threshold) -> float:
    """Where the line of the threshold on Cor is drawn: between two columns of n-ths, or at the threshold itself."""
    sampled, n = edges[0][0] < 0, len(edges[0]) - 2
    return (np.ceil(threshold * n - 1e-9) - 0.5) / n if sampled else threshold


@rc_context(STYLE)
def flow_drawing(delta) -> Figure:
    """Histogram of the change in Cor, coloured by its direction."""
    figure, ax = canvas(2.8)
    n = steps(delta)
    edges = (np.arange(-n, n + 2) - 0.5) / n if n else np.linspace(-1, 1, 41)
    parts = {"improved": (delta > SAME, RIGHT), "unchanged": (abs(delta) <= SAME, REFUSED)}
    parts |= {"worse": (delta < -SAME, WRONG)}
    labels = [f"{name} ({mask.sum()})" for name, (mask, _) in parts.items()]
    colors = [color for _, color in parts.values()]
    ax.hist([delta[mask] for mask, _ in parts.values()], edges, color=colors, label=labels, stacked=True, rwidth=0.9)
    ax.axvline(0, color=INK, linewidth=1)
    ax.set(xlabel="ΔCor: after rehearsal minus before", ylabel="questions")
    figure.legend(loc="outside upper center", ncols=3, handlelength=1, columnspacing=1.2)
    return figure
