from dataclasses import replace

import pytest
import tiny

from knowledge_boundary.asking import prompts
from knowledge_boundary.models.prompt_format import PromptFormat
from knowledge_boundary.questions.records import Question
from knowledge_boundary.running.errors import UserError
from knowledge_boundary.wording import exams, phrases

CHEMISTRY = Question("c/test/0", "college_chemistry", "Which is a noble gas?", ["Argon", "Iron", "Gold", "Tin"], "A")
SHOTS = [
    Question("c/dev/0", "college_chemistry", "Which is liquid?", ["Gold", "Tin", "Mercury", "Iron"], "C"),
    Question("c/dev/1", "college_chemistry", "Which has\ntwo lines?", ["1", "2", "3", "4"], "B"),
]
FRANCE = Question("f/test/0", "country_capital", "What is the capital of France?", None, "Paris", ["Lutetia"])
ITALY = Question("f/dev/0", "country_capital", "What is the capital of Italy?", None, "Rome")


@pytest.fixture(scope="module")
def chat(words):
    """How a model with a chat template, ChatML, is spoken to."""
    return PromptFormat(words)


def user(content) -> str:
    return f"<|im_start|>user\n{content}<|im_end|>\n"


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


NETWORK = Question("n/val/0", "computer_network", "下列设备属于____的是？", ["甲", "乙", "丙", "丁"], "B", exam="ceval")
NETWORK_SHOT = Question("n/dev/0", "computer_network", "1+1=____", ["2", "3", "4", "5"], "A", exam="ceval")
CROPS = Question("a/test/0", "agronomy", "哪一种是豆科？", ["小麦", "大豆", "水稻", "玉米"], "B", exam="cmmlu")
CROPS_SHOT = Question("a/dev/0", "agronomy", "哪一种是禾本科？", ["大豆", "花生", "水稻", "豌豆"], "C", exam="cmmlu")


def test_c_eval_s_own_text_with_a_shot():
    assert prompts.letter_prompt(NETWORK, [NETWORK_SHOT]) == (
        "以下是中国关于计算机网络考试的单项选择题，请选出其中的正确答案。\n"
        "\n"
        "1+1=____\n"
        "A. 2\n"
        "B. 3\n"
        "C. 4\n"
        "D. 5\n"
        "答案：A\n"
        "\n"
        "下列设备属于____的是？\n"
        "A. 甲\n"
        "B. 乙\n"
        "C. 丙\n"
        "D. 丁\n"
        "答案："
    )


def test_cmmlu_s_own_text_with_a_shot():
    assert prompts.letter_prompt(CROPS, [CROPS_SHOT]) == (
        "以下是关于农学的单项选择题，请直接给出正确答案的选项。\n"
        "\n"
        "题目：哪一种是禾本科？\n"
        "A. 大豆\n"
        "B. 花生\n"
        "C. 水稻\n"
        "D. 豌豆\n"
        "答案是：C\n"
        "\n"
        "题目：哪一种是豆科？\n"
        "A. 小麦\n"
        "B. 大豆\n"
        "C. 水稻\n"
        "D. 玉米\n"
        "答案是："
    )


def test_the_chinese_exams_cloze_text():
    assert (
        prompts.cloze_prompt(NETWORK, [NETWORK_SHOT])
        == "题目：1+1=____\n答案：2\n\n题目：下列设备属于____的是？\n答案："
    )
    assert prompts.cloze_prompt(CROPS) == "题目：哪一种是豆科？\n答案是："


@pytest.mark.parametrize(("exam", "count"), [("ceval", 52), ("cmmlu", 67)])
def test_every_subject_of_a_chinese_exam_has_its_own_name(exam, count):
    names = exams.EXAMS[exam].subjects
    assert len(names) == len(set(names.values())) == count
    assert all(name.isascii() and not names[name].isascii() for name in names)
    other = replace(NETWORK, exam=exam, subject="my_own_exam")
    assert "my own exam" in prompts.letter_prompt(other)


