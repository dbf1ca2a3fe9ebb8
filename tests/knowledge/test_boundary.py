import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from knowledge_boundary import cli
from knowledge_boundary.asking.probe import record
from knowledge_boundary.knowledge import boundary
from knowledge_boundary.questions import mmlu
from knowledge_boundary.questions.records import Question
from knowledge_boundary.reporting import tables
from knowledge_boundary.running.errors import UserError
from knowledge_boundary.training import rtuning
from knowledge_boundary.wording.phrases import UNKNOWN_ANSWERS

END = "<|im_end|>"  # the tokenizer's end token
QUESTION = Question("law/test/0", "professional_law", "Which?", ["w", "x", "y", "z"], "B")
# The sizes of the 57 test sets of MMLU's original release, subjects in alphabetical order.
SIZES = [
    100, 135, 152, 100, 265, 144, 100, 100, 100, 173, 102, 100, 235, 114, 145, 378, 126, 100, 310,
    203, 100, 165, 198, 193, 390, 270, 238, 151, 545, 216, 204, 237, 223, 131, 121, 108, 163, 112,
    103, 234, 100, 783, 346, 895, 306, 311, 324, 282, 1534, 272, 612, 110, 245, 201, 100, 166, 171,
]  # fmt: skip


def probe(i, gold="A", p=(0.7, 0.1, 0.1, 0.1), subject="astronomy"):
    question = Question(f"{subject}/test/{i}", subject, f"q{i}", ["w", "x", "y", "z"], gold)
    return question, record(question, list(p), 0.8)


def answered(right, wrong, subject):
    rows = [probe(i, "A", subject=subject)[1] for i in range(right)]
    return rows + [probe(right + i, "B", subject=subject)[1] for i in range(wrong)]


# ---- records and summary ----


def test_record_by_hand():
    assert record(QUESTION, [0.1, 0.2, 0.6, 0.1], 0.9) == {
        **QUESTION.record(),
        "probs": {"A": 0.1, "B": 0.2, "C": 0.6, "D": 0.1},
        "prediction": "C",
        "correct": False,
        "cor": 0.2,
        "letter_mass": 0.9,
    }
    cloze = record(QUESTION, [0.1, 0.7, 0.1, 0.1], None)
    assert cloze["correct"] is True
    assert "letter_mass" not in cloze


def test_summary_by_hand():
    found = boundary.summarise([*answered(9, 1, "astronomy"), *answered(3, 7, "marketing"), *answered(2, 2, "facts")])
    assert (found["n"], found["accuracy"], found["chance"], found["known"]) == (24, 14 / 24, 0.25, True)
    assert list(found["subjects"]) == ["astronomy", "marketing", "facts"]
    astronomy = found["subjects"]["astronomy"]
    assert (astronomy["n"], astronomy["accuracy"], astronomy["known"]) == (10, 0.9, True)
    assert astronomy["mean_cor"] == pytest.approx((9 * 0.7 + 0.1) / 10)
    assert astronomy["ci95"] == pytest.approx([0.5958, 0.9821], abs=5e-5)
    assert found["subjects"]["marketing"]["known"] is False  # 30 %, from 11 % to 60 %: chance lies within
    assert {c: s["n"] for c, s in found["categories"].items()} == {"STEM": 10, "other": 10}


def test_known_means_the_whole_interval_above_the_subject_s_own_chance():
    two = Question("i", "s", "q", ["yes", "no"], "A")
    rows = [record(replace(two, id=str(i)), [0.9, 0.1], 0.8) for i in range(4)]
    assert rows[0]["correct"]
    found = boundary.summarise(rows)
    assert (found["accuracy"], found["chance"]) == (1, 0.5)
    assert found["ci95"][0] == pytest.approx(0.5101, abs=5e-5)
    assert found["known"]
    assert not boundary.summarise(rows[:3])["known"]  # 3 of 3: from 43.9 %


