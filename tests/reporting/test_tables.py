"""The comparison's tables in the terminal: kinds of rows, seeds, costs, tests."""

import pytest
from pages import metric

from knowledge_boundary.reporting import tables


def row(model, **changes):
    names = ("p_correct", "p_wrong", "p_refused", "p_unparsed", "p_incomplete", "ths", "over_refusal", "ap")
    figures = {name: metric(0.25) for name in names} | {"ths_refuse": {"value": None, "ci95": None}}
    return {"model": model, "dataset": "facts/test", "n": 40, **figures, "warnings": []} | changes


def calibrated(model, **changes):
    own = {"kind": "calibrated", "signal": "score", "threshold": 1.25, "target": "risk=0.1", "n_seeds": 1}
    return row(model, **own | changes)


def test_a_comparison_of_one_seed_and_no_threshold_is_as_it_was():
    head, *lines = tables.comparison_table([row("init_basic"), row("craft", kind="native", n_seeds=1)]).splitlines()
    assert head.split()[:5] == ["data", "set", "model", "n", "P_c"]
    assert [line.split()[:3] for line in lines] == [["facts/test", m, "40"] for m in ("init_basic", "craft")]


def test_rows_at_thresholds_are_marked():
    rows = [row("craft"), calibrated("craft_calibrated"), calibrated("confidence", kind="baseline")]
    head, *lines, note = tables.comparison_table(rows).splitlines()
    assert head.split()[:5] == ["data", "set", "model", "row", "n"]
    assert [line.split()[2] for line in lines] == ["native", "calibrated", "baseline"]
    assert len({len(line) for line in (head, *lines)}) == 1
    assert "n seeds" not in head
    assert note.startswith("(native: ")


def test_rows_of_several_seeds_say_how_many_and_how_far_apart():
    rows = [row("init_basic", n_seeds=1, spread=None), row("craft", n_seeds=5, spread={"ths": 0.0213, "ap": 0.5})]
    head, first, second, note = tables.comparison_table(rows).splitlines()
    assert head.split()[:6] == ["data", "set", "model", "n", "seeds", "n"]
    assert (first.split()[2], second.split()[2]) == ("1", "5")
    assert "± 2.1  " in second
    assert second.count("±") == 1
    assert "±" not in first
    assert "several seeds" in note
    assert "-0.0" not in second


def test_ranking_and_costs():
    areas = {"auroc_all": metric(0.8), "aurc_all": metric(0.3)}
    rows = [
        row("init_basic", **areas, kind="native", signal="score", cost={"seconds": 12.34, "forward_passes": 2}),
        calibrated("craft_calibrated", **areas, threshold=[1.0, 0.5], n_seeds=2),
        calibrated("agreement", **areas, kind="baseline", signal="agreement", threshold=None),
        row("old"),
    ]
    title, head, first, second, third, note = tables.ranking_table(rows).splitlines()
    assert " ".join(head.split()) == "data set model by answers where AUROC, all AURC, all seconds passes"
    assert first.split()[-2:] == ["12.3", "2.0"]
    assert "score ≥ 0.5 to 1, for risk=0.1" in second
    assert second.split()[-2:] == ["–", "–"]
    assert "agreement: nothing passes" in third
    assert "passes: sequences run per question" in note
    assert max(map(len, (title, head, first, second, third))) <= 160
    assert tables.ranking_table([row("old")]) == ""
    plain = tables.ranking_table([row("m", **areas)]).splitlines()
    assert " ".join(plain[1].split()) == "data set model by AUROC, all AURC, all"
    assert len(plain) == 3
    assert tables.ranking_table(rows) in tables.evaluation_tables(rows)


def test_tests_of_decisions_and_of_thresholds_stand_apart():
    def paired(a, b, **changes):
        own = {
            "dataset": "facts/test",
            "model_a": a,
            "model_b": b,
            "difference": 0.0312,
            "ci95": [0.01, 0.05],
            "p": 0.004,
        }
        return own | changes

    native = paired("craft", "cor_rait", kind="native", n_seeds=[5, 1])
    native["at_coverage"] = [
        {"coverage": 0.25, "difference": 0.021, "p": 0.03},
        {"coverage": 0.5, "difference": None, "p": None},
        {"coverage": 0.625, "difference": -0.001, "p": 0.9},
    ]
    threshold = paired("confidence", "craft_calibrated", kind="calibrated", n_seeds=[1, 5], at_coverage=[])
    assert tables.tests_table([native, threshold], ()).splitlines() == [
        "facts/test: THS of craft − cor_rait = +3.1 [+1.0, +5.0], p = 0.004 (5 and 1 seeds)",
        "    where both answer 25 %: +2.1 (p = 0.030), 62 %: -0.1 (p = 0.900)",
        "",
        "At thresholds that were chosen on other questions:",
        "facts/test: THS of confidence − craft_calibrated = +3.1 [+1.0, +5.0], p = 0.004 (1 and 5 seeds)",
    ]
    assert tables.tests_table([threshold], ()).splitlines()[0].startswith("At thresholds")
    old = paired("craft", "cor_rait")  # of a file from before there were kinds
    assert tables.tests_table([old], ()) == "facts/test: THS of craft − cor_rait = +3.1 [+1.0, +5.0], p = 0.004"


@pytest.mark.parametrize("spread", [None, {}, {"ths": None}])
def test_what_has_no_spread_has_none_in_the_table(spread):
    assert "±" not in tables.comparison_table([row("craft", n_seeds=1, spread=spread)])
