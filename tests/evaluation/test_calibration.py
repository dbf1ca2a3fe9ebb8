import copy
import itertools
import json
import math
from fractions import Fraction

import numpy as np
import pytest
from evaluated import EIGHT, EIGHT_BASE, made_to_answer, records
from scipy.stats import binom

from knowledge_boundary.evaluation import calibration, curve, promise
from knowledge_boundary.evaluation.calibration import calibrate, parse_target
from knowledge_boundary.evaluation.pools import pools
from knowledge_boundary.running.errors import UserError

INITIAL = {"stage": "eval_refusal", "args": {"prompt": "basic", "match": "contains"}, "inputs": []}


def evaluation(rows, name="init_basic", fingerprint="initial", **args):
    """The content of an evaluation's file."""
    meta = copy.deepcopy(INITIAL) | {"model": {"fingerprint": fingerprint}}
    meta["args"] |= args
    return {"meta": meta, "summary": {"model": name, "datasets": {"facts/dev": {}}}, "records": rows}


def base_file():
    return "base.json", evaluation([r | {"confidence": 0.5} for r in EIGHT_BASE])


def eight(**args):
    (pool,) = pools({"eight.json": evaluation(EIGHT, "eight", "tuned", prompt="refuse", **args)}, base_file())
    return pool


# ---- targets ----


def test_targets_are_exact_numbers():
    assert parse_target("ths") == ("ths", None)
    assert parse_target("risk=0.1") == ("risk", Fraction(1, 10))
    assert parse_target("coverage=1/3") == ("coverage", Fraction(1, 3))
    assert parse_target("coverage=1") == ("coverage", 1)


@pytest.mark.parametrize(
    "text",
    [
        "", "best", "risk", "risk=", "risk=0", "risk=1", "risk=-0.1", "risk=nan", "risk=inf", "risk=a", "risk=1/0",
        "risk=1e-400", "risk=0.99999999999999999999", "coverage=0", "coverage=2", "coverage=1e400", "ths=1",
    ],
)  # fmt: skip
def test_what_is_no_target(text):
    with pytest.raises(UserError, match="is not ths, risk=R"):
        parse_target(text)


def test_the_threshold_of_highest_ths_by_hand():
    found = calibrate(eight(), "score", "ths", None)
    # THS at 3, 2, 1, 0.5, −0.5, −1: 3/24, 2/24, 5/24, 1/24, 4/24, 0 (tests/evaluation/test_curve.py).
    assert found["curve"] == curve.curve(EIGHT, EIGHT_BASE)
    assert found["model"] == {
        "name": "eight", "fingerprint": "tuned", "prompt": "refuse", "wording": None, "thinking": "off",
        "refusal": "text", "num_shots": None, "scoring": "letter", "chat_template": False,
        "max_new_tokens": None, "match": "contains", "match_threshold": None, "judge_model": None,
    }  # fmt: skip
    assert {k: v for k, v in found.items() if k not in ("curve", "model", "questions")} == {
        "signal": "score",
        "target": "ths",
        "delta": None,
        "threshold": 1.0,
        "n": 8,
        "coverage": 4 / 8,
        "p_correct": 3 / 8,
        "p_wrong": 1 / 8,
        "ths": pytest.approx(5 / 24),
        "risk": 1 / 4,
    }


def test_of_equal_ths_the_one_that_answers_most_and_below_zero_nothing():
    for initial, forced, threshold, ths in (
        ("cwcw", "cwcw", 1.0, 1 / 4),  # THS = (right − wrong) / 4: 1, 0, 1, 0 quarters from the highest threshold on
        ("cccw", "wccc", 0.0, 0),  # (right − 3 wrong) / 4: −3, −2, −1, 0; as much as without any answer
        ("cccw", "wwcc", None, 0),
    ):
        base = records(initial)
        rows = made_to_answer("rrrr", forced, [3.0, 2.0, 1.0, 0.0])
        own = [r | {k: rows[i][k] for k in ("id", "subject", "dataset")} for i, r in enumerate(base)]
        (pool,) = pools({"x": evaluation(rows, "x", "tuned", prompt="refuse")}, ("b", evaluation(own)))
        found = calibrate(pool, "score", "ths", None)
        assert (found["threshold"], found["ths"]) == (threshold, ths), forced
    assert (found["coverage"], found["risk"], found["p_wrong"]) == (0, None, 0)
    assert "nothing is answered" in calibration.in_words(found | {"name": "x"})


