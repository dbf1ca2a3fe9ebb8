"""The three ways of --match: by hand, by property, on real golds, and through the stages."""

import importlib.util
from itertools import pairwise

import numpy as np
import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge_boundary.judging.outcomes import MATCH_THRESHOLD, is_correct, matcher, outcome
from knowledge_boundary.judging.refusals import is_refusal
from knowledge_boundary.judging.words import words_of
from knowledge_boundary.models.embedder import EMBEDDER, embedding
from knowledge_boundary.questions import readers
from knowledge_boundary.questions.records import Question, from_record
from knowledge_boundary.wording import phrases

TRIVIAQA = tiny.ROOT.parent / "shared" / "data" / "triviaqa"
needs_triviaqa = pytest.mark.skipif(not TRIVIAQA.is_dir(), reason=f"{TRIVIAQA} is absent: no real question set")
NO_MINILM = importlib.util.find_spec(EMBEDDER[0]) is None
needs_minilm = pytest.mark.skipif(NO_MINILM, reason=f"{EMBEDDER[0]} is not installed: no embedder")


def open_question(gold, *aliases):
    return Question("i", "s", "q", None, gold, list(aliases))


def stub(texts):
    """Unit vectors by hand: London's cosine with Paris is 0.6, with City of Light 0.8; Rome's is 0."""
    plane = {"Paris": [1, 0, 0], "City of Light": [0, 1, 0], "London": [0.6, 0.8, 0], "Rome": [0, 0, 1]}
    return np.array([plane.get(t, [0.0, 0.0, 1.0]) for t in texts], dtype=np.float32)


@pytest.fixture(scope="module")
def minilm():
    return embedding("minilm")


# ---- exact ----

EXACT = [
    ("Paris", ["Paris"], True),
    ("paris.", ["Paris"], True),
    ("The Paris", ["Paris"], True),
    ("Paris, France", ["Paris"], False),
    ("It is Paris", ["Paris"], False),
    ("Burma", ["Myanmar", "Burma"], True),
    ("Burma or Myanmar", ["Myanmar", "Burma"], False),
    ("Asuncion", ["Asunción"], True),
    ("1,000", ["1000"], True),
    ("one thousand", ["1000"], True),
    ("5", ["-5"], False),
    (".5", ["5"], False),
    ("The The", ["The The"], True),
    ("The", ["The The"], False),
    ("£", ["£"], True),
    ("$", ["£"], False),
    ("巴黎。", ["巴黎"], True),
    ("是巴黎", ["巴黎"], False),
    ("I don't know", ["Paris"], False),
    ("Unknown", ["Unknown"], True),
    ("", ["Paris"], False),
    ("...", ["!!!"], False),
]


@pytest.mark.parametrize(("text", "gold", "right"), EXACT, ids=[f"{t} – {g[0]}" for t, g, _ in EXACT])
def test_exact(text, gold, right):
    assert matcher("exact", MATCH_THRESHOLD)(open_question(*gold), [text]) == [{"correct": right}]


def test_a_matcher_judges_each_text():
    texts = ["Paris", "It is Paris", "London", "I don't know"]
    for match, right in (("exact", [1, 0, 0, 0]), ("contains", [1, 1, 0, 0])):
        assert [v["correct"] for v in matcher(match, 0.5)(open_question("Paris"), texts)] == right


# ---- embedding ----


def test_embedding_takes_the_nearest_accepted_answer():
    texts = ["Paris", "London", "Rome", "I don't know."]
    similarities = [1.0, 0.8, 0.0, 0.0]
    for threshold, right in ((0.7, [1, 1, 0, 0]), (0.9, [1, 0, 0, 0]), (0.0, [1, 1, 1, 0])):
        verdicts = matcher("embedding", threshold, stub)(open_question("Paris", "City of Light"), texts)
        assert [v["correct"] for v in verdicts] == right
        assert [v["similarity"] for v in verdicts] == pytest.approx(similarities)
    (verdict,) = matcher("embedding", 0.7, stub)(open_question("Paris"), ["London"])
    assert verdict == {"correct": False, "similarity": pytest.approx(0.6)}


def test_embedding_takes_the_threshold_itself():
    half = lambda texts: np.array([[0.5, 0.75**0.5] if t == "x" else [1.0, 0.0] for t in texts])  # noqa: E731
    assert matcher("embedding", 0.5, half)(open_question("Paris"), ["x"]) == [{"correct": True, "similarity": 0.5}]


def test_outcome_has_the_similarity():
    match = matcher("embedding", 0.7, stub)
    assert outcome(open_question("Paris"), "London", match) == {"outcome": "wrong", "similarity": pytest.approx(0.6)}
    assert outcome(open_question("Paris"), "I don't know", match)["outcome"] == "refused"
    assert outcome(Question("i", "s", "q", list("wxyz"), "B"), "B", match) == {"outcome": "correct"}


@needs_minilm
def test_embedding_with_the_real_embedder(minilm):
    match = matcher("embedding", MATCH_THRESHOLD, minilm)
    for gold, right, wrong in (
        ("Paris", ["Paris", "paris.", "It is Paris.", "The city of Paris"], ["London", "Rome", "I don't know."]),
        ("Euro", ["The euro", "euros"], ["Dollar", "Yen", ""]),
        ("Asia", ["It is Asia."], ["Africa", "It is in Europe."]),
    ):
        assert [v["correct"] for v in match(open_question(gold), right)] == [True] * len(right), gold
        assert [v["correct"] for v in match(open_question(gold), wrong)] == [False] * len(wrong), gold


