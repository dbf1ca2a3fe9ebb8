"""Names in any script in the pictures: each character from a font that has it, or Latin letters and one line."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import tiny
from matplotlib import font_manager

from knowledge_boundary.reporting import charts, curves, drawing, figures, fonts

SCRIPTS = {
    "simplified": "数学与科学",
    "traditional": "體育與電腦",
    "Japanese": "日本語のカタカナ",
    "Korean": "한국어 역사",
    "Arabic": "تاريخ العرب",
    "Hebrew": "שלום עולם",
    "Devanagari": "हिन्दी विज्ञान",
    "Thai": "ภาษาไทย",
    "emoji": "animals 🐘 👩‍🔬 ❤️",
}


@pytest.fixture(autouse=True)
def strict(monkeypatch):
    """What matplotlib warns of is an error, and nothing has been said yet."""
    monkeypatch.setattr(fonts, "said", set())
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield


@pytest.fixture
def without_fonts(monkeypatch):
    """A machine with no font but matplotlib's own."""
    monkeypatch.setattr(fonts, "packaged", list)
    monkeypatch.setattr(fonts, "installed", list)


@pytest.fixture
def saved(monkeypatch):
    """The figures that are saved as PNG."""
    kept, own = [], drawing.Figure.savefig
    monkeypatch.setattr(drawing.Figure, "savefig", lambda self, *a, **how: (kept.append(self), own(self, *a, **how))[1])
    return kept


def boundary(*subjects) -> dict:
    """A boundary file's content, best subject first."""
    rows = {name: {"accuracy": 0.9 - i / 100, "ci95": [0.2, 0.95]} for i, name in enumerate(subjects)}
    return {"summary": {"chance": 0.25, "subjects": rows}}


def rows(figure) -> list:
    """The labels of a figure's rows."""
    return figure.axes[0].get_yticklabels()


def charmap(family) -> set:
    """The code points of a font family, by its own table."""
    path = font_manager.findfont(font_manager.FontProperties(family=family), fallback_to_default=False)
    return set(font_manager.get_font(path).get_charmap())


@pytest.mark.parametrize("name", SCRIPTS.values(), ids=SCRIPTS)
def test_every_character_is_in_a_font_of_its_label(tmp_path, saved, capsys, name):
    figures.boundary_figure(boundary("anatomy", name), tmp_path / "x.png")
    plain, foreign = rows(saved[0])
    assert foreign.get_text() == name
    known = set().union(*map(charmap, foreign.get_fontfamily()))
    assert {c for c in name if ord(c) not in known} <= set(" \u200d\ufe0f")
    assert plain.get_fontfamily() == [fonts.BASE]
    assert capsys.readouterr() == ("", "")


def test_han_characters_have_the_forms_of_their_language():
    regions = [fonts.families(SCRIPTS[name])[0][1] for name in ("simplified", "Japanese", "Korean")]
    assert regions == [f"Noto Sans CJK {region}" for region in ("SC", "JP", "KR")]


def test_without_a_font_there_are_latin_letters_and_one_line(tmp_path, saved, capsys, without_fonts):
    for name in ("x.png", "y.png"):
        figures.boundary_figure(boundary("数学", "ไทย 🐘", "plain"), tmp_path / name)
    for figure in saved:
        assert [label.get_text() for label in rows(figure)] == ["ShuXue", "aithy :elephant:", "plain"]
    out, err = capsys.readouterr()
    assert (out.count("\n"), err) == (1, "")
    assert out.startswith("No font here has ")
    assert all(c in out for c in "数学ไทย🐘")
    assert "fonts-noto-cjk" in out


def test_a_long_name_in_latin_letters_is_cut_anew(tmp_path, saved, without_fonts):
    figures.boundary_figure(boundary("中国古代文学史与现代文学批评"), tmp_path / "x.png")
    (label,) = rows(saved[0])
    assert label.get_text().startswith("ZhongGuoGuDai")
    assert label.get_text().endswith("…")
    assert len(label.get_text()) == drawing.LONGEST


def test_the_page_s_drawings_keep_every_character_in_silence(capsys, without_fonts):
    for name in SCRIPTS.values():
        assert name in str(drawing.svg(figures.boundary_drawing(boundary(name)["summary"])))
    assert capsys.readouterr() == ("", "")