@pytest.mark.parametrize(
    ("share", "threshold", "answered"), [("1/8", 3.0, 1), ("0.126", 2.0, 3), ("3/8", 2.0, 3), ("0.5", 1.0, 4)]
)
def test_the_highest_threshold_that_answers_enough(share, threshold, answered):
    found = calibrate(eight(), "score", f"coverage={share}", None)
    assert (found["threshold"], found["coverage"]) == (threshold, answered / 8)


def test_a_share_of_questions_is_exact():
    rows = made_to_answer("c" * 100, "c" * 100, [float(100 - i) for i in range(100)])
    (pool,) = pools({"x": evaluation(rows)})
    for percent in range(1, 101):  # 0.07 · 100 is 7.000000000000001
        assert calibrate(pool, "score", f"coverage={percent / 100}", None)["coverage"] == percent / 100


def test_what_no_threshold_answers():
    with pytest.raises(UserError, match=r"only 7 of 8 questions have `score` .* 8 are wanted for --target coverage=1"):
        calibrate(eight(), "score", "coverage=1", None)


def test_ths_needs_an_initial_model_that_is_wrong_somewhere():
    (pool,) = pools({"x": evaluation(EIGHT, "x", "tuned", prompt="refuse")})
    with pytest.raises(UserError, match="name its evaluation of the same questions with --base_eval"):
        calibrate(pool, "score", "ths", None)
    assert calibrate(pool, "score", "coverage=0.5", None)["ths"] is None
    right = [r | {"outcome": "correct"} for r in EIGHT_BASE]
    (pool,) = pools({"x": evaluation(EIGHT, "x", "tuned", prompt="refuse")}, ("b", evaluation(right)))
    with pytest.raises(UserError, match="never wrong here, so THS is undefined"):
        calibrate(pool, "score", "ths", None)


# ---- a risk promised ----


def test_the_binomial_tail_is_the_sum_of_fractions_and_scipy_s():
    logs = promise.log_factorials(3000)
    for n, risk in itertools.product((1, 7, 40), (Fraction(1, 10), Fraction(1, 2), Fraction(97, 100))):
        terms = [math.comb(n, k) * risk**k * (1 - risk) ** (n - k) for k in range(n + 1)]
        for wrong in range(n + 1):
            assert promise.tail(wrong, n, float(risk), logs) == pytest.approx(float(sum(terms[: wrong + 1])), rel=1e-11)
    for wrong, n, risk in ((0, 3000, 0.001), (250, 3000, 0.1), (1500, 3000, 0.5)):
        assert promise.tail(wrong, n, risk, logs) == pytest.approx(binom.cdf(wrong, n, risk), rel=1e-9)


def test_the_starts_by_hand():
    # 0 wrong of k passes at level a where 0.9^k ≤ a: 29 at 0.05, 36 at 0.05/2, 39 at 0.05/3, 42 at 0.05/4.
    assert promise.starts(28, 0.1, 0.05) == []
    assert promise.starts(29, 0.1, 0.05) == [29]
    assert promise.starts(71, 0.1, 0.05) == [29]
    assert promise.starts(72, 0.1, 0.05) == [36, 72]
    assert promise.starts(156, 0.1, 0.05) == [39, 78, 156]
    assert promise.starts(336, 0.1, 0.05) == [42, 84, 168, 336]
    assert promise.starts(10, 1e-300, 0.05) == []
    assert promise.starts(3, 0.999999, 0.5) == [1, 2]
    for n, risk, delta in itertools.product((50, 331, 4000), (0.03, 0.3), (0.01, 0.2)):
        own = promise.starts(n, risk, delta)
        assert all(b == 2 * a for a, b in itertools.pairwise(own))
        assert not own or ((1 - risk) ** own[0] <= delta / len(own) < (1 - risk) ** (own[0] - 1) and own[-1] <= n)


def walked(answered, wrong, n, risk, delta):
    """The lowest threshold that is rejected, threshold by threshold, by scipy's tail."""
    levels, rejected = promise.starts(n, risk, delta), set()
    for start in levels:
        for i, (k, w) in enumerate(zip(answered, wrong, strict=True)):
            if k < start:
                continue
            if binom.cdf(w, k, risk) > delta / len(levels):
                break
            rejected.add(i)
    return max(rejected, default=None)