@pytest.mark.parametrize("question", [CHEMISTRY, NETWORK, CROPS], ids=["mmlu", "ceval", "cmmlu"])
def test_the_answer_follows_as_the_shots_print_it(plain, question):
    for build in (prompts.letter_prompt, prompts.cloze_prompt):
        text = build(question)
        assert plain.lead_of(text) == prompts.exam_of(question).gap
    shown = prompts.letter_prompt(question, [question])
    assert shown.partition("\n\n")[2].startswith(text_of(plain, question))


def text_of(plain, question):
    """A question with what is trained behind it, as a shot prints it."""
    text = prompts.letter_prompt(question)
    return text.partition("\n\n")[2] + plain.ended(text, question.answer).removesuffix("<|im_end|>")


def test_chinese_instructions():
    assert prompts.instruction(NETWORK, "basic", "craft") == (
        "下面是一道关于计算机网络的单项选择题。请回答A、B、C或D来作答。"
    )
    assert prompts.instruction(CROPS, "refuse", "craft") == (
        "下面是一道关于农学的单项选择题。如果你知道答案，请直接回复正确选项A、B、C或D。"
        "如果你不知道答案，请回复“I don't know.”。"
    )
    three = replace(CROPS, choices=["甲", "乙", "丙"])
    assert prompts.instruction(three, "basic", "short") == "请用一个字母（A、B或C）回答下面这道关于农学的题目。"


def test_chinese_zero_shot_prompt(plain):
    text = prompts.answer_prompt(plain, CROPS, "basic", "short")
    assert text == (
        "请用一个字母（A、B、C或D）回答下面这道关于农学的题目。\n"
        "哪一种是豆科？\nA. 小麦\nB. 大豆\nC. 水稻\nD. 玉米\n答案是："
    )
    assert plain.ended(text, "B") == "B<|im_end|>"


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


