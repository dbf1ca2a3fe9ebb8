"""The page's first figure, THS at every coverage, with what is said of it; rows of calibrated thresholds and seeds."""

import re

import pytest
from markupsafe import escape
from matplotlib.colors import to_hex
from pages import EVIL, Page, calibrated, comparison, curve, evaluation, metric, render, row, seeded, whole_comparison

from knowledge_boundary.reporting import charts, curves, drawing, findings, names

SET = "world_facts/test"


def straight(*points):
    """A curve through (coverage, THS)."""
    return [{"threshold": -c, "coverage": c, "p_correct": c, "p_wrong": 0, "ths": t} for c, t in points]


def native(model, points, coverage=None, ths=None, **more):
    own = None if coverage is None else {"coverage": coverage, "ths": ths}
    return {"model": model, "kind": "native", "signal": "score", "curve": straight(*points), "native": own} | more


def at_threshold(model, kind, points, refused, ths, signal="score"):
    rates = {"p_refused": metric(refused), "ths": metric(ths)}
    return {"model": model, "kind": kind, "signal": signal, "curve": straight(*points)} | rates


UP, DOWN = [(0.5, 0.2), (1.0, 0.0)], [(0.25, 0.08), (1.0, -0.1)]
BASIC = [(0.5, 0.1), (1.0, 0.0)]
ROWS = [
    at_threshold("confidence", "baseline", DOWN, 0.6, 0.05, "confidence"),
    at_threshold("init_basic_calibrated", "baseline", BASIC, 0.4, 0.09),
    at_threshold("craft_calibrated", "calibrated", UP, 0.3, 0.15),
    native("craft", UP, 0.8, 0.1),
    native("init_basic", BASIC, 1.0, 0.0),
    native("van", DOWN),
]
SPARE = [
    {"name": "confidence", "dataset": SET, "signal": "confidence", "curve": straight(*DOWN)},
    {"name": "init_basic", "dataset": SET, "signal": "score", "curve": straight(*BASIC)},
    {"name": "sure", "dataset": SET, "signal": "sure", "curve": straight((0.5, 0.01))},
]


def test_lines_have_their_points_and_a_curve_is_drawn_once():
    found = curves.lines(ROWS, SPARE, "init_basic")
    assert [(line["name"], line["grey"], line["trained"]) for line in found] == [
        ("init_basic", False, False),
        ("van", False, True),
        ("craft", False, True),
        ("confidence", True, False),
        ("sure", True, False),
    ]
    basic, van, craft, confidence, sure = found
    assert craft["points"] == [(0.0, 0.0), (0.5, 0.2), (1.0, 0.0)]
    assert [craft["native"], craft["calibrated"]] == [(0.8, 0.1), (pytest.approx(0.7), 0.15)]
    assert [basic["native"], basic["calibrated"]] == [(1.0, 0.0), (pytest.approx(0.6), 0.09)]
    assert [van["native"], van["calibrated"], sure["calibrated"]] == [None, None, None]
    assert confidence["calibrated"] == (pytest.approx(0.4), 0.05)


def test_a_method_and_a_baseline_of_one_name_are_two_lines():
    rows = [native("probe", UP), at_threshold("probe", "baseline", DOWN, 0.5, 0.1, "probe")]
    assert [(line["name"], line["trained"], line["grey"]) for line in curves.lines(rows)] == [
        ("probe", True, False),
        ("probe", False, True),
    ]


def test_the_initial_model_by_any_name_is_untrained_once_its_calibrated_row_is_a_baseline():
    rows = [native("mine", UP), native("shy", DOWN), at_threshold("cautious_prompt", "baseline", DOWN, 0.5, 0.1)]
    assert [(line["name"], line["trained"]) for line in curves.lines(rows, base="mine")] == [
        ("mine", False),
        ("shy", False),
    ]


