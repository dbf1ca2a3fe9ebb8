import base64
import hashlib
import json
import re

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from pages import EVIL, Page, boundary, comparison, evaluation, everything, metric, render, row, selection, state

from knowledge_boundary.reporting import charts, drawing, figures
from knowledge_boundary.reporting.figures import boundary_figure, state_figure
from knowledge_boundary.reporting.names import MODELS


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    return render(tmp_path_factory.mktemp("full"), **everything())


def test_the_numbers_are_in_the_tables(full, tmp_path):
    page = Page(full)
    assert page.headings == [
        "The knowledge boundary: THS at every coverage",
        "Comparison",
        "Right, wrong, refused",
        "Truthful helpfulness (THS)",
        "Risk against coverage",
        "Paired tests",
        "The boundary, subject by subject",
        "What the model knows, and how sure it is",
        "Knowledge flow",
        "Which questions were selected",
        "Training loss",
        "Outcomes by subject",
        "The questions",
        "Where this came from",
    ]
    older = render(tmp_path, **everything() | {"comparison": comparison()})
    page = Page(older)
    known = [r for r in page.rows if r[0] in MODELS][: 2 * len(MODELS)]
    assert [r[0] for r in known] == [*MODELS, *MODELS]
    assert page.rows[0] == ["model", "n", "Pc %", "Pw %", "Pr %", "THS × 100", "over-refusal %"]
    rest = ["10.0 [5.0, 15.0]", "12.5 [7.5, 17.5]"]
    assert known[9][1:] == ["350", "31.1 [26.1, 36.1]", "45.0 [40.0, 50.0]", "23.9 [18.9, 28.9]", *rest]
    assert known[8][1:] == ["350", "32.1 [27.1, 37.1]", "38.3 [33.3, 43.3]", "29.5 [24.5, 34.5]", *rest]
    assert ["world_facts/test", "craft", "cor_rait", "5.1 [−1.0, 11.0]", "0.123"] in page.rows
    assert ["world_facts/test", "craft", "van", "−7.0 [−10.0, −2.0]", "< 0.001"] in page.rows
    assert ["craft", "23.4 [18.4, 28.4]", "49.2", "14.8"] in page.rows  # 59 of 120 answered; 0.3 · 59 / 120
    assert "THS differs at p &lt; 0.05: van is above craft (by 7.0). Cannot be told apart: craft and cor_rait" in older
    assert ["craft", "180", "420", "–", "–", "–", "150", "149", "0.432", "0.951"] in page.rows
    assert ["craft", "83", "200", "67"] in page.rows
    assert ["subject_0", "80", "95.0 [85.0, 100.0]", "–", "yes"] in page.rows


def test_unparsed_and_ap_have_columns_only_where_there_is_something_and_null_is_a_dash(tmp_path):
    both = [row("van", "a", 0.5, 0.2, None, unparsed=0.1, ap=0.7), row("craft", "a", 0.5, 0.2, -0.012)]
    page = Page(render(tmp_path, comparison=comparison() | {"records": both}))
    assert page.rows[0][5:] == ["unparsed %", "THS × 100", "over-refusal %", "AP %"]
    assert page.rows[1][-3:] == ["–", "12.5 [7.5, 17.5]", "70.0 [65.0, 75.0]"]
    assert page.rows[2][-3:] == ["−1.2 [−6.2, 3.8]", "12.5 [7.5, 17.5]", "–"]


def test_thoughts_that_never_end_have_a_column_and_a_colour_where_there_are_any(tmp_path):
    thinking = row("craft", "a", 0.5, 0.2) | {"p_incomplete": metric(0.3), "p_refused": metric(0.0)}
    text = render(tmp_path, comparison=comparison() | {"records": [row("van", "a", 0.5, 0.2), thinking]})
    page = Page(text)
    assert page.rows[0][5] == "incomplete %"
    assert [r[5] for r in page.rows[1:3]] == ["0.0 [−5.0, 5.0]", "30.0 [25.0, 35.0]"]
    assert f"fill: {drawing.INCOMPLETE}" in text
    assert f"fill: {drawing.INCOMPLETE}" not in render(tmp_path, comparison=comparison())


