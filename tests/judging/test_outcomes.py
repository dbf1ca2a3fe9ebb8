import numpy as np
import pytest

from knowledge_boundary.judging.choices import chosen_letter
from knowledge_boundary.judging.outcomes import is_correct, matcher, outcome
from knowledge_boundary.judging.refusals import is_refusal
from knowledge_boundary.judging.words import words_of
from knowledge_boundary.questions.records import Question
from knowledge_boundary.wording import phrases


def open_question(gold, *aliases):
    return Question("i", "s", "q", None, gold, list(aliases))


# What a person would say: (the model's answer, gold and aliases, right?)
ANSWERS = [
    # as it stands; case, full stops, spaces, line ends
    ("Paris", ["Paris"], True),
    ("paris", ["Paris"], True),
    ("PARIS.", ["Paris"], True),
    ("  Paris \n", ["Paris"], True),
    ("London", ["Paris"], False),
    ("", ["Paris"], False),
    ("...", ["Paris"], False),
    # in a sentence, as whole words
    ("The capital of France is Paris.", ["Paris"], True),
    ("It is Paris, of course!", ["Paris"], True),
    ("Paris is the capital.", ["Paris"], True),
    ("Parisian", ["Paris"], False),
    ("comparison", ["Paris"], False),
    ("Nigeria", ["Niger"], False),
    ("Arkansas", ["Kansas"], False),
    ("Dominican Republic", ["Dominica"], False),
    ("Austria", ["Australia"], False),
    # several words, in order
    ("New York City", ["New York"], True),
    ("York, New", ["New York"], False),
    ("New Delhi", ["New York"], False),
    ("It was William Shakespeare who wrote it", ["William Shakespeare"], True),
    ("William the Conqueror", ["William Shakespeare"], False),
    # accents and other writing
    ("Asuncion", ["Asunción"], True),
    ("Asunción", ["Asuncion"], True),
    ("Brasília", ["Brasilia"], True),
    ("Reykjavik", ["Reykjavík"], True),
    ("Chișinău", ["Chisinau"], True),
    ("Sao Tome", ["São Tomé"], True),
    ("Cote d'Ivoire", ["Côte d’Ivoire"], True),
    ("Strasse", ["Straße"], True),
    # the same letters, composed and decomposed
    ("Asuncio\u0301n", ["Asunci\u00f3n"], True),
    # articles
    ("The Hague", ["Hague"], True),
    ("Hague", ["The Hague"], True),
    ("the Netherlands", ["Netherlands"], True),
    ("an apple", ["apple"], True),
    ("Bahamas", ["The Bahamas"], True),
    # punctuation inside
    ("Washington DC", ["Washington, D.C."], True),
    ("Washington, D.C.", ["Washington DC"], True),
    ("Port au Prince", ["Port-au-Prince"], True),
    ("Port-au-Prince", ["Port au Prince"], True),
    ("NDjamena", ["N'Djamena"], True),
    ("N’Djamena", ["N'Djamena"], True),
    ("(Bern)", ["Bern"], True),
    ('"Bern"', ["Bern"], True),
    ("**Bern**", ["Bern"], True),
    ("Answer: Bern", ["Bern"], True),
    ("Bern/Basel", ["Bern"], False),
    ("St Johns", ["St. John's"], True),
    # aliases
    ("Burma", ["Myanmar", "Burma"], True),
    ("The Czech Republic", ["Czechia", "Czech Republic"], True),
    ("Holland", ["Netherlands"], False),
    ("KZT", ["Tenge", "KZT"], True),
    # numbers
    ("79", ["79"], True),
    ("The atomic number is 79.", ["79"], True),
    ("79.", ["79"], True),
    ("179", ["79"], False),
    ("790", ["79"], False),
    ("7", ["79"], False),
    ("in 1945", ["1945"], True),
    ("1946", ["1945"], False),
    ("19456", ["1945"], False),
    ("World War 2", ["World War 2", "WW2"], True),
    ("8", ["9"], False),
    # golds of one or two letters
    ("In", ["In"], True),
    ("In.", ["In"], True),
    ("The symbol is In", ["In"], True),
    ("The symbol is In.", ["In"], True),
    ("In, indium", ["In"], True),
    ("Indium (In)", ["In"], True),
    ("In India it is Ag", ["In"], False),
    ("It is in Asia.", ["In"], False),
    ("Indium", ["In"], False),
    ("As", ["As"], True),
    ("As far as I can tell, it is Ar", ["As"], False),
    ("It is as good", ["As"], False),
    ("OR", ["OR"], True),
    ("Oregon: OR", ["OR"], True),
    ("WA or CA", ["OR"], False),
    ("Au", ["Au"], True),
    ("The chemical symbol for gold is Au.", ["Au"], True),
    ("Australia", ["Au"], False),
    ("Ag", ["Au"], False),
    ("I", ["I"], True),
    ("I.", ["I"], True),
    ("The symbol for iodine is I.", ["I"], True),
    ("I think it is Io", ["I"], False),
    ("Iodine", ["I"], False),
    ("MD", ["MD"], True),
    ("Maryland is abbreviated MD.", ["MD"], True),
    ("ME", ["MD"], False),
    ("MDX", ["MD"], False),
    ("H", ["H"], True),
    ("He", ["H"], False),
    ("H", ["He"], False),
    ("C (carbon)", ["C"], True),
    ("ok", ["OK"], True),
    # a refusal never answers, whatever else stands in it
    ("I don't know.", ["know"], False),
    ("I don't know if it is Paris", ["Paris"], False),
    ("I'm not sure.", ["not sure"], False),
]


