"""How a prompt is put together.

An instruction, the question as it is laid out, and, where the model has a chat template and it is to be used, the
template around both. What is rendered here is tokenised whole, never by pieces.
"""

from ..engine.packing import shared_length
from ..engine.passes import check_window
from ..wording.exams import CHINESE_INSTRUCTIONS, EXAMS, Exam
from ..wording.phrases import ANSWER, INLINE_ANSWER, INSTRUCTIONS, QUESTION, SURE_QUESTION

SAVED = 1000  # characters that a group of questions must share for a pass of its own


def exam_of(question) -> Exam:
    """How the exam that a question belongs to prints its text; MMLU's where it belongs to none."""
    return EXAMS[question.exam]


def subject_text(subject: str, exam: str | None = None) -> str:
    """A subject's name as prompts print it: the exam's own, else with spaces for underscores."""
    return EXAMS[exam].subjects.get(subject, subject.replace("_", " "))


def instruction(question, prompt: str, wording: str, refusal: str = "text") -> str:
    """The instruction of a prompt for one question.

    Args:
        question: a ``Question``.
        prompt: one of ``phrases.PROMPTS`` but ``bare``, which has none.
        wording: a key of ``INSTRUCTIONS``.
        refusal: ``letter``: of multiple choice, a prompt that gives leave to refuse names the refusal's letter.
    """
    if question.choices is None:
        return INSTRUCTIONS[wording]["open"][prompt]
    texts = (CHINESE_INSTRUCTIONS if question.exam else INSTRUCTIONS)[wording]
    named = texts["letter"] if refusal == "letter" else {}
    first, last = question.letters[:-1], question.letters[-1]
    return (texts["choice"] | named)[prompt].format(
        subject=subject_text(question.subject, question.exam),
        letters=f"{'、'.join(first)}或{last}",
        a_b_c_or_d=f"{', '.join(first)} or {last}",
        a_b_c__or_d=f"{', '.join(first)}, or {last}",
    )


def body(question) -> str:
    """The question alone: its text, and its lettered choices where it has them."""
    if question.choices is None:
        return question.question
    lines = [f"{letter}. {text}" for letter, text in zip(question.letters, question.choices, strict=True)]
    return "\n".join([question.question, *lines])


def letter_prompt(question, shots=()) -> str:
    """The plain few-shot prompt of the question's exam, ending where the letter comes.

    MMLU's ends in ``Answer:`` (original release; R-Tuning), C-Eval's in ``答案：``, CMMLU's in ``答案是：``.
    """
    exam = exam_of(question)
    text = exam.header.format(subject=subject_text(question.subject, question.exam))
    for shot in shots:
        text += f"{exam.question}{body(shot)}{exam.answer}{exam.gap}{shot.answer}\n\n"
    return f"{text}{exam.question}{body(question)}{exam.answer}"


def cloze_prompt(question, shots=()) -> str:
    """The question without its choices: a choice's text is scored as what follows ``Answer:``, or ``答案：``."""
    exam, text = exam_of(question), ""
    for shot in shots:
        answer = shot.choices[shot.letters.index(shot.answer)]
        text += f"{exam.alone}{shot.question}{exam.answer}{exam.gap}{answer}\n\n"
    return f"{text}{exam.alone}{question.question}{exam.answer}"


def open_prompt(question, shots=(), wording="craft") -> str:
    """A plain few-shot prompt for an open question, the instruction first (CRaFT: 3 shots)."""
    text = instruction(question, "basic", wording) + "\n\n"
    for shot in shots:
        text += f"{QUESTION}{shot.question}{ANSWER} {shot.answer}\n\n"
    return f"{text}{QUESTION}{question.question}{ANSWER}"


def inline_prompt(question, shots=()) -> str:
    """R-Tuning's prompt for an open question, on one line: ``Question: … Answer:``.

    Its code for ParaRel trains and evaluates on this text; while it probes, it leaves out the space behind
    ``Question:``. It gives no examples.
    """
    text = "".join(f"{QUESTION}{shot.question}{INLINE_ANSWER} {shot.answer}\n\n" for shot in shots)
    return f"{text}{QUESTION}{question.question}{INLINE_ANSWER}"


def answer_content(question, prompt: str, wording: str, refusal: str = "text") -> str:
    """What the user says in the zero-shot prompt: the instruction, then the question; with ``bare`` that alone."""
    if prompt == "bare":
        return body(question)
    return f"{instruction(question, prompt, wording, refusal)}\n{body(question)}"


def answer_prompt(words, question, prompt: str, wording: str, refusal: str = "text") -> str:
    """The zero-shot prompt of evaluation and of training, through the model's chat template where it has one.

    Args:
        words: the model's ``PromptFormat``.
        question: a ``Question``.
        prompt: one of ``phrases.PROMPTS``.
        wording: a key of ``INSTRUCTIONS``.
        refusal: see ``instruction``.

    Returns:
        The text after which the model's answer begins, or its thought.
    """
    content = answer_content(question, prompt, wording, refusal)
    return words.prompt([{"role": "user", "content": content}]) if words.chat else content + exam_of(question).answer


def sentence(answer: str) -> str:
    """An answer with one full stop behind it."""
    return f"{answer.rstrip('.')}."


def sure_question(answer: str) -> str:
    """An answer, and R-Tuning's question whether the model is sure of it."""
    return f"{sentence(answer)}{SURE_QUESTION}"


def sure_prompt(words, prompt: str, answer: str, before: str | None = None) -> str:
    """R-Tuning's question after the ``answer`` that the model gave to ``prompt``; ``before``: what it wrote first."""
    return f"{prompt}{words.lead_of(prompt) if before is None else before}{sure_question(answer)}"


def state_prompt(words, question, shots, wording, chat_template) -> str:
    """The prompt that asks for the model's knowledge of a question, with no leave to refuse.

    Plain: the exam's text, or the few-shot text for open questions. With ``chat_template``: each shot is a turn of its
    own (open questions), or the plain text is the user's one message (multiple choice).
    """
    if question.choices is not None:
        plain = letter_prompt(question, shots)
        return words.prompt([{"role": "user", "content": plain}]) if chat_template else plain
    if not chat_template:
        return open_prompt(question, shots, wording)
    messages = []
    for q in (*shots, question):
        messages += [
            {"role": "user", "content": answer_content(q, "basic", wording)},
            {"role": "assistant", "content": q.answer},
        ]
    return words.prompt(messages[:-1])


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
            needed = lm.length(text) + after
            if needed <= lm.window:
                break
        else:
            check_window(lm, [needed], [question.id])
        texts.append(text)
        dropped.append(cut)
    return texts, dropped


def grouped(questions, texts, dropped=None) -> list:
    """[(questions, texts) that begin with the same few-shot examples]: each group is run for itself.

    A subject shares its examples; a question that has lost some (``dropped``: how many each) begins otherwise. Groups
    that share hardly more than all the texts do (no examples, a few short ones) are run together, as the last; a single
    long text stays by itself, since the engine runs what is shared in parts.
    """
    groups = {}
    for i, (q, cut) in enumerate(zip(questions, dropped or [0] * len(texts), strict=True)):
        groups.setdefault((q.subject, cut), []).append(i)
    common = shared_length(texts) if texts else 0
    saved = {key: max(1, len(o) - 1) * (shared_length([texts[i] for i in o]) - common) for key, o in groups.items()}
    apart = [own for key, own in groups.items() if saved[key] > SAVED]
    alone = {i for own in apart for i in own}
    rest = [i for i in range(len(texts)) if i not in alone]
    return [([questions[i] for i in own], [texts[i] for i in own]) for own in [*apart, rest] if own]