def test_table_lists_subjects_by_accuracy_then_categories_then_all():
    summary = boundary.summarise([*answered(1, 9, "marketing"), *answered(9, 1, "astronomy")])
    lines = tables.boundary_table(summary).splitlines()
    assert [line.split("  ")[0] for line in lines[:8]] == [
        "subject", "astronomy", "marketing", "", "MMLU's category", "STEM", "other", "",
    ]  # fmt: skip
    assert lines[1].split() == ["astronomy", "10", "90.0%", "59.6%", "–", "98.2%", "25.0%", "yes"]
    assert lines[2].endswith("no")
    assert lines[8].split()[:3] == ["all", "20", "50.0%"]


def test_table_of_other_subjects_has_no_categories():
    table = tables.boundary_table(boundary.summarise(answered(9, 1, "facts")))
    assert "category" not in table
    assert len(table.splitlines()) == 6
    assert table.endswith("The letters hold 80.0% of the probability where they are compared")


def test_table_warns_where_the_letters_hold_next_to_nothing():
    rows = [r | {"letter_mass": 0.01} for r in answered(9, 1, "facts")]
    summary = boundary.summarise(rows)
    assert summary["letter_mass"] == pytest.approx(0.01)
    (warning,) = summary["warnings"]
    assert warning.startswith("The letters hold 0.01 of the probability where they are compared: the model is about")
    assert tables.boundary_table(summary).endswith(f"Warning: {warning}")
    cloze = boundary.summarise([{k: v for k, v in r.items() if k != "letter_mass"} for r in rows])
    assert (cloze["letter_mass"], cloze["warnings"]) == (None, [])
    assert "letters hold" not in tables.boundary_table(cloze)


def test_table_counts_what_is_above_chance():
    known = [*answered(9, 1, "astronomy"), *answered(8, 2, "marketing"), *answered(2, 8, "virology")]
    summary = boundary.summarise(known)
    assert summary["subjects_known"] == 2
    assert "2 of 3 subjects are above chance" in tables.boundary_table(summary)
    assert "at chance" not in tables.boundary_table(summary)


def test_table_says_when_the_model_is_at_chance():
    table = tables.boundary_table(boundary.summarise(answered(5, 15, "astronomy")))
    assert "at chance (25.0%)" in table
    assert "0 of 1 subjects are above chance" in table


def opened(i, correct, subject="capitals", **more):
    question = Question(f"{subject}/test/{i}", subject, f"q{i}", None, f"a{i}.")
    return question, {**question.record(), "prediction": "x", "correct": correct, "cor": float(correct), **more}


def test_summary_of_open_questions():
    rows = [opened(i, i == 0)[1] for i in range(10)] + [opened(i, False, "rivers")[1] for i in range(10)]
    found = boundary.summarise(rows)
    assert (found["accuracy"], found["chance"], found["mean_cor"], found["letter_mass"]) == (0.05, 0, 0.05, None)
    assert {s: x["known"] for s, x in found["subjects"].items()} == {"capitals": True, "rivers": False}
    assert (found["subjects_known"], found["categories"], found["should_abstain"]) == (1, {}, 0)
    assert found["warnings"] == ["20 of 20 answers are the same: 'x'"]
    table = tables.boundary_table(found)
    assert "1 of 2 subjects have a right answer (known)" in table
    assert "luck" not in table


def test_unanswerable_questions_are_counted():
    rows = [opened(i, False, should_abstain=True)[1] for i in range(3)] + [opened(9, True)[1]]
    found = boundary.summarise(rows)
    assert (found["n"], found["should_abstain"], found["accuracy"]) == (4, 3, 0.25)
    assert "3 of 4 questions are unanswerable: no answer is right" in tables.boundary_table(found)
    assert boundary.summarise(rows[3:])["should_abstain"] == 0


# ---- R-Tuning's training data ----


def probed(count=4, right=lambda i: i % 2 == 0):
    both = [probe(i, "A" if right(i) else "C") for i in range(count)]
    return [q for q, _ in both], [f"prompt {i}" for i in range(count)], [r for _, r in both]


def test_unsure_asks_after_the_gold_answer(plain):
    questions, texts, found = probed(2)
    asked = "Are you sure you accurately answered the question based on your internal knowledge?"
    assert rtuning.training_pairs(plain, questions, texts, found, "unsure", "letter") == [
        ("prompt 0", f" A. {asked} I am sure.{END}"),
        ("prompt 1", f" C. {asked} I am unsure.{END}"),
    ]


