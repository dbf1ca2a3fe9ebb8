"""What makes a result say less than it seems to is said."""

import re

import pytest

from knowledge_boundary.evaluation import caution


def answers(**counts):
    """Evaluation records by outcome; what is no answer is empty."""
    return [
        {"outcome": outcome, "output": "" if outcome in ("unparsed", "incomplete") else f"{outcome} {i}"}
        for outcome, n in counts.items()
        for i in range(n)
    ]


@pytest.mark.parametrize(
    ("records", "says"),
    [
        (answers(correct=1, wrong=1, unparsed=98), "no answer to 98.0% of these questions"),
        (answers(correct=40, wrong=45, unparsed=10, incomplete=5), "no answer to 15.0%"),
        (answers(correct=45, wrong=45, unparsed=10), None),  # above 10 %, not at it
        (answers(correct=50, refused=50), None),
        (None, None),
    ],
)
def test_an_initial_model_without_answers_is_no_measure(records, says):
    found = caution.of_base(records)
    assert bool(found) == bool(says)
    assert not says or says in found[0]


@pytest.mark.parametrize(
    ("masses", "warned"), [([2e-5, 3e-5], True), ([0.04, 0.05], True), ([0.5, 0.04], False), ([], False)]
)
def test_letters_that_the_model_does_not_mean(masses, warned):
    found = caution.of_letters([{"letter_mass": m} for m in masses] + [{}])
    assert bool(found) == warned


CITIES = [f"city {i}" for i in range(20)]


@pytest.mark.parametrize(
    ("texts", "options", "says"),
    [
        (CITIES, {}, None),
        (["Paris"] * 19 + ["Rome"], {}, "19 of 20 answers are the same: 'Paris'"),
        (["Paris"] * 18 + ["Rome", "Bern"], {}, None),
        ([""] * 3 + CITIES[:17], {}, "3 of 20 answers are empty"),
        ([""] * 5 + CITIES[:15], {"incomplete": 5}, "5 of 20 answers are thoughts.*--thinking on"),
        ([""] * 5 + CITIES[:15], {"incomplete": 5, "thinking": "on"}, "raise --max_thinking_tokens"),
        (CITIES, {"cut_off": 3}, "3 of 20 answers were cut off at --max_new_tokens"),
        (["Paris"] * 7, {}, None),  # too few to say anything
    ],
)
def test_answers_that_are_alike_empty_or_unfinished(texts, options, says):
    found = caution.of_outputs(texts, **options)
    assert bool(found) == bool(says)
    assert not says or re.search(says, found[0])
