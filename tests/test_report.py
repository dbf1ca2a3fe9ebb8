import re
from html.parser import HTMLParser

import numpy as np
import pytest

from knowledge_boundary import figures
from knowledge_boundary.figures import boundary_figure, state_figure
from knowledge_boundary.report import MODELS, write_report

EVIL = "<script>alert(1)</script>"
VOID = {"meta", "link", "br"}


def meta(stage, **args):
    return {
        "stage": stage,
        "args": {"seed": 7, "overwrite": False, "dataset": ["world_facts"], **args},
        "model": {"name": "smollm2", "fingerprint": "0123abcd" * 8},
        "dataset": {"name": "world_facts", "split": "test"},
        "inputs": [{"path": "results/state_init.json", "sha256": "ab" * 32}],
        "versions": {"python": "3.11", "torch": None},
        "git_commit": None,
        "seed": 7,
    }


def metric(value, spread=0.05):
    return {"value": value, "ci95": None if value is None else [value - spread, value + spread]}


def row(model, dataset, right, wrong, ths=0.1, unparsed=0.0, ap=None):
    rates = {"p_correct": metric(right), "p_wrong": metric(wrong), "p_refused": metric(1 - right - wrong - unparsed)}
    rates |= {"p_unparsed": metric(unparsed), "ths": metric(ths), "over_refusal": metric(0.125), "ap": metric(ap)}
    return {"model": model, "dataset": dataset, "n": 350, **rates}


def comparison(models=tuple(MODELS), datasets=("world_facts/test", "world_facts/ood")):
    rows = [row(m, d, 0.3112 + i / 100, 0.45 - i / 15) for d in datasets for i, m in enumerate(reversed(models))]
    test = {"dataset": datasets[0], "model_a": "craft", "model_b": "cor_rait"}
    tests = [{**test, "difference": 0.0512, "ci95": [-0.01, 0.11], "p": 0.1234}, {**test, "p": 0.0002}]
    return {"meta": meta("eval_refusal") | {"model": None}, "summary": {"paired_tests": tests}, "records": rows}


def boundary(n=6, name="subject_"):
    accuracies = np.linspace(0.95, 0.1, n)
    subjects = {
        name + str(i): {"n": 80, "accuracy": a, "ci95": [max(0, a - 0.1), min(1, a + 0.1)], "known": bool(a > 0.4)}
        for i, a in enumerate(accuracies)
    }
    summary = {"accuracy": 0.4321, "n": 800, "chance": 0.25, "subjects": subjects, "categories": {}}
    return {"meta": meta("run_MMLU"), "summary": summary, "records": []}


def state(shift=0.0, subject="capitals", choices=None, n=300):
    rng = np.random.default_rng(0)
    cor = rng.beta(0.6, 0.8, n)
    cer = np.clip(cor * 0.6 + rng.normal(0.3, 0.15, n), -0.2, 1)
    cor = np.clip(cor + shift * rng.normal(1, 2, n), 0, 1)
    if choices:
        cer = (cer - 1) * np.log(4) * 0.8
    else:
        cor = np.round(cor, 1)
    records = [
        {"id": f"s/test/{i}", "subject": subject, "question": "Q?", "choices": choices, "cor": c, "cer": e}
        for i, (c, e) in enumerate(zip(cor.tolist(), cer.tolist(), strict=True))
    ]
    return {"meta": meta("run_query_state"), "summary": {}, "records": records}


def selection(method, flow=None):
    init, after = state(), state(0.1)
    pairs = zip(init["records"], after["records"], strict=True)
    records = [r | {"cor_init": r["cor"], "delta_cor": a["cor"] - r["cor"]} for r, a in pairs]
    summary = {"method": method, "pools": {"van": 180, "idk": 420}, "taken": {"van": 150, "idk": 149}}
    summary |= {"crss": {"0.90": 0.8, "0.97": 0.432, "1.00": 0.0}, "mean_max_similarity": 0.951}
    if flow:
        summary["flow"] = flow
    return {"meta": meta("build_rait_data", method=method, threshold=0.5), "summary": summary, "records": records}


def evaluation(model, subject="capital_"):
    outcomes = ("correct", "wrong", "refused", "unparsed")
    records = [
        {"subject": subject + str(i % 3), "question": "Q?", "dataset": "world_facts/test", "outcome": outcomes[i % 4]}
        for i in range(60)
    ]
    summary = {"model": model, "datasets": {"world_facts/test": {}, "world_facts/ood": {}}}
    return {"meta": meta("eval_refusal", name=model), "summary": summary, "records": records}


def everything(evil=""):
    return {
        "comparison": comparison((*MODELS, f"other{evil}")),
        "boundary": boundary(name=f"{evil}subject_"),
        "state_init": state(),
        "state_rehearsal": state(0.1),
        "selections": [selection("craft", {"improved": 83, "unchanged": 200, "worse": 67}), selection(f"van{evil}")],
        "evaluations": [evaluation("craft", f"{evil}capital_"), evaluation(f"other{evil}")],
    }