def test_cloze_trains_on_the_choice_s_text(plain):
    questions, texts, found = probed(2)
    pairs = rtuning.training_pairs(plain, questions, texts, found, "unsure", "cloze")
    assert [answer.split(".")[0] for _, answer in pairs] == [" w", " y"]


def test_a_choice_that_ends_in_a_full_stop_keeps_one(plain):
    question = replace(QUESTION, choices=["w", "D.C.", "y", "z"])
    found = [record(question, [0.1, 0.7, 0.1, 0.1], None)]
    for method, rest in (("unknown", END), ("unsure", " Are you sure")):
        ((_, answer),) = rtuning.training_pairs(plain, [question], ["prompt"], found, method, "cloze")
        assert answer.startswith(f" D.C.{rest}")


def test_unknown_answers_what_was_wrong_with_one_of_16_refusals(plain):
    questions, texts, found = probed(400)
    pairs = rtuning.training_pairs(plain, questions, texts, found, "unknown", "letter")
    assert [p for p, _ in pairs] == texts
    assert {answer for _, answer in pairs[::2]} == {f" A.{END}"}
    assert all(answer.endswith(END) for _, answer in pairs)
    refusals = [answer.removesuffix(END) for _, answer in pairs[1::2]]
    assert {r.strip().rstrip(".") for r in refusals} == {r.rstrip(".") for r in UNKNOWN_ANSWERS}
    assert all(r.startswith(" ") for r in refusals)


def test_unknown_refusals_are_a_function_of_seed_and_id(plain):
    questions, texts, found = probed(20, right=lambda i: False)
    pairs = rtuning.training_pairs(plain, questions, texts, found, "unknown", "letter")
    assert rtuning.training_pairs(plain, questions, texts, found, "unknown", "letter") == pairs
    assert rtuning.training_pairs(plain, questions[::-1], texts[::-1], found[::-1], "unknown", "letter") == pairs[::-1]
    assert rtuning.training_pairs(plain, questions, texts, found, "unknown", "letter", seed=1) != pairs


@pytest.mark.parametrize(("count", "sure"), [(1, 0), (2, 1), (7, 3), (10, 5)])
def test_uncertain_is_sure_of_exactly_half(plain, count, sure):
    questions, texts, found = probed(count)
    pairs = rtuning.training_pairs(plain, questions, texts, found, "uncertain", "letter")
    assert sum(answer.endswith(f"I am sure.{END}") for _, answer in pairs) == sure
    assert sum(answer.endswith(f"I am unsure.{END}") for _, answer in pairs) == count - sure


def test_uncertain_is_sure_where_the_answers_agree():
    certain, torn = (1.0, 0.0, 0.0, 0.0), (0.25, 0.25, 0.25, 0.25)
    found = [probe(i, p=certain if i % 2 else torn)[1] for i in range(20)]
    assert rtuning.lower_entropy_half(found, 50, seed=0) == [bool(i % 2) for i in range(20)]


def test_uncertain_ties_go_to_the_smaller_id_whatever_the_order():
    found = [probe(i, p=(1.0, 0.0, 0.0, 0.0))[1] for i in (3, 1, 2, 0)]
    assert rtuning.lower_entropy_half(found, 5, seed=0) == [False, True, False, True]


def test_uncertain_draws_num_try_answers_at_temperature_point_seven(monkeypatch):
    class Generator:
        def multinomial(self, n, p):
            asked.append((n, p))
            return np.array([n, 0, 0, 0])

    asked = []
    monkeypatch.setattr(rtuning, "generator", lambda seed, id: Generator())
    rtuning.lower_entropy_half([probe(0, p=(0.8, 0.2, 0.0, 0.0))[1]], 7, seed=0)
    odds = 4 ** (1 / 0.7)
    ((n, p),) = asked
    assert n == 7
    np.testing.assert_allclose(p, [odds / (1 + odds), 1 / (1 + odds), 0, 0])


# ---- from open questions ----


