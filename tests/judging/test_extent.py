"""Where an answer ends in what a model writes."""

import pytest

from knowledge_boundary.judging.extent import bare, cut, extent

WHOLE = [
    # (written, answer)
    ("Paris\n", "Paris"),
    ("Paris.\n\nIt is the capital of France.", "Paris."),
    ("\n\nParis\nRome", "Paris"),
    ("\nThe capital of France is Paris.\n", "The capital of France is Paris."),
    ("The correct answer is:\n\nB. Paris\n", "The correct answer is:\nB. Paris"),
    ("**Answer:**\n\n**Paris**\n", "**Answer:**\n**Paris**"),
    ("### Answer\nParis\n", "### Answer\nParis"),
    ("Sure!\n\nParis\n", "Sure!\nParis"),
    ("---\n\nParis\n", "Paris"),
    ("\\[\n\\boxed{B}\n\\]", "\\boxed{B}"),
    ("The capital is：\n巴黎\n", "The capital is：\n巴黎"),
    ("答案是：\n巴黎\n他", "答案是：\n巴黎"),
    ("\r\nParis\r\n", "Paris"),
    ("\u3000\nParis\n", "Paris"),
    ("```python\nParis\n```", "Paris"),
    ("<answer>\nParis\n</answer>", "Paris"),
    ("...\nParis\n", "Paris"),
    ("∞\nBecause", "∞"),
    ("Sure, I can help!\n\nThe capital is Paris.\n", "Sure, I can help!\nThe capital is Paris."),
    ("\n\nQuestion: What is the capital of Spain?\nAnswer: Madrid", ""),
]
OPEN = [
    ("Paris", "Paris"),
    ("", ""),
    ("\n \n", ""),
    ("The correct answer is:\n\n", "The correct answer is:"),
    ("The correct answer is:\n\nB. Pa", "The correct answer is:\nB. Pa"),
    ("Sure", "Sure"),
    ("*", "*"),
]


@pytest.mark.parametrize(("written", "answer"), WHOLE)
def test_an_answer_is_the_first_line_that_says_something(written, answer):
    assert extent(written) == (answer, True)
    assert cut(written) == answer


@pytest.mark.parametrize(("written", "answer"), OPEN)
def test_an_answer_may_go_on(written, answer):
    assert extent(written) == (answer, False)


@pytest.mark.parametrize(("written", "answer"), WHOLE)
def test_what_is_cut_stays_as_it_is(written, answer):
    """What a model is trained to write is cut as what it writes."""
    assert cut(answer) == answer


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("**Paris**", "Paris"),
        ("The correct answer is:\n**B. Paris**", "B. Paris"),
        ("$\\boxed{\\text{Paris}}$", "Paris"),
        ("The answer is \\boxed{42}", "42"),
        ("Answer: Paris", "Paris"),
        ("The Answer", "The Answer"),
        ("Certainly! Paris", "Paris"),
        ("$100", "$100"),
        ("C*-algebra", "C*-algebra"),
        ("答案：巴黎", "巴黎"),
        ("答案是北京。", "北京。"),
        ("# Answer\n\nParis", "Paris"),
        ("Sure! Here is the answer:\nParis", "Paris"),
        ("Paris", "Paris"),
        ("", ""),
    ],
)
def test_bare_takes_off_what_only_dresses_an_answer(text, inside):
    assert bare(text) == inside
