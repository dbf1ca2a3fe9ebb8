"""Fonts for what the pictures say in any script: which have its characters, and Latin letters where none has.

matplotlib takes each character from the first font of a list that has it, and puts right-to-left and joined scripts in
order (libraqm). The list is made for each picture: DejaVu Sans, the fonts of the packages in requirements.txt (Noto:
Chinese, Japanese, Korean, Devanagari, Thai, emoji, …), then whatever is installed on the machine.
"""

import contextlib
import functools
import importlib.util
import unicodedata
import warnings
from pathlib import Path

from anyascii import anyascii
from matplotlib import font_manager
from matplotlib.textpath import text_to_path

from ..running import ranks

BASE = "DejaVu Sans"  # comes with matplotlib
PACKAGES = ("noto_cjk_sans_otc", "manimgx_fonts")
# The same Han character has a form of its own in each of these: whose text it is, its other letters say.
HAN = {"HIRAGANA": "JP", "KATAKANA": "JP", "HANGUL": "KR"}
NO_LETTERS = ("DejaVu", "STIX", "cm", "Last Resort")  # families of matplotlib's own: nothing beyond BASE, or boxes
MEND = "install a font that has them (Noto Sans, Noto Sans CJK; Debian: fonts-noto-core, fonts-noto-cjk)"

said = set()  # characters that the terminal has been told of


def added(paths) -> list:
    """The families in font files, which matplotlib then knows; a file that it cannot read has none."""
    manager, families = font_manager.fontManager, []
    known = {entry.fname for entry in manager.ttflist}
    for path in map(str, paths):
        if path not in known:
            try:
                manager.addfont(path)
            except Exception:  # whatever a damaged or bitmap font raises: it is no font to draw with
                continue
        own = (entry for entry in manager.ttflist if entry.fname == path and entry.style == "normal")
        families += [entry.name for entry in own if entry.weight in (400, "normal")]  # what labels are set in
    return list(dict.fromkeys(families))


@functools.cache
def packaged() -> list:
    """The families of the fonts that come in packages."""
    found = [importlib.util.find_spec(name) for name in PACKAGES]
    folders = [Path(spec.origin).parent for spec in found if spec]
    return added(sorted(p for folder in folders for p in folder.glob("*.[to]t[fc]")))


@functools.cache
def installed() -> list:
    """The other families on this machine, also those that were installed after matplotlib last looked."""
    families = added(sorted(font_manager.findSystemFonts()))
    return [name for name in sorted(families) if not name.startswith(NO_LETTERS) and name not in packaged()]


@functools.cache
def has(family: str, character: str) -> bool:
    """Whether a font family has a character."""
    properties = font_manager.FontProperties(family=family)
    font = font_manager.get_font(font_manager.findfont(properties, fallback_to_default=False))
    if font.get_char_index(ord(character)) == 0:
        return False
    try:
        font.load_char(ord(character))
    except RuntimeError:  # a coloured bitmap, as some emoji are
        return False
    return True


def drawn(character: str) -> bool:
    """Whether a character is drawn at all: white space, joiners and selectors of variants are not."""
    selector = "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
    return not (character.isspace() or selector or unicodedata.category(character) == "Cf")


def families(text: str) -> tuple[list, set]:
    """The families that ``text`` is drawn in, each taken where those before it lack a character; what none has."""
    lacking = {c for c in text if drawn(c) and not has(BASE, c)}
    if not lacking:
        return [BASE], lacking
    region = next((r for start, r in HAN.items() if any(unicodedata.name(c, "").startswith(start) for c in text)), "SC")
    own = sorted(packaged(), key=lambda name: name != f"Noto Sans CJK {region}")
    chosen = [BASE]
    for name in own:
        if any(has(name, c) for c in lacking):
            chosen.append(name)
            lacking = {c for c in lacking if not has(name, c)}
    while lacking:
        best = max(installed(), key=lambda name: sum(has(name, c) for c in lacking), default=None)
        found = {c for c in lacking if best and has(best, c)}
        if not found:
            break
        chosen.append(best)
        lacking -= found
    return chosen, lacking


def width(text: str) -> float:
    """The width of a line of ``text``, in ems."""
    properties = font_manager.FontProperties(family=families(text)[0], size=1)
    with unwarned():
        return text_to_path.get_text_width_height_descent(text, properties, False)[0]


@contextlib.contextmanager
def unwarned():
    """Measure texts without matplotlib's warnings of characters that no font here has: its boxes are as wide."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        yield


def say(lacking) -> None:
    """One line in the terminal about characters that no font here has; nothing where it has named them before."""
    if lacking - said:
        some = " ".join(sorted(lacking - said)[:10]) + (" …" if len(lacking - said) > 10 else "")
        said.update(lacking)
        ranks.say(f"No font here has {some}: in Latin letters in the picture; {MEND}")


def readable(text: str, lacking) -> str:
    """``text`` with Latin letters in place of the characters that are ``lacking``."""
    return "".join((anyascii(c) or "\ufffd") if c in lacking else c for c in text)
