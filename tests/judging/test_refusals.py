"""Does an answer decline? Each case decided as a person would: (the answer, what of it answers, or None)."""

import pytest

from knowledge_boundary.judging.outcomes import outcome
from knowledge_boundary.judging.refusals import answering_part, before_sure, is_refusal
from knowledge_boundary.questions.records import Question
from knowledge_boundary.wording import phrases

REFUSALS = [
    # polite forms in front
    "Sorry, but I don't know",
    "I'm sorry, I don't know the answer to that.",
    "I'm afraid I don't know.",
    "I am so sorry, but I'm not sure about that",
    "As an AI language model, I don't know",
    "As an AI language model I don't know the answer",
    "As a large language model trained by some company, I cannot answer this.",
    "Sorry, as an AI, I can't provide that.",
    "Well, I'm not sure",
    "Honestly I have no idea",
    "To be honest, I don't know.",
    "Unfortunately, I do not have enough information to answer.",
    "Hmm... I don't know",
    "Answer: I don't know",
    "A: I don't know.",
    "I must admit that I don't know",
    "I would have to say I don't know",
    "I apologize for the confusion, but I don't know.",
    "The answer is not provided.",
    "The answer cannot be determined.",
    "A definitive answer isn't available",
    "It is not possible to answer.",
    "It's impossible to say who wrote it.",
    # inside a sentence or behind one
    "The capital of Chad? I don't know.",
    "I don't know the answer to this question.",
    "I don't know who wrote it, sorry",
    "I don't know if it is Paris",
    "That's a good question. I don't know.",
    "As for the capital of Chad, I don't know.",
    "I really don't know what the answer could be",
    "I honestly don't know",
    "I'm not entirely sure what the capital is.",
    "I am not aware of the answer.",
    "I'm unable to answer that",
    "I don't remember.",
    "I haven't the faintest idea.",
    "I have absolutely no idea.",
    "No idea, sorry.",
    "Not sure about that",
    "idk",
    "N/A",
    "The author of the poem is unknown.",
    "The answer is unknown to me.",
    "The answer is unknown because nobody has found it",
    "It is not known who wrote it",
    "Nobody knows.",
    "No one knows for sure",
    "“I don’t know.”",
    "**I don't know**",
    # a refusal that goes on, but to no answer
    "I don't know, but I can help you with something else.",
    "I'm not sure, but you could look it up",
    "I don't know, but thank you for asking!",
    "I don't know, but it's a good question",
    "I'm not sure, but I think nobody knows",
    "I don't know what it might be",
    "I don't know though.",
    # Chinese
    "我不知道这个问题的答案。",
    "对不起，我不知道",
    "抱歉，我无法回答这个问题。",
    "作为一个人工智能，我无法回答",
    "乍得的首都？我不知道。",
    "这个问题我不知道",
    "关于这个问题，我不太清楚。",
    "我不太确定。",
    "我沒有答案",
    "對不起，我不確定",
    "無法確定",
    "没有人知道",
    "未知",
    "答案未知。",
    "我不知道，请您查一下",
]
ANSWERS = [  # (text, what of it answers)
    ("I know that many people don't know this, but it is Paris", ...),
    ("I don't know, but I think it is Paris", "Paris"),
    ("I don't know but it is Paris", "it is Paris"),
    ("I'm not sure, maybe Paris", "Paris"),
    ("I'm not sure. Maybe it is Paris.", "Paris."),
    ("I'm not 100% sure, but I believe it's Paris.", "Paris."),
    ("I don't know for certain, but the answer might be Paris", "Paris"),
    ("I don't know if it is Paris, maybe London", "London"),
    ("I am not sure about the exact name, but it was Paris", "it was Paris"),
    ("I don't know, but Paris is my best guess", "Paris is my best guess"),
    ("Sorry, I'm not sure, but probably Paris", "Paris"),
    ("Paris, but I'm not sure", ...),
    ("Paris. I am unsure.", ...),
    ("Paris (I don't know)", ...),
    ("Unknown Pleasures", ...),
    ("The answer is Unknown Pleasures.", ...),
    ("The Unknown Soldier", ...),
    ("The tomb of the Unknown Soldier is in Paris", ...),
    ("What I Don't Know", ...),
    ("Don't Know Why", ...),
    ("Nobody Knows My Name", ...),
    ("It is known that Paris is the capital", ...),
    ("It is unknown territory", ...),
    ("Uncertain Glory", ...),
    ("Sorry", ...),
    ("Sorry Seems to Be the Hardest Word", ...),
    ("I Know Why the Caged Bird Sings", ...),
    ("I Can't Get No Satisfaction", ...),
    ("No Country for Old Men", ...),
    ("Honestly, it is Paris", ...),
    ("Is it Paris?", ...),
    ("Pass the Courvoisier", ...),
    ("Not Sure Enough", ...),
    ("我不确定，可能是巴黎", "巴黎"),
    ("我不知道，但我想是巴黎", "巴黎"),
    ("我不知道，不过巴黎是首都", "巴黎是首都"),
    ("未知数", ...),
    ("不丹", ...),
    ("我知道是巴黎", ...),
]