@pytest.mark.parametrize("kind", ["native", "calibrated", "baseline"])
@pytest.mark.parametrize("points", [None, [], [{"threshold": 0.0, "coverage": 0.5, "ths": None}]])
def test_rows_without_a_curve_have_no_line(points, kind):
    rows = [native("craft", UP), row("van", SET, 0.5, 0.2) | {"kind": kind, "curve": points}, row("old", SET, 0.5, 0.2)]
    assert [line["name"] for line in curves.lines(rows)] == ["craft"]
    assert curves.lines(rows[1:]) == []


def test_a_calibrated_row_without_its_native_one_has_its_own_line():
    (line,) = curves.lines([at_threshold("craft_calibrated", "calibrated", UP, 0.3, 0.15)])
    assert (line["name"], line["trained"], line["calibrated"]) == ("craft_calibrated", True, (pytest.approx(0.7), 0.15))
    (line,) = curves.lines([at_threshold("craft_calibrated", "calibrated", UP, None, 0.15)])
    assert line["calibrated"] is None


def test_heights_between_thresholds_are_in_proportion_and_end_with_the_line():
    (line,) = curves.lines([native("craft", [(0.5, 0.2), (0.7, 0.1)])])
    assert [curves.height(line, c) for c in (0, 0.25, 0.5, 0.6, 0.7)] == pytest.approx([0, 0.1, 0.2, 0.15, 0.1])
    assert curves.height(line, 0.75) is None
    assert curves.mean_height(line) is None
    (line,) = curves.lines([native("craft", UP)])
    assert curves.mean_height(line) == pytest.approx((0.1 + 0.2 + 0.1) / 3)


def test_each_curve_is_drawn_with_its_marks_and_baselines_are_grey():
    figure = charts.curve_drawing(curves.lines(ROWS, SPARE, "init_basic"))
    zero, *drawn = figure.axes[0].lines
    assert set(zero.get_ydata()) == {0}
    found = [
        (x.get_linestyle() if len(x.get_xdata()) > 1 else x.get_marker(), to_hex(x.get_color()), x.get_linewidth())
        for x in drawn
    ]
    colour = {name: look[0] for name, look in drawing.LOOKS.items()}
    grey = drawing.REFUSED
    assert [f[1] for f in found] == [*[colour["init_basic"]] * 3, colour["van"], *[colour["craft"]] * 3, *[grey] * 3]
    assert [f[0] for f in found if f[0] in list("oDs^")] == ["o", "D", "o", "D", "s"]
    craft, dot, diamond = drawn[4:7]
    assert craft.get_xdata() == pytest.approx([0, 50, 100])
    assert craft.get_ydata() == pytest.approx([0, 20, 0])
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == pytest.approx((80, 10))
    assert (diamond.get_xdata()[0], diamond.get_ydata()[0]) == pytest.approx((70, 15))
    assert found[7][2] < found[4][2]
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["init_basic", "van", "craft", "confidence", "sure", "own decision", "calibrated"]


def test_no_two_baselines_have_the_same_dash_or_mark():
    assert len({str(dash) for dash, _ in drawing.GREYS}) == len({mark for _, mark in drawing.GREYS})
    assert len(drawing.GREYS) >= len(names.BASELINES)


def test_many_long_names_in_any_script_are_drawn():
    rows = [native(name * 9, UP) for name in ("数学", "W", "a_b ", EVIL)]
    svg = str(drawing.svg(charts.curve_drawing(curves.lines(rows))))
    assert "<script" not in svg


# ---- in words ----


def paired(a, b, p, *ps):
    at = [{"coverage": c, "p": q} for c, q in zip(curves.COVERAGES, ps, strict=False)]
    return {"model_a": a, "model_b": b, "difference": 0.05, "ci95": None, "p": p, "at_coverage": at}