@pytest.mark.parametrize(("text", "gold", "right"), ANSWERS)
def test_open_answer(text, gold, right):
    assert is_correct(open_question(*gold), text) is right


def test_the_table_has_both_kinds():
    assert len(ANSWERS) >= 60
    assert min(sum(right for *_, right in ANSWERS), sum(not right for *_, right in ANSWERS)) > 25


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The  Quick, brown FOX!", "quick brown fox"),
        ("D.C.", "dc"),
        ("don’t", "dont"),
        ("Ünïcödé", "unicode"),
        ("under_score-and-hyphen", "under score and hyphen"),
        ("theatre", "theater"),
        ("", ""),
    ],
)
def test_words_as_they_are_compared(text, expected):
    assert " ".join(words_of(text).words) == expected


REFUSALS = [
    "I don't know.",
    "I don't know",
    "i don't know the answer to that",
    "I don’t know.",
    "I DON'T KNOW",
    "I dont know",
    "I do not know.",
    " \n I don't know.",
    '"I don\'t know."',
    "“I don’t know.”",
    "I'm not sure.",
    "I’m not sure about that",
    "I am not sure.",
    "I am unsure.",
    "I cannot answer that question.",
    "I can't answer this.",
    "Unknown",
    "Unknown.",
    "The answer is unknown",
    "It is impossible to know.",
    "我不知道。",
    "我不知道",
    "不知道",
    "我不确定",
    "无法回答这个问题",
    *phrases.UNKNOWN_ANSWERS,
    phrases.REFUSAL,
]
NO_REFUSALS = [
    "Paris",
    "",
    "A",
    "I",
    "Idaho",
    "The answer is Paris.",
    "It is known as Paris",
    "Know",
    "北京",
    "U",
    "In",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_refusal(text):
    assert is_refusal(text)
    assert outcome(open_question("Paris"), text)["outcome"] == "refused"
    assert outcome(Question("i", "s", "q", list("wxyz"), "A"), text)["outcome"] == "refused"
    assert not is_correct(open_question("Paris"), text)


@pytest.mark.parametrize("text", NO_REFUSALS)
def test_no_refusal(text):
    assert not is_refusal(text)


LETTERS = [
    ("A", "A"),
    ("B.", "B"),
    ("C)", "C"),
    ("(D)", "D"),
    ("(D) Paris", "D"),
    (" B\n", "B"),
    ("b", "B"),
    ("c.", "C"),
    ("B. Paris", "B"),
    ("B: Paris", "B"),
    ("D, because it is so", "D"),
    ("Answer: B", "B"),
    ("answer: B", "B"),
    ("The answer is C.", "C"),
    ("The answer is: C", "C"),
    ("The correct answer is D", "D"),
    ("The correct answer is (A).", "A"),
    ("Correct answer: A", "A"),
    ("A", "A"),
    ("E", None),
    ("", None),
    ("Paris", None),
    ("Because it is", None),
    ("Dublin", None),
    ("ABCD", None),
    ("a dog", None),
    ("None of them", None),
    ("1", None),
    ("The capital is Bern", None),
]


@pytest.mark.parametrize(("text", "letter"), LETTERS)
def test_chosen_letter(text, letter):
    assert chosen_letter(text, "ABCD") == letter


def test_chosen_letter_is_one_of_the_question_s():
    assert chosen_letter("E", "ABCDE") == "E"
    assert chosen_letter("D", "ABC") is None


OUTCOMES = [
    (["x", "y", "z", "w"], "B", "B", "correct"),
    (["x", "y", "z", "w"], "B", "(B) y", "correct"),
    (["x", "y", "z", "w"], "B", "C", "wrong"),
    (["x", "y", "z", "w"], "B", "E", "unparsed"),
    (["x", "y", "z", "w"], "B", "", "unparsed"),
    (["x", "y", "z", "w"], "B", "Let me think", "unparsed"),
    (["x", "y", "z", "w"], "B", "答案是B", "correct"),
    (["x", "y", "z", "w"], "B", "选B", "correct"),
    (["x", "y", "z", "w"], "B", "B选项", "correct"),
    (["x", "y", "z", "w"], "B", "Ｂ", "correct"),
    (["x", "y", "z", "w"], "B", "It is B", "correct"),
    (["x", "y", "z", "w"], "B", "I think the answer is B", "correct"),
    (["x", "y", "z", "w"], "B", "Based on this, the answer is B.", "correct"),
    (["x", "y", "z", "w"], "B", "The correct letter is B", "correct"),
    (["x", "y", "z", "w"], "B", "It is not B", "unparsed"),
    (["x", "y", "z", "w"], "B", "I don't know.", "refused"),
    (["x", "y", "z"], "C", "D", "unparsed"),
    (["Paris", "Rome", "Bern", "Oslo"], "B", "Rome", "correct"),
    (["Paris", "Rome", "Bern", "Oslo"], "B", "The capital is rome.", "correct"),
    (["Paris", "Rome", "Bern", "Oslo"], "B", "**Bern**", "wrong"),
    (["Paris", "Rome", "Bern", "Oslo"], "B", "C. Rome", "wrong"),  # a letter that is named counts
    (["Paris", "Rome", "Bern", "Oslo"], "B", "Rome or Bern", "unparsed"),
    (["Paris", "Rome", "Bern", "Oslo"], "B", "Madrid", "unparsed"),
    (["Paris", "Paris, Texas", "Bern", "Oslo"], "B", "It is Paris, Texas", "correct"),
    (["Paris", "Paris, Texas", "Bern", "Oslo"], "A", "Paris", "correct"),
    (["Paris", "Rome", "Bern", "Oslo"], "B", "The correct answer is:\nB", "correct"),
    (["Paris", "Rome", "Bern", "Oslo"], "B", "\\boxed{B}", "correct"),
    (None, "Paris", "Paris", "correct"),
    (None, "Paris", "London", "wrong"),
    (None, "Paris", "", "unparsed"),
    (None, "Paris", " \n", "unparsed"),
    (None, "Paris", "I don't know, maybe Paris", "correct"),
]


@pytest.mark.parametrize(("choices", "gold", "text", "expected"), OUTCOMES)
def test_outcome(choices, gold, text, expected):
    assert outcome(Question("i", "s", "q", choices, gold), text)["outcome"] == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("I don't know.", "refused"), ("Paris", "wrong"), ("", "unparsed"), ("None", "wrong")]
)
@pytest.mark.parametrize("match", ["exact", "contains", "embedding"])
def test_a_question_without_an_answer(text, expected, match):
    question = Question("i", "s", "Who will win in 2090?", None, None, [], should_abstain=True)
    judge = matcher(match, 0.7, lambda texts: np.ones((len(texts), 2)))
    assert outcome(question, text, judge)["outcome"] == expected
