"""What all drawings share: colours, the style, a canvas as narrow as a phone, PNG and SVG.

Text from the data is escaped by matplotlib, and never read as mathematics.
"""

import io
import re
import warnings

import numpy as np
from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.figure import Figure

from ..questions.mmlu import CATEGORIES

METHODS = {"van": "#767676", "cor": "#d08700", "corcer": "#00906a", "craft": "#0072b2"}
RIGHT, WRONG, REFUSED, UNPARSED, INCOMPLETE = "#0072b2", "#c75000", "#767676", "#a8558b", "#7a5c00"
OUTCOMES = {"correct": ("right", RIGHT), "wrong": ("wrong", WRONG), "refused": ("refused", REFUSED)}
OUTCOMES |= {"unparsed": ("unparsed", UNPARSED), "incomplete": ("incomplete", INCOMPLETE)}
KNOWN_COLORS = {True: RIGHT, False: WRONG}
# Colour and dash of each model that the pipeline makes; a tuned one's as its selection's.
LOOKS = {
    "init_basic": (WRONG, ":"),
    "init_refuse": (UNPARSED, "--"),
    "van": (METHODS["van"], "-."),
    "cor_rait": (METHODS["cor"], "-"),
    "corcer_rait": (METHODS["corcer"], "--"),
    "craft": (METHODS["craft"], "-"),
}
CATEGORY_COLORS = dict(zip(CATEGORIES, ("#0072b2", "#d08700", "#00906a", "#a8558b"), strict=True))
# In the page these two become CSS variables, so that text and axes turn light on a dark background.
INK, RULE = "#24292f", "#b4bac2"
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "knowledge-boundary",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.6,
} | dict.fromkeys(("axes.spines.top", "axes.spines.right", "legend.frameon"), False)
STYLE |= dict.fromkeys(("text.color", "axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor"), INK)
STYLE |= dict.fromkeys(("axes.edgecolor", "xtick.color", "ytick.color", "grid.color"), RULE)


def looks(names) -> list[tuple]:
    """(colour, dash) of each model, in the order of ``names``; those of no known name share what is left."""
    colors = ("#00906a", "#d08700", "#0072b2", "#a8558b", "#c75000", "#767676")
    others = [(color, dash) for dash in ("-", "--", ":") for color in colors]
    strangers = [n for n in names if n not in LOOKS]
    return [LOOKS[n] if n in LOOKS else others[strangers.index(n) % len(others)] for n in names]


def number(x, digits=1, times=1) -> str:
    """A number as the reader sees it, with a true minus; a dash for null."""
    return f"{round(times * x, digits) + 0.0:.{digits}f}".replace("-", "−") if isinstance(x, (int, float)) else "–"


def label(text, keep=False) -> str:
    """A name as an axis label: one line, cut where it is too long; underscores stay only if ``keep``."""
    text = " ".join(str(text if keep else str(text).replace("_", " ")).split())
    return text if len(text) <= 36 else text[:35] + "…"


def canvas(height) -> tuple:
    """(Figure, Axes) as wide as all figures of the page, ``height`` inches high."""
    figure = Figure(figsize=(4.8, height), layout="constrained")  # narrow, so that 9 pt can be read on a phone
    return figure, figure.subplots()


def name_rows(ax, labels) -> None:
    """The y axis as a list of names, the first on top."""
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.45, -0.55)
    ax.tick_params(axis="y", length=0)


def steps(values) -> int | None:
    """The n of which all values are n-ths (answers were sampled), None if they are continuous."""
    return next((n for n in range(10, 33) if np.allclose(values * n, np.round(values * n), atol=1e-6)), None)


def png(figure, path) -> None:
    """Save the figure, the same bytes for the same content."""
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