@pytest.mark.parametrize("seed", range(5))
def test_the_walk_is_a_plain_loop_s(seed):
    random = np.random.default_rng(seed)
    for risk, delta in ((0.1, 0.05), (0.3, 0.2)):
        scores = np.sort(random.integers(0, 60, 400))[::-1]
        wrong = random.random(400) < 0.02 + 0.4 * np.arange(400) / 400
        last = np.append(np.diff(scores) != 0, True)
        answered, bad = (np.arange(400) + 1)[last], wrong.cumsum()[last]
        assert promise.promised(answered, bad, 400, risk, delta) == walked(answered, bad, 400, risk, delta)


def test_a_promise_by_hand():
    # 40 right answers, 10 wrong ones below. Risk 0.2 at delta 0.2 starts at 11 and 22 answers (0.8^11 = 0.086 ≤ 0.1);
    # three starts, 13, 26 and 52, are too many.
    assert promise.starts(50, 0.2, 0.2) == [11, 22]
    answered, wrong = np.arange(1, 51), np.r_[np.zeros(40, int), np.arange(1, 11)]
    # The last that passes at level 0.1: P(Bin(k, 0.2) ≤ k − 40), by scipy's tail.
    passing = [k for k in range(40, 51) if binom.cdf(k - 40, k, 0.2) <= 0.1]
    assert passing == list(range(40, 40 + len(passing)))
    assert promise.promised(answered, wrong, 50, 0.2, 0.2) == passing[-1] - 1
    rows = made_to_answer("c" * 50, "c" * 40 + "w" * 10, [50.0 - i for i in range(50)])
    (pool,) = pools({"x": evaluation(rows)})
    found = calibrate(pool, "score", "risk=0.2", 0.2)
    assert found["threshold"] == 50 - (passing[-1] - 1)
    assert found["risk"] == pytest.approx((passing[-1] - 40) / passing[-1])
    assert (found["delta"], found["n"]) == (0.2, 50)
    assert "(promised with probability 0.8)" in calibration.in_words(found | {"name": "x"})


def test_where_nothing_can_be_promised_the_line_says_how_many_questions_would_do():
    rows = made_to_answer("c" * 20, "c" * 19 + "w", [20.0 - i for i in range(20)])
    (pool,) = pools({"x": evaluation(rows)})
    line = (
        r"no threshold of `score` keeps the share wrong at 0.1 with probability 0.95, by 20 questions; the lowest seen "
        r"is 0, of 19 answers; if the curve holds, about 31 calibration questions would do"
    )
    with pytest.raises(UserError, match=line):  # 29 without a wrong one: 29 of 19/20 of 31
        calibrate(pool, "score", "risk=0.1", 0.05)


