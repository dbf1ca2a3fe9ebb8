"""Every prompt, instruction and refusal text of the project.

A prompt is built in three steps: an instruction, the question as it is laid out, and, where the model has a chat
template and it is to be used, the template around both. What is rendered here is tokenised whole, never by pieces.
"""

from .packing import check_window
from .results import UserError

REFUSAL = "I don't know."

# MMLU's original release (Hendrycks et al. 2021); R-Tuning asks the same way.
MMLU_HEADER = "The following are multiple choice questions (with answers) about {subject}.\n\n"

# Instructions by wording, kind of question and prompt. "craft" is CRaFT's own text; "short" is this project's.
INSTRUCTIONS = {
    "craft": {
        "choice": {
            "basic": "There is a single choice question about {subject}. Answer the question by replying {a_b_c_or_d}.",
            "refuse": (
                "There is a single choice question about {subject}. If you know the answer, please directly respond "
                "with the correct answer {a_b_c__or_d}. If you do not know the answer, please respond with "
                '"I don\'t know.".'
            ),
        },
        "open": {
            "basic": "Answer the following question as simple as possible.",
            "refuse": (
                "Answer the following question, and if you don't know the answer, only reply with 'I don't know': "
            ),
        },
    },
    "short": {
        "choice": {
            "basic": "Answer the following question about {subject} with one letter, {a_b_c_or_d}.",
            "refuse": (
                "Answer the following question about {subject} with one letter, {a_b_c_or_d}. "
                "If you don't know the answer, reply \"I don't know\"."
            ),
        },
        "open": {
            "basic": "Answer the following question with a short answer.",
            "refuse": (
                "Answer the following question with a short answer. "
                "If you don't know the answer, reply \"I don't know\"."
            ),
        },
    },
}
WORDINGS = tuple(INSTRUCTIONS)

# R-Tuning (Zhang et al. 2024), as its code writes them.
SURE_QUESTION = " Are you sure you accurately answered the question based on your internal knowledge?"
SURE, UNSURE = " I am sure.", " I am unsure."
UNKNOWN_ANSWERS = (
    "The answer is unknown.",
    "The answer is uncertain.",
    "The answer is unclear.",
    "It is not known.",
    "I do not know the answer.",
    "I'm not sure.",
    "There is no definitive answer.",
    "There is much debate.",
    "There is no concrete answer to this question.",
    "It is impossible to answer.",
    "There is no known case.",
    "There is no public information available.",
    "There is no scientific evidence.",
    "There is no right answer.",
    "It is impossible to know.",
    "It is difficult to predict.",
)

# What a refusal looks like, beyond UNKNOWN_ANSWERS; lower case, straight apostrophes.
REFUSAL_STARTS = (
    "i don't know",
    "i do not know",
    "i dont know",
    "i'm not sure",
    "i am not sure",
    "i am unsure",
    "i'm unsure",
    "i have no idea",
    "i really don't know",
    "i'm not certain",
    "i am not certain",
    "don't know",
    "i cannot answer",
    "i can't answer",
    "我不知道",
    "不知道",
    "我不确定",
    "我不清楚",
    "我无法回答",
    "无法回答",
)
# Refusals only as the whole answer: "Unknown Pleasures" is none.
REFUSAL_WORDS = ("unknown", "unsure", "not sure", "no idea", "uncertain", "idk", "it is unknown", "it is unclear")
# What may stand before a refusal (a regular expression).
APOLOGY = (
    r"^((i'm |i am )?(so |very )?sorry|i apologi[sz]e|unfortunately|answer|对不起|很?抱歉|不好意思)"
    r"[,.:;!，。：！ ]*(but )?"
)


def subject_text(subject: str) -> str:
    """A subject's name as prompts print it: spaces for underscores."""
    return subject.replace("_", " ")


def instruction(question, prompt: str, wording: str) -> str:
    """The instruction of the ``basic`` or the ``refuse`` prompt for one question."""
    if question.choices is None:
        return INSTRUCTIONS[wording]["open"][prompt]
    text = INSTRUCTIONS[wording]["choice"][prompt]
    first, last = ", ".join(question.letters[:-1]), question.letters[-1]
    return text.format(
        subject=subject_text(question.subject), a_b_c_or_d=f"{first} or {last}", a_b_c__or_d=f"{first}, or {last}"
    )


def body(question) -> str:
    """The question alone: its text, and its lettered choices where it has them."""
    if question.choices is None:
        return question.question
    lines = [f"{letter}. {text}" for letter, text in zip(question.letters, question.choices, strict=True)]
    return "\n".join([question.question, *lines])


