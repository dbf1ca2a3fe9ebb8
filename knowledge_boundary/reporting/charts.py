"""The figures of compared models: outcomes, THS, risk against coverage, training loss; and CRSS of selections."""

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from .drawing import INK, METHODS, OUTCOMES, RIGHT, STYLE, UNPARSED, canvas, label, looks, name_rows, number

FEWEST = 10  # a risk over fewer answers than this is not drawn


@rc_context(STYLE)
def stacked_drawing(labels, rows) -> Figure:
    """Bars of 100 %, one per label, split into the outcomes; ``rows``: {outcome: share}."""
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
    ax.grid(False)
    ax.spines["left"].set_visible(False)
    ax.set(xlim=(0, 100), xlabel="% of questions")
    figure.legend(loc="outside upper center", ncols=5, handlelength=1, columnspacing=1.2)
    return figure


@rc_context(STYLE)
def ths_drawing(labels, records) -> Figure:
    """A dot and its interval per model, the zero line, the number beside it."""
    figure, ax = canvas(0.6 + 0.34 * len(records))
    ax.axvline(0, color=INK, linewidth=1)
    for i, metric in enumerate(r.get("ths") or {} for r in records):
        if metric.get("value") is None:
            ax.annotate("undefined", (0, i), (6, 0), textcoords="offset points", va="center", fontsize=9)
            continue
        value, ci = 100 * metric["value"], 100 * np.array(metric.get("ci95") or [metric["value"]] * 2)
        ax.plot(ci, [i, i], color=RIGHT, solid_capstyle="round")
        ax.plot(value, i, "o", color=RIGHT)
        ax.annotate(number(value), (value, i), (0, 5), textcoords="offset points", ha="center", fontsize=9)
    name_rows(ax, labels)
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