def test_the_number_that_would_do_does_and_a_curve_that_is_too_wrong_never_does():
    answered, wrong = np.array([100, 200]), np.array([9, 30])
    assert promise.promised(answered, wrong, 200, 0.1, 0.05) is None
    needed = promise.questions_needed(answered, wrong, 200, 0.1, 0.05)
    for share, found in ((1, 0), (0.9, None)):
        n = round(share * needed)
        assert promise.promised(answered * n // 200, -(-wrong * n // 200), n, 0.1, 0.05) == found
    assert promise.questions_needed(answered, np.array([10, 20]), 200, 0.1, 0.05) is None
    assert promise.questions_needed(np.array([10000]), np.array([999]), 10000, 0.1, 0.05) is None  # more than MOST
    rows = made_to_answer("w" * 50, "cw" * 25, [0.0] * 50)
    (pool,) = pools({"x": evaluation(rows)})
    with pytest.raises(UserError, match=r"is 0\.5, of 50 answers; no number of calibration questions would do"):
        calibrate(pool, "score", "risk=0.1", 0.05)
    rows = made_to_answer("w" * 10000, "c" * 9001 + "w" * 999, [0.0] * 10000)
    (pool,) = pools({"x": evaluation(rows)})
    with pytest.raises(UserError, match="more than 1,000,000 calibration questions would be needed"):
        calibrate(pool, "score", "risk=0.1", 0.05)


@pytest.mark.parametrize(
    ("levels", "risk", "delta", "n"), [(None, 0.1, 0.1, 300), (12, 0.1, 0.1, 300), (8, 0.3, 0.05, 90)]
)
def test_the_promise_is_kept(levels, risk, delta, n):
    """2,000 calibration sets of known p(wrong | x) = x², x uniform, the score −x (or the upper end of x's bin)."""
    random = np.random.default_rng(7)
    broken = answered_share = 0
    for _ in range(2000):
        x = random.random(n)
        if levels:
            x = np.ceil(x * levels) / levels
        wrong = random.random(n) < x**2
        found, first = np.unique(x, return_index=False), np.sort(x)
        kept = np.searchsorted(first, found, side="right")
        bad = np.array([wrong[x <= one].sum() for one in found]) if levels else wrong[np.argsort(x)].cumsum()
        at = promise.promised(kept, bad, n, risk, delta)
        if at is None:
            continue
        up_to = found[at]
        if levels:
            own = np.arange(1, levels + 1) / levels
            true = (own[own <= up_to + 1e-9] ** 2).mean()
        else:
            true = up_to**2 / 3  # the mean of x² up to there
        broken += true > risk
        answered_share += up_to
    noise = 3 * math.sqrt(delta * (1 - delta) / 2000)
    assert broken / 2000 <= delta + noise
    up_to = np.arange(1, (levels or 1000) + 1) / (levels or 1000)
    best = up_to[(up_to**2).cumsum() / np.arange(1, len(up_to) + 1) <= risk].max()  # what could be answered
    assert answered_share / 2000 > 0.4 * best


# ---- which evaluations go together ----


def two(rows=EIGHT, **args):
    """Two halves of an evaluation."""
    own = [evaluation(part, "init_basic", "initial", **args) for part in (rows[:4], rows[4:])]
    return dict(zip(("a.json", "b.json"), own, strict=True))


def test_evaluations_of_one_model_asked_alike_are_pooled_and_others_are_not():
    (pool,) = pools(two(), base_file())
    assert [r["id"] for r in pool.records] == [f"q{i}" for i in range(8)]
    assert pool.paths == ["a.json", "b.json"]
    assert [r["outcome"] for r in pool.base] == [r["outcome"] for r in EIGHT_BASE]
    other = evaluation(EIGHT, "craft", "tuned", prompt="refuse", base_eval="x")
    found = pools(two() | {"c.json": other})
    assert [(p.model["name"], len(p.records), p.base_paths) for p in found] == [
        ("init_basic", 8, ["a.json", "b.json"]),
        ("craft", 8, ["a.json", "b.json"]),
    ]
    for name, value in (("prompt", "refuse"), ("wording", "short"), ("thinking", "on"), ("refusal", "letter")):
        apart = two()
        apart["b.json"]["meta"]["args"][name] = value
        assert len(pools(apart, base_file())) == 2, name


def test_a_file_from_before_a_flag_was_asked_as_its_default():
    assert len(pools(two() | {"c.json": evaluation([EIGHT[0] | {"id": "more"}], thinking="off", refusal="text")})) == 1


def test_two_initial_models_are_none():
    letters = evaluation(EIGHT, "init_letter", "initial", refusal="letter")
    assert [p.base for p in pools({"a.json": evaluation(EIGHT), "b.json": letters})] == [None, None]


def test_unanswerable_questions_are_left_out():
    rows = [*EIGHT, EIGHT[0] | {"id": "q8", "should_abstain": True}]
    (pool,) = pools({"a.json": evaluation(rows)})
    assert (len(pool.records), len(pool.base)) == (8, 8)
    with pytest.raises(UserError, match=r"--calibrate a.json: it has no question with an answer"):
        pools({"a.json": evaluation(rows[8:])})
    with pytest.raises(UserError, match=r"--calibrate a.json: it has no question with an answer"):
        pools({"a.json": evaluation([])})


def test_what_is_not_pooled():
    with pytest.raises(UserError, match=r"--calibrate b.json: q0 of facts/dev stands twice among the evaluations of"):
        pools({"a.json": evaluation(EIGHT), "b.json": evaluation(EIGHT)})
    with pytest.raises(UserError, match=r"the initial model \(base.json\) was not asked q8 of facts/dev"):
        pools({"a.json": evaluation([*EIGHT, EIGHT[0] | {"id": "q8"}])}, base_file())
    with pytest.raises(UserError, match=r"--calibrate b.json: evaluated with --match exact"):
        pools({"a.json": evaluation(EIGHT), "b.json": evaluation(EIGHT, "x", "tuned", match="exact")})
    name, base = base_file()
    base["meta"]["args"]["match"] = "exact"
    with pytest.raises(UserError, match=r"--base_eval base.json: evaluated with --match exact"):
        pools({"a.json": evaluation(EIGHT)}, (name, base))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: e["records"][2].pop("forced"), "record 3 (q2) has no `forced`; evaluate again"),
        (lambda e: e["records"][2].pop("score"), "record 3 (q2) has no `score`; evaluate again"),
        (lambda e: e["records"][2].update(score=math.nan), "`score` is nan, not a number"),
        (lambda e: e["records"][2].update(score="high"), "`score` is 'high', not a number"),
        (lambda e: e["records"][2].update(score=True), "`score` is True, not a number"),
        (lambda e: e["records"][2].update(p_refusal=-0.5), "`p_refusal` is -0.5, not a number from 0 to 1"),
        (lambda e: e["records"][2].update(p_sure=1.5), "`p_sure` is 1.5, not a number from 0 to 1"),
        (lambda e: e["records"][2].update(forced=[]), "`forced` is no answer"),
        (lambda e: e["records"][2].update(forced={"text": "a", "outcome": "good"}), "`forced` is no answer"),
        (lambda e: e["records"][2]["forced"].update(p="x"), "`forced.p` is 'x', not a number from 0 to 1"),
        (lambda e: e["records"][2].update(outcome="good"), "record 3 (q2) has the outcome 'good'"),
        (lambda e: e["records"][2].pop("id"), "record 3 has no `id`"),
        (lambda e: e["meta"].pop("model"), "no `meta.model`"),
        (lambda e: e["meta"].update(args=None), "no `meta.args`"),
        (lambda e: e["meta"]["model"].update(fingerprint=None), "no `meta.model.fingerprint`"),
        (lambda e: e["summary"].pop("model"), "no `summary.model`"),
        (lambda e: e["summary"].pop("datasets"), "no `summary.datasets`"),
        (lambda e: e["meta"].update(judge="x"), "no `meta.judge`"),
        (lambda e: e["records"][2].update(dataset=None), "q2 is of None, which is no test set of this file"),
    ],
)
def test_files_that_are_none(change, message):
    evaluated = copy.deepcopy(evaluation(EIGHT))
    change(evaluated)
    with pytest.raises(UserError) as e:
        pools({"a.json": evaluated})
    assert str(e.value).startswith("--calibrate a.json")
    assert message in str(e.value)
    assert "\n" not in str(e.value)