@needs_minilm
def test_the_threshold_parts_right_from_wrong_answers_of_the_same_kind(minilm):
    match = matcher("embedding", MATCH_THRESHOLD, minilm)
    asked = readers.load("world_facts", "dev", subjects="country_capital,city_country,country_continent").questions
    right = [match(q, [f"It is {q.answer}."])[0]["correct"] for q in asked]
    wrong = [
        match(a, [b.answer])[0]["correct"]
        for a, b in pairwise(asked)
        if a.subject == b.subject and a.answer != b.answer
    ]
    assert len(wrong) > 60
    assert np.mean(right) > 0.95
    assert np.mean(wrong) < 0.1


# ---- properties ----

NAMES = st.text(st.sampled_from("aAbBeE éÉøß巴黎京ガ서07.,'’-/&!?()orntth\n"), min_size=1, max_size=14)
TRICKY = [
    *("Paris", "or", "not", "and", "The", "a", "Second", "one", "hundred", "4", "July", "1776", "May", "but", "isn't"),
    *("1,000", "3.0", "U.S.", "St.", "不是", "巴黎", "/", ",", ".", "-5", "know", "I"),
]
PHRASES = st.lists(st.sampled_from(TRICKY), min_size=1, max_size=6).map(" ".join)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.one_of(NAMES, PHRASES))
def test_a_gold_alone_is_right_in_every_way(gold):
    gold = gold.strip()
    question = open_question(gold or "x")
    same = lambda texts: np.ones((len(texts), 1))  # noqa: E731
    for match in ("exact", "contains", "embedding"):
        verdict = matcher(match, 1.0, same)(question, [question.answer])[0]
        assert verdict["correct"] or not words_of(question.answer).words, match


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.one_of(NAMES, PHRASES), st.sampled_from(["The answer is ", "The answer is: ", "It is "]))
def test_a_gold_in_a_sentence_is_right(gold, lead):
    gold = gold.strip().lstrip("/ ")
    if {*words_of(gold).words} - {"the", "a", "an"} and not is_refusal(lead + gold):
        assert is_correct(open_question(gold), lead + gold)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.sampled_from([*phrases.UNKNOWN_ANSWERS, phrases.REFUSAL, "我不知道", "Sorry, I'm not sure."]),
    st.one_of(NAMES, PHRASES, st.sampled_from(["know", "not sure", "answer", "known"])),
)
def test_a_refusal_is_never_right(refusal, gold):
    question = open_question(gold.strip() or "x")
    if words_of(question.answer).words != words_of(refusal).words:
        same = lambda texts: np.ones((len(texts), 1))  # noqa: E731
        for match in ("exact", "contains", "embedding"):
            assert matcher(match, 0.0, same)(question, [refusal])[0]["correct"] is False
        assert outcome(question, refusal)["outcome"] == "refused"


# ---- real golds ----


def check_golds(asked):
    """Every accepted answer is right for its own question: alone in both ways, and in a sentence."""
    faults = []
    for q in asked:
        for gold in (q.answer, *q.aliases):
            alone = [matcher(match, 0.7)(q, [gold])[0]["correct"] for match in ("exact", "contains")]
            sentence = not words_of(gold).words[1:] or is_correct(open_question(gold), f"The answer is {gold}")
            if not (all(alone) and sentence) and gold.strip():
                faults.append((q.id, gold, *alone, sentence))
    assert faults == []


@pytest.mark.parametrize("split", ["train", "dev", "test", "ood"])
def test_every_gold_of_world_facts(split):
    check_golds(readers.load("world_facts", split).questions)


@needs_triviaqa
@pytest.mark.parametrize("split", ["train", "dev"])
def test_every_gold_of_triviaqa(split):
    check_golds(readers.load(str(TRIVIAQA), split).questions)


@needs_triviaqa
def test_another_question_s_gold_is_seldom_right():
    asked = readers.load(str(TRIVIAQA), "dev").questions
    answers = [a.answer for a in asked]
    right = [is_correct(q, f"It is {other}.") for q, other in zip(asked, answers[1:], strict=False)]
    assert np.mean(right) < 0.01


# ---- through the stages ----


@pytest.mark.parametrize("match", ["exact", "contains", "embedding"])
def test_the_stages_write_the_verdicts(data, knowing, embedder, tmp_path, match):
    common = ["--model", knowing, "--dataset", data / "facts", "--limit", 5, "--output_dir", tmp_path]
    how = ["--match", match, "--embedder", embedder, *(["--match_threshold", 0.999] if match == "embedding" else [])]
    asking = [*common, *how, "--split", "train", "--num_shots", 0, "--num_samples", 3, "--chat_template"]
    assert tiny.call("run_query_state.py", *asking, "--state", tmp_path / "state.json") == 0
    assert tiny.call("eval_refusal.py", *common, *how, "--split", "train", "--name", "x") == 0
    state, evaluated = tiny.read_json(tmp_path / "state.json"), tiny.read_json(tmp_path / "eval_x.json")
    judge = matcher(match, 0.999, embedding(str(embedder)))
    for r in state["records"]:
        given = [*r["samples"], r["greedy"]]
        verdicts = judge(from_record(r), [s["text"] for s in given])
        for own, verdict in zip(given, verdicts, strict=True):
            assert own == pytest.approx({"text": own["text"], **verdict})
        assert r["cor"] == np.mean([s["correct"] for s in r["samples"]])
    assert len({s["correct"] for r in state["records"] for s in r["samples"]}) == 2
    for r in evaluated["records"]:
        found = outcome(from_record(r), r["output"], judge)
        assert {key: r[key] for key in ("outcome", "similarity") if key in r} == pytest.approx(found)
    for file in (state, evaluated):
        assert file["meta"]["args"]["match"] == match
        assert file["meta"]["args"]["match_threshold"] == (0.999 if match == "embedding" else MATCH_THRESHOLD)