def test_warnings_stand_beside_what_they_are_about(tmp_path):
    warned = row("craft", "a", 0.5, 0.2) | {"warnings": ["9 of 10 answers are <empty>"]}
    found, states = boundary(), [state(), state(0.1)]
    found["summary"]["warnings"] = ["the letters hold 0.01"]
    states[1]["summary"]["warnings"] = ["all answers are alike"]
    inputs = {"boundary": found, "state_init": states[0], "state_rehearsal": states[1]}
    text = render(tmp_path, comparison=comparison() | {"records": [row("van", "a", 0.5, 0.2), warned]}, **inputs)
    notes = re.findall(r'<p class="warning" role="note"><strong>Warning:</strong> (.*?)</p>', text)
    assert notes == ["craft: 9 of 10 answers are &lt;empty&gt;", "the letters hold 0.01", "all answers are alike"]
    assert 'class="warning"' not in render(tmp_path, comparison=comparison(), boundary=boundary(), state_init=state())


def test_ths_against_the_refusal_prompt_has_a_column_where_it_was_measured(tmp_path):
    plain, against = row("init_refuse", "a", 0.5, 0.2), row("craft", "a", 0.5, 0.2) | {"ths_refuse": metric(0.034)}
    text = render(tmp_path, comparison=comparison() | {"records": [plain, against]})
    assert Page(text).rows[0][5:7] == ["THS × 100", "THS vsrefusalprompt × 100"]
    assert [r[6] for r in Page(text).rows[1:3]] == ["–", "3.4 [−1.6, 8.4]"]
    assert "refusal<br>prompt" in text
    assert "THS vs refusal prompt:" in text
    assert "refusal<br>prompt" not in render(tmp_path, comparison=comparison() | {"records": [plain]})


def test_other_scores_have_a_table_where_there_are_any(tmp_path):
    none, scored = row("van", "a", 0.5, 0.2), row("craft", "a", 0.5, 0.2)
    scored |= {"f_simpleqa": metric(0.44), "honesty": metric(None), "e_aurc": metric(0.123)}
    scored |= {"coverage_at_risk": {"0.05": metric(None), "0.1": metric(0.31)}}
    scored["confidence_target"] = {"0.75": metric(-0.1), "initial": metric(0.034)}
    text = render(tmp_path, comparison=comparison() | {"records": [none, scored, row("van", "b", 0.5, 0.2)]})
    page = Page(text)
    assert page.headings[page.headings.index("Paired tests") + 1] == "Other scores"
    at = next(i for i, r in enumerate(page.rows) if "E-AURC× 100" in r)
    head = ["model", "F ofSimpleQA× 100", "targett = 0.75× 100", "coverageat risk 10 %× 100", "E-AURC× 100"]
    assert page.rows[at] == head
    assert page.rows[at + 1] == ["van", "–", "–", "–", "–"]
    shown = ["44.0 [39.0, 49.0]", "−10.0 [−15.0, −5.0]", "31.0 [26.0, 36.0]", "12.3 [7.3, 17.3]"]
    assert page.rows[at + 2] == ["craft", *shown]
    assert text.count('aria-label="Other scores on ') == 1  # not for b, where nothing was measured
    assert "Unanswerable" not in text


def apart(model, dataset, refused):
    found = {
        "n_unanswerable": 7,
        "unanswerable": {"n": 7, "p_refused": metric(refused), "p_wrong": metric(1 - refused)},
    }
    found["abstention"] = {"precision": metric(None), "recall": metric(refused), "f1": metric(0.5)}
    return row(model, dataset, 0.5, 0.2) | found