# ---- names, several signals ----


def with_agreement():
    shares = [1.0, 1.0, 0.5, 0.5, 0.5, 0.0, 0.0, 0.0]
    return [r | {"agreement": a} for r, a in zip(EIGHT, shares, strict=True)]


def test_every_signal_has_a_calibration_of_its_name():
    found, left_out = calibration.calibrations(pools(two(with_agreement()), base_file()), ["all"], "ths", None)
    assert [s["name"] for _, s in found] == ["init_basic", "confidence", "refusal_prompt", "agreement", "sure"]
    assert left_out == []
    by_name = {s["name"]: s for _, s in found}
    # Agreement 1: one right, one wrong; 0.5: two right and one wrong more; 0 adds one of each: (3 − 8/3) / 8 is best.
    assert by_name["agreement"]["threshold"] == 0.5
    assert by_name["agreement"]["ths"] == pytest.approx((3 - 8 / 3) / 8)


def test_the_initial_model_s_cautious_prompt_is_a_baseline_of_its_own_name():
    files = {"a.json": evaluation(EIGHT), "b.json": evaluation(EIGHT, "init_cautious", "initial", prompt="cautious")}
    files["c.json"] = evaluation(EIGHT, "craft", "tuned", prompt="cautious")
    found, _ = calibration.calibrations(pools(files), ["score"], "ths", None)
    assert [s["name"] for _, s in found] == ["init_basic", "cautious_prompt", "craft"]
    with pytest.raises(UserError, match="--name x: names one calibration, and these are 3"):
        calibration.calibrations(pools(files), ["score"], "ths", None, "x")
    with pytest.raises(UserError, match="two calibrations would be named sure; calibrate these one by one"):
        calibration.calibrations(pools(files), ["sure"], "ths", None)


