"""What all drawings share: colours, the style, a canvas as narrow as a phone, PNG and SVG.

Text from the data is escaped by matplotlib, and never read as mathematics.
"""

import io
import re
import unicodedata

import numpy as np
from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.text import Text

from ..questions.mmlu import CATEGORIES
from . import fonts
from .names import seedless

METHODS = {"van": "#767676", "cor": "#d08700", "corcer": "#00906a", "craft": "#0072b2"}
METHODS |= {"soft": "#8a63d2", "soft_flow": "#cc4580", "probe": "#0e8f9e", "grait": "#9c6b30"}
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
    "soft": (METHODS["soft"], "-"),
    "soft_flow": (METHODS["soft_flow"], "--"),
    "probe": (METHODS["probe"], "-."),
    "grait": (METHODS["grait"], (0, (6, 1, 1, 1, 1, 1))),
}
# Dash and mark of each baseline: all are grey.
GREYS = (
    ((0, (4, 2)), "s"),
    ((0, (1, 1.5)), "^"),
    ((0, (8, 2, 1, 2)), "v"),
    ((0, (2, 4)), "P"),
    ((0, (8, 4)), "<"),
    ((0, (1, 4)), "X"),
    ((0, (4, 1, 1, 1, 1, 1)), ">"),
    ("-", "*"),
)
CATEGORY_COLORS = dict(zip(CATEGORIES, ("#0072b2", "#d08700", "#00906a", "#a8558b"), strict=True))
# In the page these two become CSS variables, so that text and axes turn light on a dark background.
INK, RULE = "#24292f", "#b4bac2"
LONGEST = 36  # columns of a label
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "knowledge-boundary",
    "text.parse_math": False,
    "font.family": fonts.BASE,
    "font.size": 9.5,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.6,
} | dict.fromkeys(("axes.spines.top", "axes.spines.right", "legend.frameon"), False)
STYLE |= dict.fromkeys(("text.color", "axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor"), INK)
STYLE |= dict.fromkeys(("axes.edgecolor", "xtick.color", "ytick.color", "grid.color"), RULE)


def looks(names) -> list[tuple]:
    """(colour, dash) of each model, in the order of ``names``; those of no known name share what is left.

    A model of one seed looks as its method does.
    """
    colors = ("#00906a", "#d08700", "#0072b2", "#a8558b", "#c75000", "#767676")
    every = [(color, dash) for dash in ("-", "--", ":") for color in colors]
    others = [look for look in every if look not in LOOKS.values()]
    names = [seedless(n) for n in names]
    strangers = [n for n in names if n not in LOOKS]
    return [LOOKS[n] if n in LOOKS else others[strangers.index(n) % len(others)] for n in names]


def number(x, digits=1, times=1) -> str:
    """A number as the reader sees it, with a true minus; a dash for null."""
    return f"{round(times * x, digits) + 0.0:.{digits}f}".replace("-", "−") if isinstance(x, (int, float)) else "–"


def label(text, keep=False) -> str:
    """A name as an axis label: one line, cut where it is too long; underscores stay only if ``keep``."""
    text = " ".join(str(text if keep else str(text).replace("_", " ")).split())
    kinds = map(unicodedata.category, text)
    return cut("".join("\ufffd" if kind in ("Cc", "Cs") else c for c, kind in zip(text, kinds, strict=True)))


def columns(text: str) -> int:
    """How many columns a text takes, as terminals count: two for a Chinese character, none for an accent on another."""
    marks = sum(unicodedata.category(c) in ("Mn", "Me", "Cf") for c in text)
    return len(text) - marks + sum(unicodedata.east_asian_width(c) in "WF" for c in text)


def cut(text: str) -> str:
    """A label no longer than ``LONGEST``: in columns, and in ems, as some letters are wider than their column."""
    text = text if len(text) <= 250 else text[:249] + "…"
    while columns(text) > LONGEST or (not text.isascii() and fonts.width(text) > LONGEST - 6):
        text = text.removesuffix("…")[:-1].rstrip("\u200d") + "…"
    return text


def in_fonts(figure) -> None:
    """Draw each text of a figure in fonts that have its characters."""
    for text in figure.findobj(Text):
        text.set_fontfamily(fonts.families(text.get_text())[0])


def in_latin(figure) -> None:
    """Latin letters in the texts of a figure in place of what no font has; says so."""
    lacking = fonts.families("".join(text.get_text() for text in figure.findobj(Text)))[1]
    if not lacking:
        return
    fonts.say(lacking)
    for axis in (axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)):  # ticks get their texts when drawn
        names = [tick.get_text() for tick in axis.get_ticklabels()]
        if lacking.intersection("".join(names)):
            axis.set_ticks(axis.get_ticklocs(), [cut(fonts.readable(name, lacking)) for name in names])
    for text in figure.findobj(Text):
        text.set_text(fonts.readable(text.get_text(), lacking))


def canvas(height) -> tuple:
    """(Figure, Axes) as wide as all figures of the page, ``height`` inches high."""
    figure = Figure(figsize=(4.8, height), layout="constrained")  # narrow, so that 9 pt can be read on a phone
    return figure, figure.subplots()


def name_rows(ax, labels) -> None:
    """The y axis as a list of names, the first on top."""
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.45, -0.55)
    ax.tick_params(axis="y", length=0)


def part(ax, kinds) -> None:
    """Rules between rows of different kinds, by the kind of each row from the top."""
    for i in range(1, len(kinds)):
        if kinds[i] != kinds[i - 1]:
            ax.axhline(i - 0.5, color=INK, linewidth=0.8)


def steps(values) -> int | None:
    """The n of which all values are n-ths (answers were sampled), None if they are continuous."""
    return next((n for n in range(10, 33) if np.allclose(values * n, np.round(values * n), atol=1e-6)), None)


def png(figure, path) -> None:
    """Save the figure, the same bytes for the same content."""
    with rc_context(STYLE):
        in_latin(figure)
        in_fonts(figure)
        figure.savefig(path, format="png", dpi=200, facecolor="white", metadata={"Software": None})


def svg(figure) -> Markup:
    """The figure as an ``<svg>`` element: no metadata, no ids of groups (they repeat), ink and rules from the page."""
    text = io.StringIO()
    with rc_context(STYLE), fonts.unwarned():  # the browser has the fonts, we only measure
        in_fonts(figure)
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(text, format="svg", transparent=True, metadata=nothing)
    drawn = text.getvalue()
    drawn = re.sub(r'<g id="[^"]*">', "<g>", drawn[drawn.index("<svg") :])
    drawn = re.sub(rf"(fill|stroke): {INK}", r"\1: var(--ink)", drawn)
    return Markup(re.sub(rf"(fill|stroke): {RULE}", r"\1: var(--rule)", drawn))