def test_open_questions_teach_their_answer(plain):
    (q1, r1), (q2, r2) = opened(1, True), opened(2, False)
    asked = "Are you sure you accurately answered the question based on your internal knowledge?"
    build = lambda method: rtuning.training_pairs(plain, [q1, q2], ["p 1", "p 2"], [r1, r2], method, "letter")  # noqa: E731
    assert build("unsure") == [("p 1", f" a1. {asked} I am sure.{END}"), ("p 2", f" a2. {asked} I am unsure.{END}")]
    (first, second) = build("unknown")
    assert first == ("p 1", f" a1.{END}")
    assert second[1].strip().removesuffix(END) in UNKNOWN_ANSWERS


def test_uncertain_counts_how_often_each_text_was_drawn(plain):
    drawn = {0: "aabb", 1: "aaaa", 2: "abcd", 3: "aaab"}
    rows = [opened(i, False, samples=[{"text": t} for t in texts]) for i, texts in drawn.items()]
    assert [rtuning.entropy(rtuning.shares(r, 4, 0)) for _, r in rows] == pytest.approx(
        [math.log(2), 0, math.log(4), -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))]
    )
    questions, found = zip(*rows, strict=True)
    pairs = rtuning.training_pairs(plain, questions, ["p"] * 4, found, "uncertain", "letter", num_try=4)
    assert [answer.endswith(f"I am sure.{END}") for _, answer in pairs] == [False, True, False, True]


def test_an_unanswerable_question_is_only_taught_as_unknown(plain):
    rows = [opened(i, i < 2, samples=[{"text": "x"}]) for i in range(3)]
    rows = [(replace(q, answer=None, should_abstain=i == 2), r) for i, (q, r) in enumerate(rows)]
    rows = [(q if q.should_abstain else replace(q, answer="a"), r) for q, r in rows]
    questions, found = zip(*rows, strict=True)
    build = lambda method: rtuning.training_pairs(plain, questions, ["p", "p", "none"], found, method, "letter")  # noqa: E731
    for method in ("unsure", "uncertain"):
        assert [prompt for prompt, _ in build(method)] == ["p", "p"]
    (_, _, (prompt, answer)) = build("unknown")
    assert (prompt, answer.strip().removesuffix(END) in UNKNOWN_ANSWERS) == ("none", True)
    assert rtuning.training_pairs(plain, questions[2:], ["p"], found[2:], "unsure", "letter") == []


# ---- MMLU's subjects and R-Tuning's split ----


def mmlu_test_set():
    return [
        Question(f"{s}/test/{i}", s, "q", ["a", "b"], "A")
        for s, n in zip(mmlu.SUBJECTS, SIZES, strict=True)
        for i in range(n)
    ]


def test_mmlu_has_57_subjects_in_four_categories():
    assert len(set(mmlu.SUBJECTS)) == 57
    assert all(a < b for a, b in pairwise(mmlu.SUBJECTS))
    assert sum(SIZES) == 14042
    sizes = dict.fromkeys(mmlu.CATEGORIES, 0)
    for subject, n in zip(mmlu.SUBJECTS, SIZES, strict=True):
        sizes[mmlu.CATEGORY[subject]] += n
    assert {c: len(names.split()) for c, names in mmlu.CATEGORIES.items()} == {
        "STEM": 18,
        "humanities": 13,
        "social sciences": 12,
        "other": 14,
    }
    assert sizes == {"STEM": 3018, "humanities": 4705, "social sciences": 3077, "other": 3242}


def test_r_tuning_s_split_has_its_published_sizes():
    questions = mmlu_test_set()
    parts = {d: mmlu.domain_part(questions, d) for d in ("ID", "ID_test", "OOD", "all")}
    assert {d: len(part) for d, part in parts.items()} == {"ID": 2448, "ID_test": 2439, "OOD": 9155, "all": 14042}
    ids = [q.id for d in ("ID", "ID_test", "OOD") for q in parts[d]]
    assert sorted(ids) == sorted(q.id for q in questions)
    assert len({q.subject for q in parts["ID"]}) == 28
    assert {q.subject for q in parts["ID"]} == {q.subject for q in parts["ID_test"]}
    assert len({q.subject for q in parts["OOD"]}) == 29


