import pytest

from knowledge_boundary.reporting import findings
from knowledge_boundary.reporting.findings import crss_sentence, series


def selection(method, value, van=150, idk=150):
    return {"method": method, "crss": {"0.97": value, "0.90": 0.9}, "taken": {"van": van, "idk": idk}}


@pytest.mark.parametrize(
    ("craft", "cor", "relation"),
    [(0.2333, 0.3667, "0.233, below Cor-RAIT's 0.367"), (0.4, 0.25, "0.400, NOT below Cor-RAIT's 0.250"),
     (0.25, 0.25, "0.250, NOT below Cor-RAIT's 0.250")],
)  # fmt: skip
def test_crss_at_equal_sizes(craft, cor, relation):
    found = crss_sentence([selection("van", None), selection("cor", cor), selection("craft", craft)])
    assert found == f"At 0.97 CRaFT's CRSS is {relation} (equal n: 150 to answer, 150 “don't know”)."


def test_crss_at_other_sizes_is_not_compared():
    found = crss_sentence([selection("cor", 0.4), selection("craft", 0.2, 150, 120)])
    assert "below" not in found
    assert "their sizes differ (150 + 120 and 150 + 150 questions): the two cannot be compared" in found


@pytest.mark.parametrize(
    "selections",
    [[], [selection("craft", 0.2)], [selection("craft", 0.2), selection("cor", None)],
     [selection("craft", 0.2), selection("cor", 0.1) | {"crss": None}]],
)  # fmt: skip
def test_crss_of_one_method_has_no_sentence(selections):
    assert crss_sentence(selections) is None


def paired(a, b, difference, p):
    return {"model_a": a, "model_b": b, "difference": difference, "ci95": None, "p": p}


def test_paired_tests_name_the_higher_model_first():
    tests = [paired("craft", "cor", -0.006, 0.797), paired("craft", "basic", 0.184, 0.001)]
    tests += [paired("craft", "refuse", 0.298, 0.0499), paired("cor", "basic", -0.05, 0.01)]
    tests += [paired("cor", "refuse", None, None)]
    assert findings.tests_sentence(tests) == (
        "THS differs at p < 0.05: craft is above basic (by 18.4) and refuse (by 29.8); basic is above cor (by 5.0). "
        "Cannot be told apart: craft and cor (p = 0.797). Not defined: cor and refuse."
    )


def test_no_paired_test_shows_a_difference():
    assert findings.tests_sentence([paired("a", "b", 0.1, 0.05)]) == (
        "No THS differs at p < 0.05. Cannot be told apart: a and b (p = 0.050)."
    )


def test_series():
    assert [series(list("abc")[:n]) for n in (1, 2, 3)] == ["a", "a and b", "a, b and c"]