def test_a_signal_that_is_named_must_be_there_and_of_all_those_that_cannot_promise_are_left_out():
    (pool,) = own = pools({"a.json": evaluation(EIGHT)})
    with pytest.raises(UserError, match=r"no question has both the signal `probe` .* it has score, confidence"):
        calibration.calibrations(own, ["score", "probe"], "ths", None)
    with pytest.raises(UserError, match="no threshold of `score` keeps"):
        calibration.calibrations(own, ["all"], "risk=0.1", 0.05)
    for i, r in enumerate(pool.records):  # score's order is perfect, the others' is none
        pool.records[i] = r | {"score": 1.0 if r["forced"]["outcome"] == "correct" else 0.0}
    found, left_out = calibration.calibrations(own, ["all"], "risk=0.4", 0.2)
    assert [s["name"] for _, s in found] == ["init_basic"]
    assert [line.split("`")[1] for line in left_out] == ["confidence", "refusal_prompt", "sure"]
    nothing = [r | {"score": None, "forced": None} for r in EIGHT]
    with pytest.raises(UserError, match=r"no question has both the signal `score` and a forced answer; it has none"):
        calibration.calibrations(pools({"a.json": evaluation(nothing)}), ["all"], "ths", None)


# ---- the file, and where it applies ----


def calibrated(tmp_path, **changes):
    summary = {"name": "eight", **calibrate(eight(), "score", "ths", None), **changes}
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps({"meta": {"stage": "calibrate"}, "summary": summary, "records": []}))
    return path


def test_a_calibration_applies_to_its_model_asked_alike(tmp_path):
    found = calibration.read(calibrated(tmp_path))
    meta = evaluation(EIGHT, "other", "tuned", prompt="refuse")["meta"]
    assert calibration.fits(found, meta)
    assert calibration.misfit(found, meta) is None
    for changed in ({"prompt": "basic"}, {"thinking": "on"}, {"refusal": "letter"}, {"num_shots": 3}):
        ((key, value),) = changed.items()
        other = copy.deepcopy(meta)
        other["args"] |= changed
        assert not calibration.fits(found, other)
        assert f"was asked with --{key}" in calibration.misfit(found, other)
        assert f"this evaluation with {value}" in calibration.misfit(found, other)
    meta["model"]["fingerprint"] = "initial"
    assert calibration.misfit(found, meta) == "is of another model, eight"


def test_applied_to_an_evaluation_the_outcome_is_the_threshold_s_and_given_the_model_s(tmp_path):
    rows = calibration.apply(EIGHT, calibration.read(calibrated(tmp_path)))
    assert "".join(r["outcome"][0] for r in rows) == "cwccrrrr"
    assert [r["given"] for r in rows] == [r["given"] for r in EIGHT]
    assert [r["confidence"] for r in rows] == [0.5] * 8
    everything = calibration.apply(EIGHT, calibration.read(calibrated(tmp_path, threshold=-9)))
    assert (everything[4]["outcome"], everything[4]["output"]) == ("unparsed", "forced 4")
    nothing = calibration.apply(EIGHT, calibration.read(calibrated(tmp_path, threshold=None)))
    assert {r["outcome"] for r in nothing} == {"refused"}
    with pytest.raises(UserError, match="no question of this evaluation has the signal `probe`"):
        calibration.apply(EIGHT, calibration.read(calibrated(tmp_path, signal="probe")))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"threshold": "high"}, "no usable `threshold`"),
        ({"threshold": True}, "no usable `threshold`"),
        ({"signal": None}, "no usable `signal`"),
        ({"signal": "hope"}, "its signal is 'hope', not one of score, confidence"),
        ({"name": 3}, "no usable `name`"),
        ({"target": None}, "no usable `target`"),
        ({"model": "x"}, "no usable `model`"),
        ({"questions": 5}, "no usable `questions`"),
        ({"model": {"fingerprint": "x"}}, "no usable `model.prompt`"),
    ],
)
def test_calibrations_that_are_none(tmp_path, changes, message):
    path = calibrated(tmp_path, **changes)
    with pytest.raises(UserError) as e:
        calibration.read(path)
    assert str(e.value).startswith(f"--calibration {path}: ")
    assert message in str(e.value)


def test_a_calibration_of_another_stage_says_where_one_comes_from(tmp_path):
    path = calibrated(tmp_path)
    content = json.loads(path.read_text())
    content["meta"]["stage"] = "eval_refusal"
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"written by eval_refusal.py; give the output of eval_refusal.py --calibrate"):
        calibration.read(path)
    del content["summary"]
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match="not a result file"):
        calibration.read(path)