def test_all_figures_take_names_in_any_script(tmp_path, capsys):
    names = list(SCRIPTS.values())
    labels = [drawing.label(name) for name in names]
    shares = [dict.fromkeys(drawing.OUTCOMES, 0.2) for _ in names]
    records = [{"id": name, "cor": i / 9, "cer": 0.5, "choices": None} for i, name in enumerate(names)]
    figures.state_figure({"records": records}, tmp_path / "state.png")
    curve = [{"coverage": 0.5, "risk": 0.2}, {"coverage": 1.0, "risk": 0.3}]
    crss = [{"summary": {"method": name, "crss": {"0.9": 0.2, "0.97": 0.1}}} for name in names]
    for figure in (
        figures.flow_drawing(np.array([0.1, -0.2])),
        charts.stacked_drawing(labels, shares),
        charts.ths_drawing(labels, [{"ths": {"value": 0.2}} for _ in names]),
        charts.crss_drawing(crss),
        charts.risk_drawing(dict.fromkeys(names, (curve, 100))),
        charts.curve_drawing(curves.lines([{"model": name, "curve": [{"coverage": 1, "ths": 0.1}]} for name in names])),
        charts.loss_drawing([(name, [2.0, 1.0]) for name in names]),
    ):
        drawing.svg(figure)
    assert capsys.readouterr() == ("", "")


def test_fonts_of_the_machine_are_found_where_the_packages_are_not(monkeypatch, tmp_path):
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    found = [font_manager.findfont(name) for name in fonts.packaged() if name.startswith("Noto Sans CJK")]
    monkeypatch.setattr(fonts, "packaged", list)
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [*map(str, found), str(tmp_path / "broken.ttf")])
    monkeypatch.setattr(fonts, "installed", fonts.installed.__wrapped__)
    families, lacking = fonts.families("数学")
    assert families[1].startswith("Noto Sans CJK")
    assert not lacking


def test_wide_letters_are_cut_sooner():
    assert drawing.label("数" * 18) == "数" * 18
    assert drawing.label("数" * 19) == "数" * 17 + "…"
    assert drawing.label("n" * 36) == "n" * 36
    assert drawing.label("n" * 37) == "n" * 35 + "…"
    assert drawing.label("e\u0301" * 36) == "e\u0301" * 36  # 36 letters, each with its accent
    assert drawing.label("a_b\n c") == "a b c"
    assert drawing.label("a\x07b\ud800") == "a\ufffdb\ufffd"
    assert len(drawing.label("数" * 10**6)) == 18


@pytest.mark.parametrize("letter", ["W", "ⅷ", "﷽", "ﷺ", "நி"])
def test_no_name_is_too_wide_for_the_canvas(tmp_path, letter):
    figures.boundary_figure(boundary(letter * 40), tmp_path / "x.png")  # else matplotlib warns that axes collapse


def test_the_same_picture_has_the_same_bytes(tmp_path):
    for name in ("x.png", "y.png"):
        figures.boundary_figure(boundary(*SCRIPTS.values()), tmp_path / name)
    assert (tmp_path / "x.png").read_bytes() == (tmp_path / "y.png").read_bytes()


def test_a_stage_says_nothing_of_fonts(tmp_path, checkpoint):
    folder = tmp_path / "exam"
    for split in ("dev", "test"):
        (folder / split).mkdir(parents=True)
        for subject in SCRIPTS.values():
            name = subject.replace(" ", "_")
            (folder / split / f"{name}_{split}.csv").write_text(
                "1 + 1?,2,3,4,5,A\n1 + 2?,2,3,4,5,B\n", encoding="utf-8"
            )
    line = ["--model", checkpoint, "--dataset", folder, "--num_shots", 1, "--output_dir", "out"]
    done = tiny.forked(tmp_path, "run_MMLU.py", *line)
    assert done.returncode == 0, done.stderr
    assert Path(tmp_path, "out", "boundary.png").stat().st_size > 0
    for word in ("font", "Glyph", "UserWarning"):
        assert word not in done.stdout + done.stderr
