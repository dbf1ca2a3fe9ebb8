import pytest

from knowledge_boundary.asking import prompts
from knowledge_boundary.questions.records import Question
from knowledge_boundary.running.errors import UserError
from knowledge_boundary.wording import phrases

CHEMISTRY = Question("c/test/0", "college_chemistry", "Which is a noble gas?", ["Argon", "Iron", "Gold", "Tin"], "A")
SHOTS = [
    Question("c/dev/0", "college_chemistry", "Which is liquid?", ["Gold", "Tin", "Mercury", "Iron"], "C"),
    Question("c/dev/1", "college_chemistry", "Which has\ntwo lines?", ["1", "2", "3", "4"], "B"),
]
FRANCE = Question("f/test/0", "country_capital", "What is the capital of France?", None, "Paris", ["Lutetia"])
ITALY = Question("f/dev/0", "country_capital", "What is the capital of Italy?", None, "Rome")


class Tokenizer:
    chat_template = None
    eos_token = "</s>"


class ChatTokenizer(Tokenizer):
    chat_template = "{{ messages }}"

    def apply_chat_template(self, messages, tokenize, add_generation_prompt):
        assert (tokenize, add_generation_prompt) == (False, True)
        return "".join(f"<{m['role']}>{m['content']}</>" for m in messages) + "<assistant>"


def test_mmlu_s_text_with_two_shots():
    assert prompts.letter_prompt(CHEMISTRY, SHOTS) == (
        "The following are multiple choice questions (with answers) about college chemistry.\n"
        "\n"
        "Which is liquid?\n"
        "A. Gold\n"
        "B. Tin\n"
        "C. Mercury\n"
        "D. Iron\n"
        "Answer: C\n"
        "\n"
        "Which has\n"
        "two lines?\n"
        "A. 1\n"
        "B. 2\n"
        "C. 3\n"
        "D. 4\n"
        "Answer: B\n"
        "\n"
        "Which is a noble gas?\n"
        "A. Argon\n"
        "B. Iron\n"
        "C. Gold\n"
        "D. Tin\n"
        "Answer:"
    )


def test_mmlu_s_text_without_shots():
    assert prompts.letter_prompt(CHEMISTRY) == (
        "The following are multiple choice questions (with answers) about college chemistry.\n\n"
        "Which is a noble gas?\nA. Argon\nB. Iron\nC. Gold\nD. Tin\nAnswer:"
    )


def test_cloze_text_never_shows_the_choices():
    assert prompts.cloze_prompt(CHEMISTRY, SHOTS) == (
        "Question: Which is liquid?\nAnswer: Mercury\n\n"
        "Question: Which has\ntwo lines?\nAnswer: 2\n\n"
        "Question: Which is a noble gas?\nAnswer:"
    )


def test_open_text_begins_with_the_instruction():
    assert prompts.open_prompt(FRANCE, [ITALY]) == (
        "Answer the following question as simple as possible.\n\n"
        "Question: What is the capital of Italy?\nAnswer: Rome\n\n"
        "Question: What is the capital of France?\nAnswer:"
    )


def test_craft_s_refusal_instruction_for_multiple_choice():
    assert prompts.instruction(CHEMISTRY, "refuse", "craft") == (
        "There is a single choice question about college chemistry. If you know the answer, please directly respond "
        'with the correct answer A, B, C, or D. If you do not know the answer, please respond with "I don\'t know.".'
    )


def test_craft_s_refusal_instruction_for_open_questions():
    assert prompts.instruction(FRANCE, "refuse", "craft") == (
        "Answer the following question, and if you don't know the answer, only reply with 'I don't know': "
    )


def test_craft_s_basic_instructions():
    assert prompts.instruction(CHEMISTRY, "basic", "craft") == (
        "There is a single choice question about college chemistry. Answer the question by replying A, B, C or D."
    )
    assert prompts.instruction(FRANCE, "basic", "craft") == "Answer the following question as simple as possible."


