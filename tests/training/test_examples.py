"""Refusal-aware examples by every prompt and refusal, and how what comes after a fine-tune knows them."""

import json

import pytest

from knowledge_boundary import cli
from knowledge_boundary.models.prompt_format import PromptFormat
from knowledge_boundary.questions.records import Question
from knowledge_boundary.training import formats
from knowledge_boundary.training.examples import refusal_examples, refusal_flags
from knowledge_boundary.wording import phrases

LETTERED = (
    Question("c/test/0", "law", "Which?", ["w", "x", "y", "z"], "B"),
    Question("c/test/1", "law", "Who?", ["I", "U"], "A"),
)
CHINESE = [Question(f"n/{i}", "law", "哪？", ["甲", "乙"], letter, exam="ceval") for i, letter in enumerate("AB")]
OPEN = Question("f/0", "gas", "Nitrogen's symbol?", None, "N"), Question("f/1", "gas", "Carbon's symbol?", None, "C")
DROPPED = {**Question("d", "law", "What?", ["a", "b"], "A").record(), "label": "dropped"}


def labelled(questions, labels=("van", "idk")):
    return [*({**q.record(), "label": label} for q, label in zip(questions, labels, strict=True)), DROPPED]


@pytest.fixture(scope="module")
def chat(words):
    return PromptFormat(words)


@pytest.mark.parametrize("wording", phrases.WORDINGS)
def test_by_the_letter(plain, chat, wording):
    pairs, messages, _ = refusal_examples(plain, labelled(LETTERED), wording, "refuse", "letter")
    assert [answer for _, answer in pairs] == [" B<|im_end|>", " N<|im_end|>"]
    assert all(" N.\n" in prompt and "don't know\"" not in prompt for prompt, _ in pairs)
    assert [m[1]["content"] for m in messages] == ["B", "N"]
    pairs, messages, _ = refusal_examples(chat, labelled(LETTERED), wording, "bare", "letter")
    assert pairs == [
        (
            "<|im_start|>user\nWhich?\nA. w\nB. x\nC. y\nD. z<|im_end|>\n<|im_start|>assistant\n",
            "B<|im_end|>",
        ),
        ("<|im_start|>user\nWho?\nA. I\nB. U<|im_end|>\n<|im_start|>assistant\n", "N<|im_end|>"),
    ]
    assert messages[1] == [{"role": "user", "content": "Who?\nA. I\nB. U"}, {"role": "assistant", "content": "N"}]


def test_by_the_text_as_before(plain):
    pairs, messages, _ = refusal_examples(plain, labelled(LETTERED))
    assert [answer for _, answer in pairs] == [" B<|im_end|>", " I don't know.<|im_end|>"]
    assert messages[0][0]["content"] + "\nAnswer:" == pairs[0][0]
    bare, _, _ = refusal_examples(plain, labelled(OPEN), "craft", "bare")
    assert bare == [
        ("Nitrogen's symbol?\nAnswer:", " N<|im_end|>"),
        ("Carbon's symbol?\nAnswer:", " I don't know.<|im_end|>"),
    ]


@pytest.mark.parametrize("form", ["text2text", "conversation", "text_only", "messages"])
@pytest.mark.parametrize(
    ("questions", "wording", "prompt", "refusal", "wanted"),
    [
        (LETTERED, "craft", "refuse", "text", "--prompt refuse"),
        (LETTERED, "short", "refuse", "text", "--prompt refuse --wording short"),
        (LETTERED, "craft", "refuse", "letter", "--prompt refuse --refusal letter"),
        (LETTERED, "short", "refuse", "letter", "--prompt refuse --wording short --refusal letter"),
        (LETTERED, "craft", "bare", "letter", "--prompt bare --refusal letter"),
        (LETTERED, "craft", "bare", "text", "--prompt bare"),
        (CHINESE, "craft", "refuse", "letter", "--prompt refuse --refusal letter"),
        (CHINESE, "short", "refuse", "text", "--prompt refuse --wording short"),
        (CHINESE, "craft", "bare", "letter", "--prompt bare --refusal letter"),
        (OPEN, "craft", "refuse", "text", "--prompt refuse"),
        (OPEN, "short", "refuse", "text", "--prompt refuse --wording short"),
        (OPEN, "craft", "bare", "text", "--prompt bare"),
    ],
)
def test_what_comes_after_asks_as_the_data_ask(
    chat, tmp_path, monkeypatch, form, questions, wording, prompt, refusal, wanted
):
    monkeypatch.chdir(tmp_path)
    path = formats.write("x_craft", form, *refusal_examples(chat, labelled(questions), wording, prompt, refusal))
    pairs = formats.pairs_of(formats.read(path, chat)[0])
    assert cli.evaluation_command("m", str(path.parent), pairs) == f"python eval_refusal.py --model m {wanted}"


def test_answers_that_are_letters_by_chance(plain):
    elements = [Question(str(i), "gas", f"Number {i}?", None, symbol) for i, symbol in enumerate(("N", "C", "He", "H"))]
    pairs, _, _ = refusal_examples(plain, labelled(elements, ["van"] * 4), "craft", "bare")
    assert refusal_flags(pairs) == "--prompt bare"


@pytest.mark.parametrize("examples", [[], [("", "a whole text")], [("", "a"), ("", "N")]])
def test_what_cannot_be_known_asks_with_the_refusal_prompt(examples):
    assert refusal_flags(examples) == "--prompt refuse"


def test_van_alone_is_known_by_its_instruction(plain):
    pairs, _, _ = refusal_examples(plain, labelled(LETTERED, ["van", "van"]), "craft", "refuse", "letter")
    assert refusal_flags(pairs) == "--prompt refuse --refusal letter"
    assert json.dumps(pairs).count("N<") == 0
