"""The figures of compared models: THS at every coverage, outcomes, THS, risk, training loss; and CRSS of selections."""

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .drawing import (
    GREYS,
    INK,
    METHODS,
    OUTCOMES,
    REFUSED,
    RIGHT,
    STYLE,
    UNPARSED,
    canvas,
    columns,
    label,
    looks,
    name_rows,
    number,
    part,
)
from .names import kind_of

FEWEST = 10  # a risk over fewer answers than this is not drawn


@rc_context(STYLE)
def curve_drawing(lines) -> Figure:
    """THS against coverage, a line per model and baseline (``curves.lines``), with a mark at each point they work at.

    A dot is a model's own decision; a diamond its calibrated threshold. Baselines are thin and grey, with a dash and a
    mark each.
    """
    names = [label(line["name"], keep=True) for line in lines]
    ncols = min(3, max(1, 66 // (7 + max(map(columns, names)))))
    figure, ax = canvas(3.2 + 0.19 * -(-(len(lines) + 2) // ncols))
    ax.axhline(0, color=INK, linewidth=1)
    own = iter(looks([line["name"] for line in lines if not line["grey"]]))
    greys = iter(GREYS * len(lines))
    handles = []
    for line, name in zip(lines, names, strict=True):
        color, (dash, mark) = REFUSED, next(greys) if line["grey"] else (None, "D")
        look = {"color": REFUSED, "linestyle": dash, "linewidth": 1.1}
        if not line["grey"]:
            color, dash = next(own)
            look = {"color": color, "linestyle": dash}
        ax.plot(*(100 * np.array(line["points"]).T), **look)
        marked = {"color": color, "markeredgecolor": INK, "markeredgewidth": 0.7, "linestyle": "", "zorder": 3}
        for point, shape, size in ((line["native"], "o", 7), (line["calibrated"], mark, 6.5)):
            if point:
                ax.plot(100 * point[0], 100 * point[1], marker=shape, markersize=size, **marked)
        at = {"marker": mark, "markersize": 5} if line["grey"] and line["calibrated"] else {}
        handles.append(Line2D([], [], label=name, **look, **at))
    marks = [("o", "native", "own decision"), ("D", "calibrated", "calibrated")]
    drawn = {which for line in lines for which in ("native", "calibrated") if line[which] and not line["grey"]}
    plain = {"color": "none", "markerfacecolor": "none", "markeredgecolor": INK, "linestyle": ""}
    handles += [Line2D([], [], marker=m, label=text, **plain) for m, which, text in marks if which in drawn]
    ax.set(xlim=(0, 103), xlabel="coverage: % of all questions that are answered", ylabel="THS × 100")
    spacing = {"columnspacing": 1, "handlelength": 2.4, "handletextpad": 0.6}
    figure.legend(handles=handles, loc="outside upper center", ncols=ncols, fontsize=9, **spacing)
    return figure


@rc_context(STYLE)
def stacked_drawing(labels, rows, kinds=()) -> Figure:
    """Bars of 100 %, one per label, split into the outcomes (``rows``: {outcome: share}), a rule between ``kinds``."""
    figure, ax = canvas(0.8 + 0.25 * len(rows))
    left = np.zeros(len(rows))
    for outcome, (name, color) in OUTCOMES.items():
        width = np.array([100 * row[outcome] for row in rows])
        if outcome in ("unparsed", "incomplete") and not width.any():
            continue
        ax.barh(range(len(rows)), width, 0.78, left=left, color=color, label=name)
        for i in np.flatnonzero(width >= 3):
            at = (left[i] + width[i] / 2, i)
            ax.text(*at, f"{width[i]:.0f}", ha="center", va="center", color="white", fontsize=9, weight="bold")
        left += width
    name_rows(ax, labels)
    part(ax, kinds)
    ax.grid(False)
    ax.spines["left"].set_visible(False)
    ax.set(xlim=(0, 100), xlabel="% of questions")
    figure.legend(loc="outside upper center", ncols=5, handlelength=1, columnspacing=1.2)
    return figure


@rc_context(STYLE)
def ths_drawing(labels, records) -> Figure:
    """A dot and its interval per row, the zero line, the number beside it; a diamond where a threshold was calibrated.

    Baselines are grey; a rule parts the kinds of rows.
    """
    figure, ax = canvas(0.6 + 0.34 * len(records))
    ax.axvline(0, color=INK, linewidth=1)
    kinds = [kind_of(r) for r in records]
    for i, (kind, metric) in enumerate(zip(kinds, (r.get("ths") or {} for r in records), strict=True)):
        color, mark = REFUSED if kind == "baseline" else RIGHT, "o" if kind == "native" else "D"
        if metric.get("value") is None:
            ax.annotate("undefined", (0, i), (6, 0), textcoords="offset points", va="center", fontsize=9)
            continue
        value, ci = 100 * metric["value"], 100 * np.array(metric.get("ci95") or [metric["value"]] * 2)
        ax.plot(ci, [i, i], color=color, solid_capstyle="round")
        ax.plot(value, i, mark, color=color)
        ax.annotate(number(value), (value, i), (0, 5), textcoords="offset points", ha="center", fontsize=9)
    name_rows(ax, labels)
    part(ax, kinds)
    ax.set_xlabel("THS × 100")
    return figure


@rc_context(STYLE)
def crss_drawing(selections) -> Figure:
    """CRSS against the similarity threshold, one line per selection."""
    figure, ax = canvas(3.0)
    ax.axvline(0.97, color=INK, linestyle="--", linewidth=1)
    for selection, marker in zip(selections, "osD^vP*Xsoh<>" * len(selections), strict=False):
        name = selection["summary"]["method"]
        curve = sorted((float(k), v) for k, v in (selection["summary"].get("crss") or {}).items() if v is not None)
        if curve:
            look = {"marker": marker, "markersize": 4, "color": METHODS.get(name, UNPARSED)}
            ax.plot(*zip(*curve, strict=True), label=label(name, keep=True), **look)
    ax.set(ylim=(-0.03, 1.03), xlabel="similarity threshold τ_sim", ylabel="CRSS")
    figure.legend(loc="outside upper center", ncols=5, columnspacing=1.2)
    return figure


@rc_context(STYLE)
def risk_drawing(curves) -> Figure:
    """Risk against coverage, one line per model, with a dot where the model answers nothing more.

    Args:
        curves: {model: (points, n)}: ``[{coverage, risk}]`` from the surest answer on, and the number of questions.
    """
    figure, ax = canvas(3.2)
    for (name, (points, n)), (color, dash) in zip(curves.items(), looks(curves), strict=True):
        drawn = [(100 * p["coverage"], 100 * p["risk"]) for p in points if p["coverage"] * n >= FEWEST - 0.5]
        if drawn:
            ax.plot(*zip(*drawn, strict=True), color=color, linestyle=dash, label=label(name, keep=True))
            ax.plot(*drawn[-1], "o", color=color, markersize=4.5)
    ax.set(xlim=(0, 103), xlabel="coverage: % of all questions that are answered", ylabel="risk: % of those wrong")
    ax.set_ylim(bottom=0)
    if ax.lines:
        figure.legend(loc="outside upper center", ncols=3, columnspacing=1.2)
    return figure


@rc_context(STYLE)
def loss_drawing(runs) -> Figure:
    """Training loss by step, one line per run: each step faint, and a running mean over a tenth of the steps.

    Args:
        runs: [(name, losses)], losses in nats per answer token, one a step.
    """
    figure, ax = canvas(3.0)
    for (name, losses), (color, dash) in zip(runs, looks([name for name, _ in runs]), strict=True):
        losses = np.array(losses, float)
        at, width = np.arange(1, len(losses) + 1), max(1, len(losses) // 10)
        ax.plot(at, losses, color=color, linewidth=0.6, alpha=0.4)
        mean = np.convolve(losses, np.ones(width) / width, "valid")
        ax.plot(
            at[len(at) - len(mean) :] - (width - 1) / 2, mean, color=color, linestyle=dash, label=label(name, keep=True)
        )
    ax.set(xlabel="step", ylabel="loss, nats a token")
    ax.set_ylim(bottom=0)
    figure.legend(loc="outside upper center", ncols=2, columnspacing=1.2)
    return figure