def test_unanswerable_questions_have_a_table_of_their_own(tmp_path):
    nothing = {"n": 0} | {m: metric(None) for m in ("p_correct", "p_wrong", "p_refused", "ths", "over_refusal", "ap")}
    rows = [apart("craft", "mixed", 0.8), apart("craft", "only", 0.9) | nothing]
    asked = evaluation("craft", n=12)
    for i, r in enumerate(asked["records"]):
        r |= {"should_abstain": True, "answer": None, "aliases": [], "dataset": "only" if i % 2 else "mixed"}
    asked["summary"]["datasets"] = {"mixed": {}, "only": {}}
    text = render(tmp_path, comparison=comparison() | {"records": rows}, evaluations=[asked])
    page = Page(text)
    tables = [i for i, r in enumerate(page.rows) if "precision %" in r]
    assert page.rows[tables[0]] == ["model", "n", "refused %", "answered %", "precision %", "recall %", "F1 %"]
    shown = ["craft", "7", "80.0 [75.0, 85.0]", "20.0 [15.0, 25.0]", "–", "80.0 [75.0, 85.0]", "50.0 [45.0, 55.0]"]
    assert page.rows[tables[0] + 1] == shown
    assert page.rows[tables[1] + 1][2] == "90.0 [85.0, 95.0]"
    assert text.count('aria-label="Comparison on ') == text.count('aria-label="Shares of right') == 1  # of mixed alone
    assert "None of these questions has an answer" in text
    assert "All answerable questions of a set" in text
    assert "Outcomes by subject" not in page.headings  # no answerable question was evaluated
    table = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    assert {r["answer"] for r in table["rows"]} == {None}


def test_what_is_absent_is_left_out_and_named(tmp_path):
    bare = comparison() | {"summary": {}}
    text = render(tmp_path, comparison=bare)
    assert Page(text).headings[3:] == ["Not on this page", "Where this came from"]
    assert "<script" not in text
    for file in ("boundary", "state_init", "state_rehearsal", "selection_METHOD", "eval_NAME", "knowledge_boundary"):
        assert f"{file}.json" in text
    text = render(tmp_path, comparison=bare, state_init=state())
    assert "Before rehearsal" in text
    assert "<h3>After rehearsal" not in text
    assert "Knowledge flow" not in Page(text).headings
    old = evaluation("craft")
    del old["summary"]["datasets"]["world_facts/test"]["risk_coverage"]
    old["summary"]["datasets"]["world_facts/ood"]["risk_coverage"] = None
    assert "Risk against coverage" not in Page(render(tmp_path, comparison=bare, evaluations=[old])).headings


def test_flow_is_drawn_from_the_states_alone(tmp_path):
    text = render(tmp_path, comparison=comparison(), state_init=state(), state_rehearsal=state(0.1))
    assert "Knowledge flow" in Page(text).headings
    below = [(a["cor"], b["cor"]) for a, b in zip(state()["records"], state(0.1)["records"], strict=True)]
    improved = sum(b > a + 1e-9 for a, b in below if a < 0.5)
    assert f"improved ({improved})" in text


@pytest.mark.parametrize("evil", [EVIL, "\" onload='x' $\\frac{ </text></svg> &amp;"])
def test_text_from_the_data_stays_text(tmp_path, evil):
    inputs = everything(evil)
    for name in ("comparison", "boundary"):
        inputs[name]["meta"]["args"]["note"] = evil
        inputs[name]["meta"]["model"] = {"name": evil, "fingerprint": evil}
    inputs["comparison"]["summary"]["paired_tests"][0]["model_a"] = evil
    inputs["comparison"]["records"][0]["dataset"] = evil
    text = render(tmp_path, **inputs)
    page = Page(text)
    assert page.scripts == 2  # the data, and what draws it
    assert EVIL not in text
    svg = "".join(re.findall(r"<svg.*?</svg>", text, re.DOTALL))
    assert "alert" not in evil or svg.count("&lt;script&gt;alert(1)") >= 4
    assert "onload" not in page.attributes
    assert ["comparison.json", "eval_refusal", evil, evil[:12]] in [r[:4] for r in page.rows]


def test_weights_in_training_have_columns_where_there_are_any(tmp_path):
    soft, grait = selection("soft"), selection("grait")
    for i, r in enumerate(soft["records"]):
        r["target"] = 0.25 if i % 2 else 0.5
    for r in grait["records"]:
        r |= {"weight": 1.5} if r["label"] == "idk" else {}
    text = render(tmp_path, comparison=comparison(), selections=[soft, grait, selection("van")])
    rows = {r[0]: r for r in Page(text).rows if r[0] in ("method", "soft", "grait", "van") and len(r) == 12}
    assert rows["method"][8:10] == ["mean weight:answer", "mean weight:don't know"]
    assert [rows[name][8:10] for name in ("van", "soft", "grait")] == [["–", "–"], ["0.38", "0.62"], ["1.00", "1.50"]]
    assert "mean weight" not in render(tmp_path, comparison=comparison(), selections=[selection("van")])