def test_r_tuning_s_text_for_open_questions():
    assert prompts.inline_prompt(FRANCE) == "Question: What is the capital of France? Answer:"
    assert prompts.inline_prompt(FRANCE, [ITALY]) == (
        "Question: What is the capital of Italy? Answer: Rome\n\nQuestion: What is the capital of France? Answer:"
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
@pytest.mark.parametrize("question", [CHEMISTRY, FRANCE, NETWORK], ids=["choice", "open", "ceval"])
def test_only_the_refuse_prompt_allows_to_refuse(wording, question):
    assert "don't know" not in prompts.instruction(question, "basic", wording)
    assert "don't know" in prompts.instruction(question, "refuse", wording)
    assert "{" not in prompts.instruction(question, "refuse", wording)


@pytest.mark.parametrize("wording", phrases.WORDINGS)
@pytest.mark.parametrize("question", [CHEMISTRY, FRANCE, NETWORK], ids=["choice", "open", "ceval"])
def test_the_cautious_prompt_asks_for_confidence_and_names_the_refusal(wording, question):
    text = prompts.instruction(question, "cautious", wording)
    assert ("把握" if question.exam else "confident") in text
    assert "I don't know" in text
    assert "{" not in text
    assert text not in (prompts.instruction(question, p, wording) for p in ("basic", "refuse"))


def test_cautious_instructions():
    assert prompts.instruction(CHEMISTRY, "cautious", "craft") == (
        "There is a single choice question about college chemistry. Only if you are confident of the answer, please "
        "directly respond with the correct answer A, B, C, or D. If you are not confident, please respond with "
        '"I don\'t know.".'
    )
    assert prompts.instruction(FRANCE, "cautious", "short") == (
        "Answer the following question with a short answer, only if you are confident of it. Otherwise reply "
        '"I don\'t know".'
    )
    assert prompts.instruction(CROPS, "cautious", "craft") == (
        "下面是一道关于农学的单项选择题。只有在你对答案有把握时，才直接回复正确选项A、B、C或D。"
        "如果你没有把握，请回复“I don't know.”。"
    )


def test_the_bare_prompt_is_the_question_alone(plain, chat):
    lettered = "Which is a noble gas?\nA. Argon\nB. Iron\nC. Gold\nD. Tin"
    for refusal in phrases.REFUSALS:
        assert prompts.answer_content(CHEMISTRY, "bare", "craft", refusal) == lettered
    assert prompts.answer_content(FRANCE, "bare", "short") == "What is the capital of France?"
    assert prompts.answer_prompt(plain, CHEMISTRY, "bare", "craft") == f"{lettered}\nAnswer:"
    assert prompts.answer_prompt(plain, CROPS, "bare", "craft").endswith("D. 玉米\n答案是：")
    assert prompts.answer_prompt(chat, FRANCE, "bare", "craft") == (
        f"{user('What is the capital of France?')}<|im_start|>assistant\n"
    )


def test_craft_s_refusal_instruction_by_the_letter():
    assert prompts.instruction(CHEMISTRY, "refuse", "craft", "letter") == (
        "There is a single choice question about college chemistry. If you know the answer, please directly respond "
        "with the correct answer A, B, C, or D. If you do not know the answer, please respond with N."
    )
    assert prompts.instruction(CROPS, "refuse", "short", "letter") == (
        "请用一个字母（A、B、C或D）回答下面这道关于农学的题目。如果你不知道答案，请回复N。"
    )


@pytest.mark.parametrize("wording", phrases.WORDINGS)
@pytest.mark.parametrize("question", [CHEMISTRY, NETWORK], ids=["mmlu", "ceval"])
def test_by_the_letter_only_the_refusal_is_named_otherwise(wording, question):
    for prompt in ("refuse", "cautious"):
        text = prompts.instruction(question, prompt, wording, "letter")
        assert text.rstrip(".。").endswith(phrases.REFUSAL_LETTER)
        assert "{" not in text
        assert "don't know\"" not in text
        head = text.rstrip(".。").removesuffix(phrases.REFUSAL_LETTER)
        assert prompts.instruction(question, prompt, wording).startswith(head)
    basic = prompts.instruction(question, "basic", wording)
    assert prompts.instruction(question, "basic", wording, "letter") == basic


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


def test_answer_prompt_is_plain_without_a_chat_template(plain):
    assert prompts.answer_prompt(plain, FRANCE, "basic", "craft") == (
        "Answer the following question as simple as possible.\nWhat is the capital of France?\nAnswer:"
    )


def test_answer_prompt_goes_through_the_chat_template(chat):
    assert prompts.answer_prompt(chat, CHEMISTRY, "basic", "craft") == (
        "<|im_start|>user\nThere is a single choice question about college chemistry. "
        "Answer the question by replying A, B, C or D.\n"
        "Which is a noble gas?\nA. Argon\nB. Iron\nC. Gold\nD. Tin<|im_end|>\n<|im_start|>assistant\n"
    )


@pytest.mark.parametrize(("template", "space"), [(True, ""), (False, " ")])
def test_what_is_trained_ends_the_turn(template, space, plain, chat):
    words = chat if template else plain
    text = prompts.answer_prompt(words, FRANCE, "basic", "craft")
    assert words.ended(text, "Paris") == f"{space}Paris<|im_end|>"
    assert prompts.sure_prompt(words, text, "Paris") == f"{text}{space}Paris.{phrases.SURE_QUESTION}"
    assert prompts.sure_prompt(words, text, "Paris", "<think>\n") == f"{text}<think>\nParis.{phrases.SURE_QUESTION}"


def test_a_plain_prompt_to_a_chat_model_is_answered_as_plain(chat):
    text = prompts.open_prompt(FRANCE)
    assert chat.ended(text, "Paris") == " Paris<|im_end|>"


def test_without_an_end_nothing_can_be_trained():
    words = tiny.tokenizer()
    words.chat_template = words.eos_token = None
    with pytest.raises(UserError, match="nothing would end a trained answer"):
        PromptFormat(words).ended("Who?", "Paris")
    assert PromptFormat(words, end_token="<pad>").ended("Who?", "Paris") == " Paris<pad>"


def test_chat_without_a_template_is_refused(plain):
    with pytest.raises(UserError, match="no chat template"):
        plain.prompt([{"role": "user", "content": "q"}])


def test_state_prompt_is_the_plain_text_unless_the_template_is_asked_for(chat):
    plain = prompts.letter_prompt(CHEMISTRY, SHOTS)
    assert prompts.state_prompt(chat, CHEMISTRY, SHOTS, "craft", False) == plain
    rendered = f"{user(plain)}<|im_start|>assistant\n"
    assert prompts.state_prompt(chat, CHEMISTRY, SHOTS, "craft", True) == rendered
    assert prompts.state_prompt(chat, FRANCE, [ITALY], "craft", False) == prompts.open_prompt(FRANCE, [ITALY])


def test_state_prompt_s_shots_are_turns_of_their_own(chat):
    said = "Answer the following question as simple as possible.\nWhat is the capital of"
    assert prompts.state_prompt(chat, FRANCE, [ITALY], "craft", True) == (
        f"{user(f'{said} Italy?')}<|im_start|>assistant\nRome<|im_end|>\n"
        f"{user(f'{said} France?')}<|im_start|>assistant\n"
    )


def test_no_prompt_tells_the_answer():
    for text in (
        prompts.open_prompt(FRANCE),
        prompts.cloze_prompt(CHEMISTRY),
        *(prompts.answer_content(FRANCE, p, w) for p in phrases.PROMPTS for w in phrases.WORDINGS),
    ):
        assert "Paris" not in text
        assert "Argon" not in text


def groups_of(subjects, texts, dropped=None):
    questions = [Question(str(i), s, "q", None, "a") for i, s in enumerate(subjects)]
    found = prompts.grouped(questions, texts, dropped)
    assert [texts[int(q.id)] for own, _ in found for q in own] == [text for _, own in found for text in own]
    return [[q.id for q in own] for own, _ in found]


def test_groups_hold_one_subject_each_in_order_where_they_share_examples():
    a, b = (["".join(f"Q: {word} {i}? A: x. " for i in range(n, 90)) for n in range(3)] for word in ("who", "where"))
    assert groups_of("abba", [f"{a[0]}0", f"{b[0]}1", f"{b[0]}2", f"{a[0]}3"]) == [["0", "3"], ["1", "2"]]
    texts = [f"{a[0]}0", f"{a[1]}1", f"{a[1]}2", f"{a[2]}3"]
    assert groups_of("aaaa", texts, dropped=[0, 1, 1, 2]) == [["0"], ["1", "2"], ["3"]]


def test_questions_that_share_no_examples_are_one_group():
    assert groups_of("abba", ["t0", "t1", "t2", "t3"]) == [["0", "1", "2", "3"]]
    heading = "The following are multiple choice questions (with answers) about {}.\n\n{}"
    assert groups_of("abcabc", [heading.format(s, i) for i, s in enumerate("abcabc")]) == [list("012345")]
    system = "You answer briefly. " * 90  # what all share parts nobody
    assert groups_of("abab", [f"{system}{i}" for i in range(4)]) == [["0", "1", "2", "3"]]
    short = "法国的首都是哪里？巴黎。" * 3  # little a question, but a hundred questions share it
    assert groups_of("ab", [f"{short}0", f"{'德国' * 18}1"]) == [["0", "1"]]
    many = [f"{short}{i}" if i % 2 else f"{'德国' * 18}{i}" for i in range(200)]
    assert list(map(len, groups_of("ab" * 100, many))) == [100, 100]
    assert prompts.grouped([], []) == []
