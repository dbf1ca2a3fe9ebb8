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

# What a refusal looks like, beyond UNKNOWN_ANSWERS: regular expressions on lower case with straight apostrophes.
# Behind these may stand what is not known ("I don't know the capital of Chad").
REFUSAL_STARTS = (
    r"i (really |honestly |just |simply |actually |still |truly )*(do not|don'?t) (really |actually |yet )*"
    r"(know|remember|recall|have (an?|the|any|enough|access to|sufficient) "
    r"(answer|idea|clue|information|knowledge|data|details?))",
    r"i (really |honestly |absolutely |just )*have (absolutely |really )?no "
    r"(idea|clue|information|knowledge|answer|data|way of knowing)",
    r"i have(n't| not) (the (faintest|slightest|foggiest)( idea| clue)?|a clue|any idea)",
    r"(i'm|i am) (just |really |still |honestly |quite |actually )*"
    r"(not (so |very |entirely |completely |quite |really |100 ?% |totally |absolutely )*"
    r"(sure|certain|aware of|familiar with|able to)|unsure|uncertain|unable to|unaware of)",
    r"i (really |simply |just )*(cannot|can't|could not|couldn't) (really )?"
    r"(answer|say|tell|determine|remember|recall|provide|find|confirm|give (you )?(an|the))",
    r"(don'?t|do not) know(?! (why|how|me|him|her|much|nothing)\b)",
    r"not (sure|certain)(?= (about|if|what|who|which|where|when|whether|how|of)\b)",
    r"no (idea|clue)(?= (about|what|who|which|where|when|how)\b)",
    r"(the answer|it|that|this)( is|'s) (not known|unknown|unclear|uncertain)"
    r"(?= (to|who|what|when|where|which|how|why|if|whether|because|at|as of|based|from|for|without)\b)",
    r"(nobody|no one|no-one) (really )?knows"
    r"(?= (for (sure|certain)|exactly|the answer|this|that|who|what|when|where|why|how)\b)",
    r"(我|本人)?(真的|也|还|還)?(不知道|不晓得|不曉得|不(太|是很|大|能)?(确定|確定|清楚)|不(太|是很)?(了解|瞭解))",
    r"我?(无法|無法|不能|没法|沒法|没有办法|沒有辦法)(回答|确定|確定|提供|给出|給出|确认|確認|得知|知道)",
    r"我?(没有|沒有|缺乏|缺少)(足够的?|足夠的?|相关的?|相關的?|任何)*(答案|信息|資訊|资料|資料|头绪|頭緒)",
    r"(没有人|沒有人|没人|沒人|无人|無人)知道",
)
# Refusals only where nothing more is said in their sentence: "Unknown Pleasures", "Nobody Knows My Name" are none.
REFUSAL_SENTENCES = (
    r"((the|its|his|her|their) [^.!?,;:]+|it|that|this|answer)( is|'s| was| remains?) "
    r"(currently |still |generally |simply |probably )*(unknown|unclear|uncertain|not known)( to me)?",
    r"(the|an?|any) (\w+ )?answer (is|was|could|can)( not|not|n't) (be )?"
    r"(provided|given|available|clear|certain|specified|determined|found|known)",
    r"it('s| is)? (not|im)( )?possible to (answer|say|tell|determine)( [^.!?,;:]+)?",
    r"(currently )?(unknown|unsure|uncertain|unclear|not (sure|known|certain)|no (idea|clue|answer))",
    r"idk|dunno|n/a|beats me|can(not|'t) (say|tell|answer)|i pass|pass",
    r"(nobody|no one|no-one) (really )?knows",
    r"(它|答案|这个|這個|目前)?(还|還|仍)?是?(未知|不详|不詳|不明|不得而知)的?",
)
# What may stand before a refusal.
REFUSAL_FRONTS = (
    r"(i'm |i am )?((so |very |really |truly )*sorry|afraid)( that)?( to say)?( about that)?",
    r"i apologi[sz]e( for [^,.;:]*)?|(my )?apologies|unfortunately|regrettably|sadly",
    r"answer|a|well|honestly|frankly|oh|uh|um+|hm+|actually|but|however|yet|and|that",
    r"to be (honest|frank)|in all honesty|truthfully|i must (admit|confess|say)( that)?|let me think",
    r"i('m| am) going to say|i('d| would) (have to )?say( that)?",
    r"as an? (large |ai |artificial intelligence )*(language )?(model|assistant|chatbot|ai|artificial intelligence)"
    r"( [^,.;:]*(?=[,.;:]))?",
    r"(as for|as to|regarding|about|concerning|with regard to|on) [^,.;:?]*(?=[,:?])",
    r"((that|this)('s| is) )?(a |an |quite |such |really )*(good|great|hard|tough|difficult|interesting|tricky) "
    r"(question|one)",
    r"[^.!。！]*[?？]",  # the question again
    r"对不起|對不起|很?抱歉|不好意思|很?遗憾|很?遺憾|老实说|老實說|说实话|說實話|但是?|可是|不过|不過|目前",
    r"(作为|作為|关于|關於|至于|至於|对于|對於)[^,，。]*|(对|對)?(于|於)?(这|這)(个|個)?(问题|問題)",
)
# A refusal that goes on with one of these, or with "but" and what is no offer, gives an answer after all.
GUESSES = (
    r"maybe|perhaps|possibly|probably|presumably|i('d| would)? (think|believe|guess|say|suppose|assume)|i'm guessing",
    r"my (best )?guess( is| would be)?|if i had to guess|(it|that|the answer) (might|may|could|must|should) be",
    r"可能|也许|也許|或许|或許|大概|应该|應該|我猜|我想|我觉得|我覺得|我认为|我認為",
)
TURNS_TO_ANSWER = r"but|though|although|however|但是?|不过|不過|可是"
OFFERS = (
    r"(i|we|you|please|if|feel|thanks?|thank you|let|here|there|someone|others?|some|many)\b",
    r"(would|could|can|do|what|who)\b",
    r"(it|that|this)( is|'s| was) (not|hard|difficult|impossible|unclear|unlikely|important|possible)\b",
    r"(it|that|this)( is|'s| was) an? [^.]*question\b",
    r"我(可以|会|會|能|知道)|您|你|请|請|如果",
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


def sentence(answer: str) -> str:
    """An answer with one full stop behind it."""
    return f"{answer.rstrip('.')}."


def sure_question(answer: str) -> str:
    """An answer, and R-Tuning's question whether the model is sure of it."""
    return f"{sentence(answer)}{SURE_QUESTION}"


def sure_prompt(tokenizer, prompt: str, answer: str) -> str:
    """R-Tuning's question after the ``answer`` that the model gave to ``prompt`` (``answer_prompt``)."""
    space = "" if has_chat_template(tokenizer) else " "
    return f"{prompt}{space}{sure_question(answer)}"


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