def test_the_curves_in_words():
    lines = curves.lines([native("craft", UP), native("van", DOWN), native("init_basic", BASIC)])
    said = findings.curves_sentence(lines, [paired("init_basic", "craft", 0.5, 0.02, 0.0004, 0.3)])
    assert said == (
        "Of the trained models craft has the highest curve, of what needs no training init_basic. craft's lies above "
        "init_basic's: 5.0 above at 25 % (p = 0.020), 10.0 above at 50 % (p < 0.001) and 5.0 above at 75 % (p = 0.300) "
        "of the questions answered."
    )
    chance = findings.curves_sentence(lines, [paired("craft", "init_basic", 0.5, 0.2, 0.3, 0.4)])
    assert "lies above init_basic's, by no more than chance could explain: 5.0 above" in chance
    assert "lies above init_basic's (no paired test compares the two): 5.0 above" in findings.curves_sentence(lines, [])


@pytest.mark.parametrize(
    ("points", "verdict", "parts"),
    [
        (UP, "does NOT lie above craft's", ["apart", "apart", "apart"]),
        ([(0.5, 0.3), (1.0, 0.0)], "does NOT lie above craft's", ["below"] * 3),
        ([(0.25, 0.0), (0.5, 0.25), (0.75, 0.2), (1.0, 0.0)], "at some coverages only", ["above", "below", "below"]),
    ],
)
def test_a_trained_model_that_is_not_above(points, verdict, parts):
    lines = curves.lines([native("soft", UP), native("init_basic", points)])
    said = findings.curves_sentence(lines, [])
    assert verdict.replace("craft", "init_basic") in said
    assert re.findall("(above|below|apart) at ", said) == parts


def test_a_baseline_s_test_is_not_the_one_of_a_method_of_its_name():
    rows = [native("craft", UP), native("probe", BASIC), at_threshold("probe", "baseline", BASIC, 0.5, 0.1, "probe")]
    lines, other = curves.lines(rows), paired("craft", "probe", 0.001, 0.01, 0.01, 0.01)
    assert "no paired test" in findings.curves_sentence(lines, [other])
    own = paired("craft_calibrated", "probe", 0.001, 0.04, 0.03, 0.02)
    assert "25 % (p = 0.040)" in findings.curves_sentence(lines, [other, own])


@pytest.mark.parametrize(
    ("of_craft", "p", "ending"),
    [
        (0.214, 0.021, "training ends 3.1 above it (p = 0.021)."),
        (0.214, 0.21, "training ends 3.1 above it (p = 0.210: the two cannot be told apart)."),
        (0.15, 0.0002, "training ends 3.3 below it (p < 0.001)."),
        (0.1832, 0.9, "training ends level with it (p = 0.900: the two cannot be told apart)."),
        (0.214, None, "training ends 3.1 above it (no paired test compares the two)."),
    ],
)
def test_the_calibrated_thresholds_in_words(of_craft, p, ending):
    rows = [
        at_threshold("craft_calibrated", "calibrated", UP, 0.3, of_craft),
        at_threshold("van_calibrated", "calibrated", UP, 0.3, 0.1),
        at_threshold("confidence", "baseline", UP, 0.3, 0.183),
        at_threshold("sure", "baseline", UP, 0.3, None),
        row("craft", SET, 0.5, 0.2, 0.9),
    ]
    said = findings.calibrated_sentence(rows, [paired("confidence", "craft_calibrated", p)])
    assert said.endswith(ending)
    assert (
        f"craft_calibrated, has THS {100 * of_craft:.1f}, the best baseline without training, confidence, 18.3" in said
    )


@pytest.mark.parametrize("keep", [[0, 1], [2, 3], [4, 5], []])
def test_where_one_side_is_absent_nothing_is_said(keep):
    rows = [ROWS[i] for i in keep]
    lines = [line for line in curves.lines(rows) if len({line["trained"] for line in curves.lines(rows)}) < 2]
    assert findings.boundary_sentences(lines, rows, []) == []


# ---- on the page ----


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return render(tmp_path_factory.mktemp("curves"), comparison=whole_comparison())