@pytest.mark.parametrize("wording", phrases.WORDINGS)
@pytest.mark.parametrize("question", [CHEMISTRY, FRANCE], ids=["choice", "open"])
def test_only_the_refuse_prompt_allows_to_refuse(wording, question):
    assert "don't know" not in prompts.instruction(question, "basic", wording)
    assert "don't know" in prompts.instruction(question, "refuse", wording)
    assert "{" not in prompts.instruction(question, "refuse", wording)


def test_instruction_names_the_question_s_own_letters():
    three = Question("i", "arc", "Which?", ["x", "y", "z"], "A")
    five = Question("i", "arc", "Which?", list("vwxyz"), "A")
    assert "replying A, B or C." in prompts.instruction(three, "basic", "craft")
    assert "answer A, B, C, D, or E." in prompts.instruction(five, "refuse", "craft")


def test_refusals_and_sureness_are_r_tuning_s():
    assert phrases.REFUSAL == "I don't know."
    assert phrases.SURE_QUESTION == (
        " Are you sure you accurately answered the question based on your internal knowledge?"
    )
    assert (phrases.SURE, phrases.UNSURE) == (" I am sure.", " I am unsure.")
    assert len(set(phrases.UNKNOWN_ANSWERS)) == 16


def test_answer_prompt_is_plain_without_a_chat_template():
    assert prompts.answer_prompt(Tokenizer(), FRANCE, "basic", "craft") == (
        "Answer the following question as simple as possible.\nWhat is the capital of France?\nAnswer:"
    )


def test_answer_prompt_goes_through_the_chat_template():
    assert prompts.answer_prompt(ChatTokenizer(), CHEMISTRY, "basic", "craft") == (
        "<user>There is a single choice question about college chemistry. "
        "Answer the question by replying A, B, C or D.\n"
        "Which is a noble gas?\nA. Argon\nB. Iron\nC. Gold\nD. Tin</><assistant>"
    )


def test_answer_text_ends_the_turn():
    assert prompts.answer_text(ChatTokenizer(), "Paris") == "Paris</s>"
    assert prompts.answer_text(Tokenizer(), "Paris") == " Paris</s>"
    endless = Tokenizer()
    endless.eos_token = None
    assert prompts.answer_text(endless, "Paris") == " Paris"


def test_chat_without_a_template_is_refused():
    with pytest.raises(UserError, match="no chat template"):
        prompts.chat(Tokenizer(), [{"role": "user", "content": "q"}])


def test_state_prompt_is_the_plain_text_unless_the_template_is_asked_for():
    tokenizer = ChatTokenizer()
    plain = prompts.letter_prompt(CHEMISTRY, SHOTS)
    assert prompts.state_prompt(tokenizer, CHEMISTRY, SHOTS, "craft", False) == plain
    assert prompts.state_prompt(tokenizer, CHEMISTRY, SHOTS, "craft", True) == f"<user>{plain}</><assistant>"
    assert prompts.state_prompt(tokenizer, FRANCE, [ITALY], "craft", False) == prompts.open_prompt(FRANCE, [ITALY])


def test_state_prompt_s_shots_are_turns_of_their_own():
    assert prompts.state_prompt(ChatTokenizer(), FRANCE, [ITALY], "craft", True) == (
        "<user>Answer the following question as simple as possible.\nWhat is the capital of Italy?</>"
        "<assistant>Rome</>"
        "<user>Answer the following question as simple as possible.\nWhat is the capital of France?</>"
        "<assistant>"
    )


def test_no_prompt_tells_the_answer():
    for text in (
        prompts.open_prompt(FRANCE),
        prompts.cloze_prompt(CHEMISTRY),
        *(prompts.answer_content(FRANCE, p, w) for p in ("basic", "refuse") for w in phrases.WORDINGS),
    ):
        assert "Paris" not in text
        assert "Argon" not in text