def render(tmp_path, **inputs):
    write_report(tmp_path / "report.html", **inputs)
    return (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    return render(tmp_path_factory.mktemp("full"), **everything())


class Page(HTMLParser):
    """Checks that elements nest, and collects tags, headings, and table rows."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.headings, self.rows = [], set(), set(), [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "h2" in self.open:
            self.headings.append(data)
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


def test_the_numbers_are_in_the_tables(full):
    page = Page(full)
    assert page.headings == [
        "Comparison",
        "Right, wrong, refused",
        "Truthful helpfulness (THS)",
        "Paired tests",
        "The boundary, subject by subject",
        "What the model knows, and how sure it is",
        "Knowledge flow",
        "Which questions were selected",
        "Outcomes by subject",
        "Where this came from",
    ]
    known = [r for r in page.rows if r[0] in MODELS][:12]
    assert [r[0] for r in known] == [*MODELS, *MODELS]
    assert page.rows[0] == ["model", "n", "Pc %", "Pw %", "Pr %", "THS × 100", "over-refusal %"]
    rest = ["10.0 [5.0, 15.0]", "12.5 [7.5, 17.5]"]
    assert known[0][1:] == ["350", "37.1 [32.1, 42.1]", "5.0 [0.0, 10.0]", "57.9 [52.9, 62.9]", *rest]
    assert known[1][1:] == ["350", "36.1 [31.1, 41.1]", "11.7 [6.7, 16.7]", "52.2 [47.2, 57.2]", *rest]
    assert ["world_facts/test", "craft", "cor_rait", "5.1 [−1.0, 11.0]", "0.123"] in page.rows
    assert ["world_facts/test", "craft", "cor_rait", "–", "< 0.001"] in page.rows
    assert ["craft", "180", "420", "–", "–", "–", "150", "149", "0.432", "0.951"] in page.rows
    assert ["craft", "83", "200", "67"] in page.rows
    assert ["subject_0", "80", "95.0 [85.0, 100.0]", "–", "yes"] in page.rows


def test_unparsed_and_ap_have_columns_only_where_there_is_something_and_null_is_a_dash(tmp_path):
    both = [row("van", "a", 0.5, 0.2, None, unparsed=0.1, ap=0.7), row("craft", "a", 0.5, 0.2, -0.012)]
    page = Page(render(tmp_path, comparison=comparison() | {"records": both}))
    assert page.rows[0][5:] == ["unparsed %", "THS × 100", "over-refusal %", "AP %"]
    assert page.rows[1][-3:] == ["–", "12.5 [7.5, 17.5]", "70.0 [65.0, 75.0]"]
    assert page.rows[2][-3:] == ["−1.2 [−6.2, 3.8]", "12.5 [7.5, 17.5]", "–"]


def test_what_is_absent_is_left_out_and_named(tmp_path):
    bare = comparison() | {"summary": {}}
    text = render(tmp_path, comparison=bare)
    assert Page(text).headings[3:] == ["Not on this page", "Where this came from"]
    for file in ("boundary", "state_init", "state_rehearsal", "selection_METHOD", "eval_NAME"):
        assert f"{file}.json" in text
    text = render(tmp_path, comparison=bare, state_init=state())
    assert "Before rehearsal" in text
    assert "<h3>After rehearsal" not in text
    assert "Knowledge flow" not in Page(text).headings


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
    assert "script" not in page.tags
    assert EVIL not in text
    svg = "".join(re.findall(r"<svg.*?</svg>", text, re.DOTALL))
    assert "alert" not in evil or svg.count("&lt;script&gt;alert(1)") >= 4
    assert "onload" not in page.attributes
    assert ["comparison.json", "eval_refusal", evil, evil[:12]] in [r[:4] for r in page.rows]


def test_self_contained_and_deterministic(tmp_path, full):
    assert render(tmp_path, **everything()) == full
    rest = full.replace('xmlns="http://www.w3.org/2000/svg"', "").replace("http://www.w3.org/1999/xlink", "")
    assert not re.search(r"https?://|@import|<script|src=|<metadata|<!DOCTYPE svg", rest)
    assert re.findall(r'href="([^"#]+)"', rest) == ["data:,"]
    assert [f.name for f in tmp_path.iterdir()] == ["report.html"]


def test_inline_figures_share_no_id_with_another_content(full):
    defined = re.findall(r'<(?:path|clipPath) id="([^"]+)"[^>]*>(.*?)(?:</clipPath>|(?=<))', full, re.DOTALL)
    assert defined
    assert all(len({body for i, body in defined if i == name}) == 1 for name, _ in defined)
    used = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', full))
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
    plain = figures.svg(figures.boundary_drawing(summary))
    names = ("astronomy", "virology", "sociology")
    summary["subjects"] = dict(zip(names, summary["subjects"].values(), strict=True))
    coloured = figures.svg(figures.boundary_drawing(summary))
    for category, color in figures.CATEGORY_COLORS.items():
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