def of_table(text, name):
    """The rows of a table of the page."""
    region = text[text.index(f'aria-label="{name}"') :]
    return Page("<div" + region[region.index(">") : region.index("</table>")] + "</table></div>").rows


def test_the_figure_comes_first_with_its_sentences_and_numbers(text):
    assert Page(text).headings[:2] == ["The knowledge boundary: THS at every coverage", "Comparison"]
    assert text.index('aria-label="THS against coverage on world_facts/test"') < text.index("<table")
    assert text.count('aria-label="THS against coverage on ') == 2
    assert "a point on it is only a choice of threshold" in text
    assert "Of the trained models grait has the highest curve" in text
    assert "training ends 7.5 above it (p = 0.032)." in text  # 19 of grait, 11.5 of cautious_prompt
    numbers = of_table(text, "THS at coverages on world_facts/test")
    assert numbers[0] == [
        "curve", "at 25 %", "at 50 %", "at 75 %", "own decision:coverage %", "THS", "calibrated:coverage %", "THS",
    ]  # fmt: skip
    assert ["init_basic", "7.5", "10.0", "7.5", "80.0", "9.0", "50.0", "10.0"] in numbers
    assert ["soft", "12.0", "16.0", "12.0", "74.0", "14.4", "50.0", "16.0"] in numbers
    assert ["entropy, not trained", "2.2", "3.0", "2.2", "–", "–", "–", "–"] in numbers


def test_a_baseline_is_drawn_once_with_or_without_a_threshold(text):
    numbers = of_table(text, "THS at coverages on world_facts/test")
    grey = [r[0].removesuffix(", not trained") for r in numbers if r[0].endswith(", not trained")]
    assert grey == [*(f"{n}_baseline" if n == "probe" else n for n in names.BASELINES), "entropy"]
    assert len(numbers) == 1 + len(names.MODELS) + len(grey)


def test_calibrated_rows_and_baselines_have_groups_seeds_spread_and_costs(text):
    rows = of_table(text, "Comparison on world_facts/test")
    assert rows[0] == [
        "model", "n", "n seeds", "Pc %", "Pw %", "Pr %", "THS × 100", "over-refusal %", "AUROCover all× 100",
        "AURCover all× 100", "cost:seconds", "forward passesa question", "threshold",
    ]  # fmt: skip
    heads = [i for i, r in enumerate(rows) if len(r) == 1]
    assert [rows[i] for i in heads] == [[head] for head in names.KINDS.values()]
    groups = [[r[0] for r in rows[a + 1 : b]] for a, b in zip(heads, [*heads[1:], None], strict=True)]
    trained = [name for name in names.MODELS if not name.startswith("init_")]
    assert groups[0] == list(names.MODELS)
    assert groups[1] == [f"{name}_calibrated" for name in trained]
    assert groups[2] == [*(f"{n}_baseline" if n == "probe" else n for n in names.BASELINES), "init_basic_calibrated"]
    assert all(r[2] in ("1", "5") for r in rows[1:] if len(r) > 1)
    craft = next(r for r in rows if r[0] == "craft_calibrated")
    assert craft[2:7] == ["5", "25.0 [20.0, 30.0]", "25.0 [20.0, 30.0]", "50.0 [45.0, 55.0]", "15.0 [10.0, 20.0]"]
    assert craft[8:] == ["77.5 [72.5, 82.5]", "35.0 [30.0, 40.0]", "–", "–", "score ≥ −0.5 to 0.5, for ths"]
    assert next(r for r in rows if r[0] == "craft")[6] == "10.0 [5.0, 15.0] ± 1.2"
    agreement = next(r for r in rows if r[0] == "agreement")
    assert [agreement[2], *agreement[-3:]] == ["1", "14.3", "11.0", "agreement ≥ 0, for ths"]
    assert text.count('<tbody class="baseline">') == 2