def test_self_contained_and_deterministic(tmp_path, full):
    assert render(tmp_path, **everything()) == full
    rest = full.replace('xmlns="http://www.w3.org/2000/svg"', "").replace("http://www.w3.org/1999/xlink", "")
    assert not re.search(r"https?://|@import|src=|<metadata|<!DOCTYPE svg|innerHTML|fetch\(", rest)
    assert re.findall(r'href="([^"#]+)"', rest) == ["data:,"]
    data, code = re.findall(r"<script([^>]*)>(.*?)</script>", full, re.DOTALL)
    assert data[0] == ' type="application/json" id="data"'
    assert json.loads(data[1])["models"] == ["init_basic", "craft", "other"]
    digest = base64.b64encode(hashlib.sha256(code[1].encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', full)[1]
    assert code[0] == ""
    assert policy.split("; ")[:2] == ["default-src 'none'", f"script-src 'sha256-{digest}'"]
    assert [f.name for f in tmp_path.iterdir()] == ["report.html"]


def test_inline_figures_share_no_id_with_another_content(full):
    defined = re.findall(r'<(?:path|clipPath) id="([^"]+)"[^>]*>(.*?)(?:</clipPath>|(?=<))', full, re.DOTALL)
    assert defined
    assert all(len({body for i, body in defined if i == name}) == 1 for name, _ in defined)
    used = set(re.findall(r'xlink:href="#([^"]+)"|url\(#([^)]+)\)', full))
    assert {a or b for a, b in used} <= {name for name, _ in defined}


@pytest.mark.parametrize("n", [1, 2, 57])
def test_boundary_figure(tmp_path, n):
    boundary_figure(boundary(n), tmp_path / "boundary.png")
    image = (tmp_path / "boundary.png").read_bytes()
    assert image.startswith(b"\x89PNG")
    width, height = (int.from_bytes(image[i : i + 4], "big") for i in (16, 20))
    assert (width, height) == (960, int(200 * (1 + 0.19 * n)))
    assert len(image) > 8000


def test_boundary_drawing_colours_mmlu_s_subjects_by_category():
    summary = boundary(3)["summary"]
    plain = drawing.svg(figures.boundary_drawing(summary))
    names = ("astronomy", "virology", "sociology")
    summary["subjects"] = dict(zip(names, summary["subjects"].values(), strict=True))
    coloured = drawing.svg(figures.boundary_drawing(summary))
    for category, color in drawing.CATEGORY_COLORS.items():
        assert (f">{category}<" in coloured) == (category != "humanities")
        assert (color in coloured) == (category != "humanities")
        assert f">{category}<" not in plain
    assert ">known<" in plain
    assert ">not known<" in coloured  # the last one: 10 %


@pytest.mark.parametrize(
    ("cor", "threshold", "line", "share"),
    [
        (np.arange(11) / 10, 0.5, 0.45, "55%"),  # between the columns 0.4 and 0.5
        (np.arange(11) / 10, 0.25, 0.25, "73%"),
        (np.linspace(0, 1, 38), 0.5, 0.5, "50%"),  # no n-ths: at the threshold itself
    ],
)
def test_state_drawing_parts_the_questions_at_the_threshold(cor, threshold, line, share):
    records = [{"cor": c, "cer": 0.3 + 0.5 * c, "choices": None} for c in cor]
    drawing = figures.state_drawing(*figures.density([{"records": records}])[0], threshold)
    ax, above, beside, bar = drawing.axes
    assert ax.lines[0].get_xdata() == pytest.approx([line, line])
    assert above.texts[0].get_text() == f"Cor ≥ {threshold}: {share}"
    for axes in (above, beside):
        assert axes.patches[0].get_data().values.sum() == len(cor)
    assert bar.get_ylabel() == "questions in a cell"
    assert ax.collections[0].get_array().sum() == len(cor)


@pytest.mark.parametrize("choices", [None, ["a", "b", "c", "d"]])
def test_state_figure(tmp_path, choices):
    result = state(choices=choices)
    result["records"].append(result["records"][0] | {"cor": None, "cer": None})
    state_figure(result, tmp_path / "state.png")
    assert (tmp_path / "state.png").stat().st_size > 8000


def test_a_state_without_a_spread_is_drawn(tmp_path):
    one = state(n=1)
    state_figure(one, tmp_path / "state.png")
    assert "1 question" in render(tmp_path, comparison=comparison(), state_init=one, state_rehearsal=one)


def test_displacements_are_means_by_cell():
    edges = figures.density([{"records": [{"cor": c / 10, "cer": c / 10} for c in range(11)]}])[0][1]
    before = np.array([[0.0, 0.1], [0.1, 0.1], [0.2, 0.1], [0.1, 0.9]])  # two columns of Cor share a cell
    after = np.add(before, [[0.1, 0.0], [0.3, 0.2], [0.0, -0.1], [0.0, 0.0]])
    found = figures.displacements(before, after, edges)
    assert sorted(n for n, _, _ in found) == [1, 1, 2]
    _, start, end = max(found, key=lambda cell: cell[0])
    assert start == pytest.approx([0.05, 0.1])
    assert end == pytest.approx([0.25, 0.2])


def test_arrows_are_drawn_where_something_moved_in_the_colour_of_its_direction():
    edges = figures.density([state()])[0][1]
    places = [np.array(p) for p in ((0.1, 0.5), (0.3, 0.5), (0.5, 0.5), (0.7, 0.5))]
    moves = [(0.2, 0.0), (-0.2, 0.1), (0.0, 0.3), (0.01, 0.01)]
    cells = [(i + 1, p, p + m) for i, (p, m) in enumerate(zip(places, moves, strict=True))]
    ax = figures.arrows_drawing(cells, edges).axes[0]
    arrows = {tuple(t.xyann): (t.xy, t.arrow_patch.get_edgecolor()) for t in ax.texts}
    rgba = {n: to_rgba(c) for n, c in (("rose", drawing.RIGHT), ("fell", drawing.WRONG), ("still", drawing.REFUSED))}
    assert len(arrows) == 3  # the last one moved by less than can be seen
    assert arrows[0.1, 0.5] == (pytest.approx((0.3, 0.5)), rgba["rose"])
    assert arrows[0.3, 0.5] == (pytest.approx((0.1, 0.6)), rgba["fell"])
    assert arrows[0.5, 0.5] == (pytest.approx((0.5, 0.8)), rgba["still"])


def test_flow_counts_the_questions_behind_its_arrows(tmp_path):
    init, after = state(), state(0.1)
    after["records"][0]["cor"] = None
    text = " ".join(render(tmp_path, comparison=comparison(), state_init=init, state_rehearsal=after).split())
    shown, n, fewest = map(
        int, re.search(r"(\d+) of (\d+) questions are in these cells; .* fewer than (\d+)", text).groups()
    )
    assert (n, fewest) == (299, 5)
    assert 200 < shown <= 299


def test_risk_is_drawn_from_ten_answers_on():
    points = [{"coverage": k / 200, "risk": k / 400} for k in range(1, 101)]
    ax = charts.risk_drawing({"craft": (points, 200)}).axes[0]
    line, end = ax.lines
    assert line.get_xdata()[0] == pytest.approx(5)  # 10 of 200
    assert [*line.get_xdata()[-1:], *line.get_ydata()[-1:]] == pytest.approx([50, 25])
    assert [*end.get_xdata(), *end.get_ydata()] == pytest.approx([50, 25])
    assert len(charts.risk_drawing({"craft": (points[:5], 200)}).axes[0].lines) == 0


def test_loss_is_drawn_step_by_step_and_as_a_running_mean():
    ax = charts.loss_drawing([("a", [4.0, 2.0] * 10), ("b", [1.0])]).axes[0]
    steps, mean, one, _ = ax.lines
    assert steps.get_ydata().tolist() == [4.0, 2.0] * 10
    assert mean.get_ydata() == pytest.approx([3.0] * 19)
    assert mean.get_xdata() == pytest.approx(np.arange(1.5, 20))
    assert one.get_xdata().tolist() == [1]


def test_looks_of_models_differ():
    names = [*MODELS, "a", "b", "c", "d", "e", "f", "g"]
    found = drawing.looks(names)
    assert len(set(found[: len(MODELS)])) == len(MODELS)
    assert len(set(found[len(MODELS) :])) == 7
    assert drawing.looks(["craft", "x"])[0] == found[list(MODELS).index("craft")]