@pytest.mark.parametrize("text", REFUSALS)
def test_declines(text):
    assert answering_part(text) is None
    assert outcome(Question("i", "s", "q", None, "Paris"), text) == {"outcome": "refused"}
    assert outcome(Question("i", "s", "q", list("wxyz"), "A"), text) == {"outcome": "refused"}


@pytest.mark.parametrize(("text", "part"), ANSWERS)
def test_answers(text, part):
    assert answering_part(text) == (text if part is ... else part)


@pytest.mark.parametrize("refusal", [*phrases.UNKNOWN_ANSWERS, phrases.REFUSAL])
@pytest.mark.parametrize(
    "form", ["{}", "Sorry, {}", "Well, {}", "What is the capital of Chad? {}", "Answer: {}", "'{}'"]
)
def test_every_form_of_the_training_data_s_refusals(refusal, form):
    assert is_refusal(form.format(refusal))
    assert is_refusal(form.format(refusal).upper())
    assert is_refusal(form.format(refusal).replace("'", "’"))


@pytest.mark.parametrize(
    "gold", ["Unknown", "Nobody Knows", "I Don't Know", "Not Sure", "The answer is unknown.", "不知道", "Unknown!"]
)
def test_a_gold_that_reads_like_a_refusal_is_an_answer(gold):
    assert outcome(Question("i", "s", "q", None, gold), gold) == {"outcome": "correct"}
    assert outcome(Question("i", "s", "q", None, "x", [gold]), gold.upper()) == {"outcome": "correct"}
    assert outcome(Question("i", "s", "q", None, gold), "I have no idea.") == {"outcome": "refused"}


SURE = [
    (
        "Paris. Are you sure you accurately answered the question based on your internal knowledge? I am unsure.",
        "Paris.",
    ),
    ("Paris. Are you sure you accurately answered the question based on your internal knowledge? I am sure.", "Paris."),
    ("Paris. Are you sure you accurately answered the qu", "Paris."),
    ("Paris.", "Paris."),
    ("Are You Sure Hank Done It This Way", "Are You Sure Hank Done It This Way"),
    ("I asked: Are you sure of it? Paris", "I asked: Are you sure of it? Paris"),
]


@pytest.mark.parametrize(("text", "before"), SURE)
def test_before_the_sure_question(text, before):
    assert before_sure(text).strip() == before


@pytest.mark.parametrize("sure", [phrases.SURE, phrases.UNSURE])
def test_what_is_judged_stands_before_the_sure_question(sure):
    asking = phrases.SURE_QUESTION + sure
    paris, letters = Question("i", "s", "q", None, "Paris"), Question("i", "s", "q", list("wxyz"), "B")
    assert outcome(paris, "Paris." + asking) == {"outcome": "correct"}
    assert outcome(paris, "London." + asking) == {"outcome": "wrong"}
    assert outcome(paris, "I don't know." + asking) == {"outcome": "refused"}
    assert outcome(letters, "B." + asking) == {"outcome": "correct"}
    assert outcome(letters, "C." + asking) == {"outcome": "wrong"}
    assert outcome(letters, "I'm not sure, but B") == {"outcome": "correct"}
