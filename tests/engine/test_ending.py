"""Where a row of answers ends: turns, lines, thoughts, lengths."""

import chat_templates
import pytest
import tiny

from knowledge_boundary.engine.drawing import Row
from knowledge_boundary.engine.ending import Ending
from knowledge_boundary.models.prompt_format import PromptFormat

OPENED = chat_templates.OWN["strict"].replace("assistant\\n' }}{% endif %}", "assistant\\n<think>\\n' }}{% endif %}")


@pytest.fixture(scope="module")
def lm(words):
    """A model that no pass runs through."""
    return tiny.wrap(tiny.random_model("llama", len(words)), words)


def write(lm, text, most=64, thinking=0, words=None):
    """The Answer of a row that is given the tokens of ``text``, and how many of them it took."""
    if words:
        lm = tiny.wrap(lm.model, words.tokenizer)
        lm.format = words
    ending, row = Ending(lm, most, thinking), Row(0, 1, True)
    ids = lm.tokenizer(text, add_special_tokens=False).input_ids
    for taken, token in enumerate(ids, 1):
        if ending(row, token, -0.5):
            return ending.answer(row), taken
    return ending.answer(row), None


def test_an_answer_ends_with_its_turn(lm):
    answer, taken = write(lm, "Paris<|im_end|>")
    assert (answer.text, answer.complete, answer.long) == ("Paris", True, False)
    assert taken == len(answer.logprobs) + 1


def test_an_answer_ends_behind_its_line(lm):
    answer, taken = write(lm, "\n\nThe answer is:\n\nParis\nRome")
    assert answer.text == "The answer is:\nParis"
    assert taken is not None


def test_a_line_break_alone_is_not_part_of_an_answer(lm):
    with_break, _ = write(lm, "Paris\n")
    without, _ = write(lm, "Paris<|im_end|>")
    assert with_break.text == without.text == "Paris"
    assert len(with_break.logprobs) == len(without.logprobs)


def test_an_answer_has_a_longest_length(lm):
    answer, taken = write(lm, "Paris Rome Paris Rome Paris Rome Paris Rome", most=4)
    assert answer.long
    assert taken == len(answer.logprobs) == 4


def test_a_thought_is_no_part_of_its_answer(lm):
    answer, _ = write(lm, "<think>\nIs it Rome?\n\nNo.\n</think>\n\nParis\n")
    assert answer.text == "Paris"
    assert answer.complete
    assert len(answer.logprobs) < 8  # the answer's own


@pytest.mark.parametrize("thinking", [0, 12])
def test_a_thought_that_never_ends_has_no_answer(lm, thinking):
    answer, taken = write(lm, "<think> " + "Rome " * 40, most=20, thinking=thinking)
    assert (answer.text, answer.logprobs, answer.complete) == ("", [], False)
    assert taken == (thinking or 20)
    assert not write(lm, "<think> Rome<|im_end|>")[0].complete


def test_the_length_counts_from_behind_the_thought(lm, words):
    text = "<think>" + " Is it Rome?" * 10 + "</think>\n\nParis Rome Paris Rome Paris"
    answer, _ = write(lm, text, most=4, thinking=200)
    assert answer.long
    assert answer.text.startswith("Pa")
    assert len(answer.logprobs) == 4


def test_where_the_prompt_opens_a_thought_the_answer_stands_behind_it(lm, words):
    own = PromptFormat(chat_templates.tokenizer(words, OPENED), thinking="on")
    assert own.thinks_at_once
    answer, _ = write(lm, "Is it Rome? No.\n</think>\n\nParis\n", thinking=100, words=own)
    assert answer.text == "Paris"
    assert not write(lm, "Paris<|im_end|>", thinking=100, words=own)[0].complete


def test_without_a_thought_the_whole_text_answers(lm, words):
    own = PromptFormat(chat_templates.tokenizer(words, chat_templates.OWN["smollm3"]), thinking="on")
    assert write(lm, "Paris<|im_end|>", thinking=100, words=own)[0].text == "Paris"
    assert write(lm, "<<|im_end|>", thinking=100, words=own)[0].text == "<"
    assert write(lm, "\n" * 30 + "Paris<|im_end|>", thinking=100, words=own)[0].text == "Paris"


def test_an_end_that_is_spelt_out_ends_an_answer(lm, words):
    source = chat_templates.OWN["strict"].replace("<|im_end|>", "<|over|>")
    own = PromptFormat(chat_templates.tokenizer(words, source))
    answer, taken = write(lm, "Paris<|over|>\nRome", words=own)
    assert answer.text == "Paris"
    assert taken
    assert len(answer.logprobs) == len(own.tokenizer("Paris", add_special_tokens=False).input_ids)


def test_an_unasked_thought_counts_as_the_answer_s_length(lm):
    answer, taken = write(lm, "<think>" + " Rome?" * 3 + "</think>" + " Paris Rome" * 20, most=30)
    assert taken == 30
    assert answer.long


def test_what_stands_before_an_answer_is_kept_as_it_is(lm):
    text = "<think>\nIs it Paris?\n</think>\n\nThe correct answer is:\n\nParis\n"
    answer, _ = write(lm, text)
    assert answer.text == "The correct answer is:\nParis"
    assert answer.thought == "<think>\nIs it Paris?\n</think>\n\n"