def test_the_larger_half_is_the_first_in_file_order():
    three = [Question(f"anatomy/test/{i}", "anatomy", "q", ["a", "b"], "A") for i in range(3)]
    assert [q.id for q in mmlu.domain_part(three, "ID")] == ["anatomy/test/0", "anatomy/test/1"]
    assert [q.id for q in mmlu.domain_part(three, "ID_test")] == ["anatomy/test/2"]
    assert mmlu.domain_part(three, "OOD") == []


def test_a_part_of_another_set_is_refused():
    other = [Question("sums/test/0", "sums", "q", ["a", "b"], "A")]
    with pytest.raises(UserError, match="--domain OOD: the split is of MMLU's subjects, and sums is none of them"):
        mmlu.domain_part(other, "OOD")
    assert mmlu.domain_part(other, "all") == other


@pytest.mark.parametrize(
    ("subject", "domain"),
    [("abstract_algebra", "ID"), ("high_school_physics", "ID"), ("high_school_psychology", "OOD"), ("virology", "OOD")],
)
def test_where_a_subject_belongs(subject, domain):
    one = [Question("i", subject, "q", ["a", "b"], "A")]
    other = {"ID": "OOD", "OOD": "ID"}[domain]
    assert (mmlu.domain_part(one, domain), mmlu.domain_part(one, other)) == (one, [])


# ---- what comes after a fine-tune ----

LETTERS = "The following are multiple choice questions (with answers) about"
CEVAL_HEADER = "以下是中国关于法学考试的单项选择题，请选出其中的正确答案。\n\n"
CMMLU_HEADER = "以下是关于农学的单项选择题，请直接给出正确答案的选项。\n\n"


@pytest.mark.parametrize(
    ("name", "prompt", "wanted"),
    [
        ("mmlu_ID_unsure", f"{LETTERS} law.\n\n" + "…\nAnswer:" * 6, " --refuse_unsure"),
        ("x_uncertain", f"<s>user\n{LETTERS} a.\n" + "\nAnswer:" * 6, " --chat_template --refuse_unsure"),
        ("x_unsure", "Question: Who?\nAnswer:", " --scoring cloze --num_shots 0 --refuse_unsure"),
        ("x_unknown", "Question: Who?\nAnswer: I\n\nQuestion: Who?\nAnswer:", " --scoring cloze --num_shots 1"),
        ("x_unknown", "Question: Who? Answer:", ""),
        ("x_unsure", "Question: I? Answer: I\n\nQuestion: Who? Answer:", " --num_shots 1 --refuse_unsure"),
        ("x_unsure", "<s>user\nQuestion: Who? Answer:</s>", " --chat_template --refuse_unsure"),
        ("ceval_unknown", CEVAL_HEADER + "…\n答案：" * 6, ""),
        ("ceval_unknown", CEVAL_HEADER + "…\n答案：" * 3, " --num_shots 2"),
        ("cmmlu_unsure", f"<s>user\n{CMMLU_HEADER}" + "\n答案是：" * 6 + "</s>", " --chat_template --refuse_unsure"),
        ("cmmlu_unknown", "题目：？\n答案是：甲\n\n题目：？\n答案是：", " --scoring cloze --num_shots 1"),
    ],
)
def test_a_model_of_r_tuning_s_data_is_evaluated_by_the_probe(name, prompt, wanted):
    assert rtuning.evaluation_flags(name, [(prompt, " A.")]) == "--prompt probe" + wanted
    command = cli.evaluation_command("models/m", f"training_data/{name}/", [(prompt, " A.")])
    assert command == f"python eval_refusal.py --model models/m --prompt probe{wanted}"


@pytest.mark.parametrize("name", ["quickstart_craft", "unsure", "x_van"])
def test_other_data_is_evaluated_with_the_refusal_prompt(name):
    assert rtuning.evaluation_flags(name, [("Question: Who?\nAnswer:", " A.")]) is None
    assert rtuning.evaluation_flags("x_unsure", [("", "a whole text")]) is None
    assert rtuning.evaluation_flags("x_unsure", [("a prompt of another kind", "a")]) is None
    assert cli.evaluation_command("m", name, [("", "a")]) == "python eval_refusal.py --model m --prompt refuse"