def test_tests_at_equal_coverage_have_a_table(text):
    rows = of_table(text, "Paired tests at equal coverage")
    assert rows[0] == ["data set", "A", "B", "coverage %", "THS × 100of A", "of B", "A − B", "p"]
    assert rows[1] == [SET, "grait", "init_basic", "25.0", "15.0", "10.0", "5.0 [1.0, 9.0]", "0.025"]
    assert len(rows) == 1 + 2 * 4
    assert "At calibrated thresholds: THS differs at p &lt; 0.05: grait_calibrated is above cautious_prompt" in text
    assert [SET, "grait_calibrated", "cautious_prompt", "5, 1", "5.0 [1.0, 9.0]", "0.032"] in of_table(
        text, "Paired tests"
    )


def test_a_comparison_of_an_older_version_has_neither_curves_nor_their_columns(tmp_path):
    older = render(tmp_path, comparison=comparison())
    assert Page(older).headings[0] == "Comparison"
    for word in ("n seeds", "AUROC", "± ", "cost:", "THS at every coverage", "<th colspan", "several seeds"):
        assert word not in older, word


def test_one_seed_and_rows_without_a_base_are_shown(tmp_path):
    bare = seeded(row("van", SET, 0.5, 0.2, None), top=0.1) | {"curve": None, "auroc_all": metric(None)}
    found = comparison() | {"records": [bare, seeded(row("craft", SET, 0.5, 0.2), curve=curve(0.2))]}
    page = Page(render(tmp_path, comparison=found))
    assert "n seeds" in next(r for r in page.rows if "model" in r)
    assert [r[2] for r in page.rows if r[0] in ("van", "craft") and len(r) > 8] == ["1", "1"]


def test_text_of_the_new_keys_stays_text(tmp_path):
    found = whole_comparison((*names.MODELS, EVIL))
    for r in found["records"]:
        if r["kind"] == "baseline":
            r |= {"model": f"{EVIL}{r['model']}", "signal": EVIL, "target": EVIL}
    found["summary"]["baseline_curves"][0] |= {"name": EVIL}
    found["summary"]["paired_tests"][-1] |= {"model_a": EVIL, "n_seeds": [EVIL, 1]}
    assert EVIL not in render(tmp_path, comparison=found)


def test_of_several_seeds_the_first_is_shown_question_by_question(tmp_path):
    found = comparison(("init_basic",)) | {"records": [seeded(row("craft", SET, 0.5, 0.2), 3)]}
    evaluations = [evaluation(name) for name in ("craft_seed2", "craft_seed0", "craft_seed1", "mine", "init_basic")]
    text = render(tmp_path, comparison=found, evaluations=evaluations)
    assert re.findall('aria-label="Outcomes of (.*?) by subject"', text) == ["init_basic", "craft_seed0", "mine"]
    assert drawing.looks(["craft_seed0"]) == drawing.looks(["craft"])
    assert "Of several seeds, the first." in text
    assert all(f"eval_craft_seed{i}.json" in text for i in range(3))  # where it came from


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"threshold": -1.2345}, "score ≥ −1.23, for ths"),
        ({"threshold": [0.5, None, -2]}, "score ≥ −2 to 0.5, for ths"),
        ({"threshold": None}, "score: nothing passes, for ths"),
        ({"kind": "native"}, None),
        ({"signal": None}, None),
    ],
)
def test_what_a_row_answers_by(given, said):
    assert names.rule(calibrated("x", SET, "calibrated", 0.1) | given) == said


def test_names_are_explained_where_they_occur(text, tmp_path):
    for meaning in (*names.MODELS.values(), *names.BASELINES.values()):
        assert escape(meaning) in text
    found = comparison(("craft", "mine"))
    found["summary"]["baseline_curves"] = [{"name": "agreement", "dataset": SET, "signal": "agreement", "curve": None}]
    few = render(tmp_path, comparison=found)
    assert names.BASELINES["agreement"] in few
    assert escape(names.MODELS["craft"]) in few
    assert escape(names.MODELS["van"]) not in few
    assert escape(names.BASELINES["sure"]) not in few