def letter_prompt(question, shots=()) -> str:
    """MMLU's plain few-shot prompt, ending in ``Answer:`` (original release; R-Tuning)."""
    text = MMLU_HEADER.format(subject=subject_text(question.subject))
    for shot in shots:
        text += f"{body(shot)}\nAnswer: {shot.answer}\n\n"
    return f"{text}{body(question)}\nAnswer:"


def cloze_prompt(question, shots=()) -> str:
    """The question without its choices: a choice's text is scored as what follows ``Answer:``."""
    text = ""
    for shot in shots:
        text += f"Question: {shot.question}\nAnswer: {shot.choices[shot.letters.index(shot.answer)]}\n\n"
    return f"{text}Question: {question.question}\nAnswer:"


def open_prompt(question, shots=(), wording="craft") -> str:
    """A plain few-shot prompt for an open question, the instruction first (CRaFT: 3 shots)."""
    text = instruction(question, "basic", wording) + "\n\n"
    for shot in shots:
        text += f"Question: {shot.question}\nAnswer: {shot.answer}\n\n"
    return f"{text}Question: {question.question}\nAnswer:"


def answer_content(question, prompt: str, wording: str) -> str:
    """What the user says in the zero-shot prompt: the instruction, then the question."""
    return f"{instruction(question, prompt, wording)}\n{body(question)}"


def answer_prompt(tokenizer, question, prompt: str, wording: str) -> str:
    """The zero-shot prompt of evaluation and of training, through the model's chat template where it has one.

    Args:
        tokenizer: the model's tokenizer.
        question: a ``Question``.
        prompt: ``basic`` or ``refuse``.
        wording: a key of ``INSTRUCTIONS``.

    Returns:
        The text after which the model's answer begins.
    """
    content = answer_content(question, prompt, wording)
    if has_chat_template(tokenizer):
        return chat(tokenizer, [{"role": "user", "content": content}])
    return f"{content}\nAnswer:"


def answer_text(tokenizer, answer: str) -> str:
    """What a model is trained to write after ``answer_prompt``: the answer and the end of its turn."""
    if has_chat_template(tokenizer):
        return f"{answer}{tokenizer.eos_token}"
    return f" {answer}{tokenizer.eos_token or ''}"


def sure_prompt(tokenizer, prompt: str, answer: str) -> str:
    """R-Tuning's question whether the model is sure of the ``answer`` it gave to ``prompt``."""
    space = "" if has_chat_template(tokenizer) else " "
    return f"{prompt}{space}{answer.rstrip('.')}.{SURE_QUESTION}"


def has_chat_template(tokenizer) -> bool:
    """Whether the tokenizer carries a chat template."""
    return bool(getattr(tokenizer, "chat_template", None))


def chat(tokenizer, messages) -> str:
    """``messages`` in the model's own chat template, up to where its answer begins."""
    if not has_chat_template(tokenizer):
        raise UserError("--chat_template: this model's tokenizer has no chat template; leave the flag out")
    return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)


def state_prompt(tokenizer, question, shots, wording, chat_template) -> str:
    """The prompt that asks for the model's knowledge of a question, with no leave to refuse.

    Plain: MMLU's text, or the few-shot text for open questions. With ``chat_template``: each shot is a turn of its own
    (open questions), or the plain text is the user's one message (multiple choice).
    """
    if question.choices is not None:
        plain = letter_prompt(question, shots)
        return chat(tokenizer, [{"role": "user", "content": plain}]) if chat_template else plain
    if not chat_template:
        return open_prompt(question, shots, wording)
    messages = []
    for q in (*shots, question):
        messages += [
            {"role": "user", "content": answer_content(q, "basic", wording)},
            {"role": "assistant", "content": q.answer},
        ]
    return chat(tokenizer, messages[:-1])


def within_window(lm, questions, shots, build, room) -> tuple[list, list]:
    """Each question's prompt; where the model's window would not take it, whole shots are left out from the front.

    Args:
        lm: the model.
        questions: the questions.
        shots: each question's few-shot examples.
        build: ``(question, shots) → prompt``.
        room: for each question, how many tokens must fit in behind its prompt.

    Returns:
        The prompts, and how many shots each has lost.

    Raises:
        UserError: a question does not fit with no shot at all.
    """
    texts, dropped = [], []
    for question, examples, after in zip(questions, shots, room, strict=True):
        for cut in range(len(examples) + 1):
            text = build(question, examples[cut:])
            needed = len(lm.encode(text)) + after
            if needed <= lm.window:
                break
        else:
            check_window(lm, [needed], [question.id])
        texts.append(text)
        dropped.append(cut)
    return texts, dropped
