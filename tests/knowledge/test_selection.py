import json

import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge_boundary.knowledge.selection import (
    METHODS,
    REASONS,
    SOFT,
    check_shots,
    count_flow,
    idk_pool,
    join,
    not_improved,
    pools,
    rehearsal_set,
    select,
    sizes,
    summarise,
)
from knowledge_boundary.reporting import tables
from knowledge_boundary.running.errors import UserError


def entry(id, cor, cer, delta=0.0, distance=None, influence=0.0, influence_van=0.0):
    distance = cor - 0.5 if distance is None else distance
    own = {"distance": distance, "influence": influence, "influence_van": influence_van}
    return {"id": id, "cor_init": cor, "cer_init": cer, "cor_rehearsal": cor + delta, "delta_cor": delta, **own}


# id, Cor, Cer, ΔCor; six of Cor ≥ 0.5, six below
TABLE = [
    entry("a", 1.0, 0.9),
    entry("b", 0.9, 0.7, -0.4),
    entry("c", 0.5, 0.7, 0.5),
    entry("d", 0.6, 0.2),
    entry("e", 0.8, 0.8),
    entry("f", 0.7, 0.3, -0.7),
    entry("g", 0.4, 0.1, 0.1),
    entry("h", 0.0, 0.1, 0.0),
    entry("i", 0.3, 0.4, -0.2),
    entry("j", 0.1, 0.2, 0.3),
    entry("k", 0.2, 0.1, -0.1),
    entry("l", 0.0, 0.5, 0.0),
]


def labels(entries):
    return {e["id"]: (e["label"], e["reason"]) for e in entries}


def taken(entries, label):
    return sorted(e["id"] for e in entries if e["label"] == label)


def test_corcer_by_hand():
    found = select(TABLE, "corcer", 0.5, 3, 2, seed=0, strict_flow=False)
    less, more = ("dropped", "dropped: less certain"), ("dropped", "dropped: more certain")
    certain, uncertain = ("van", "kept: certain"), ("idk", "kept: uncertain")
    assert labels(found) == {
        "a": certain,  # Cer 0.9
        "b": certain,  # 0.7, and before c by its id
        "c": less,
        "d": less,
        "e": certain,  # 0.8
        "f": less,
        "g": uncertain,  # 0.1, g and h before k by their ids
        "h": uncertain,
        "i": more,
        "j": more,
        "k": more,
        "l": more,
    }
    assert [e["id"] for e in found] == [e["id"] for e in TABLE]
    assert all(e["cor_init"] == t["cor_init"] for e, t in zip(found, TABLE, strict=True))


def test_craft_by_hand():
    found = labels(select(TABLE, "craft", 0.5, 3, 3, seed=0, strict_flow=False))
    assert [k for k, v in found.items() if v[0] == "van"] == ["a", "b", "e"]
    assert {k: v for k, v in found.items() if k in "ghijkl"} == {
        "g": ("dropped", "dropped: improved in rehearsal"),
        "h": ("idk", "kept: uncertain"),
        "i": ("idk", "kept: uncertain"),
        "j": ("dropped", "dropped: improved in rehearsal"),
        "k": ("idk", "kept: uncertain"),
        "l": ("dropped", "dropped: more certain"),
    }


def test_craft_with_strict_flow_by_hand():
    found = labels(select(TABLE, "craft", 0.5, 1, 1, seed=0, strict_flow=True))
    improved = ("dropped", "dropped: improved in rehearsal")
    assert {k: v for k, v in found.items() if k in "ghijkl"} == {
        "g": improved,
        "h": improved,  # unchanged is not worse
        "i": ("dropped", "dropped: more certain"),
        "j": improved,
        "k": ("idk", "kept: uncertain"),
        "l": improved,
    }
    assert taken(select(TABLE, "craft", 0.5, 9, 9, seed=0, strict_flow=True), "idk") == ["i", "k"]


def test_cor_by_hand():
    whole = select(TABLE, "cor", 0.5, 99, 99, seed=0, strict_flow=False)
    assert taken(whole, "van") == list("abcdef")
    assert taken(whole, "idk") == list("ghijkl")
    assert {e["reason"] for e in whole} == {"kept: random"}
    some = select(TABLE, "cor", 0.5, 4, 2, seed=3, strict_flow=False)
    assert set(taken(some, "van")) < set("abcdef")
    assert set(taken(some, "idk")) < set("ghijkl")
    assert (len(taken(some, "van")), len(taken(some, "idk"))) == (4, 2)
    assert {e["reason"] for e in some if e["label"] == "dropped"} == {"dropped: not drawn"}


def test_van_by_hand():
    found = select(TABLE, "van", 0.5, 3, 2, seed=0, strict_flow=False)
    assert (len(taken(found, "van")), taken(found, "idk")) == (5, [])
    assert {e["reason"] for e in found} == {"kept: random", "dropped: not drawn"}
    whole = select(TABLE, "van", 0.5, 10, 10, seed=0, strict_flow=False)
    assert taken(whole, "van") == list("abcdefghijkl")


@pytest.mark.parametrize("method", ["van", "cor"])
def test_the_lot_is_fair(method):
    counts = dict.fromkeys("abcdefghijkl", 0)
    for seed in range(300):
        for e in select(TABLE, method, 0.5, 2, 2, seed=seed, strict_flow=False):
            counts[e["id"]] += e["label"] != "dropped"
    assert all(60 < c < 140 for c in counts.values())  # 100 expected


# ---- soft targets ----


def test_soft_by_hand():
    found = select(TABLE, "soft", 0.5, 99, 99)
    assert [e["target"] for e in found] == [1.0, 0.9, 0.5, 0.6, 0.8, 0.7, 0.4, 0.0, 0.3, 0.1, 0.2, 0.0]
    assert (taken(found, "van"), taken(found, "idk")) == (list("abcdef"), list("ghijkl"))
    assert {e["reason"] for e in found} == {"kept: soft"}


def test_soft_flow_takes_the_rehearsed_state_in():
    found = select(TABLE, "soft_flow", 0.5, 99, 99)
    wanted = [1.0, 0.7, 0.75, 0.6, 0.8, 0.35, 0.45, 0.0, 0.2, 0.25, 0.15, 0.0]  # Cor + ½ ΔCor
    assert [e["target"] for e in found] == pytest.approx(wanted)
    assert taken(found, "van") == list("abcde")  # f was 0.7 and fell to 0


def test_a_target_is_held_in_0_to_1():
    beyond = [entry("a", 1.02, 0), entry("b", -0.01, 0), entry("c", 1.02, 0, 0.01)]
    assert [e["target"] for e in select(beyond, "soft")] == [1, 0, 1]
    assert [e["target"] for e in select(beyond, "soft_flow")] == [1, 0, 1]


@pytest.mark.parametrize("method", SOFT)
@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_an_unanswerable_question_is_taught_as_a_refusal_only(method, threshold):
    unsure = [entry("x", 0.4, 0.1) | {"should_abstain": True}]
    (found,) = [e for e in select(TABLE + unsure, method, threshold) if e["id"] == "x"]
    assert (found["target"], found["label"], found["reason"]) == (0, "idk", "kept: soft")


@pytest.mark.parametrize("method", SOFT)
def test_soft_targets_need_no_two_pools(method, capsys):
    low = [entry(i, 0.1, 0) for i in "abc"]
    assert sizes(low, [method], 0.5, 4000, 1000, False) == (4000, 1000)
    assert capsys.readouterr().out == ""
    found = select(low, method, 0.5, 1, 1, 0)
    assert [sum(e["label"] == side for e in found) for side in ("van", "idk", "dropped")] == [0, 2, 1]
    summary = summarise(low, found, method, 0.5, False, {})
    assert (summary["pools"], summary["taken"]) == ({"van": 0, "idk": 3, "idk_after_flow": 3}, {"van": 0, "idk": 2})


@pytest.mark.parametrize("method", SOFT)
def test_the_lot_of_soft_targets_is_fair(method):
    counts = dict.fromkeys("abcdefghijkl", 0)
    for seed in range(300):
        for e in select(TABLE, method, 0.5, 2, 2, seed=seed):
            counts[e["id"]] += e["label"] != "dropped"
    assert sum(counts.values()) == 1200
    assert all(60 < c < 140 for c in counts.values())  # 100 expected


# ---- GeoDe ----

PROBED = [
    entry("a", 1.0, 0, distance=0.4), entry("b", 0.5, 0, distance=2.0), entry("c", 0.9, 0, distance=-0.1),
    entry("d", 0.7, 0, distance=0.4), entry("e", 0.6, 0, distance=0.0), entry("f", 0.4, 0, distance=0.0),
    entry("g", 0.0, 0, distance=-0.3), entry("h", 0.1, 0, distance=-3.0), entry("i", 0.2, 0, distance=5.0),
]  # fmt: skip


def test_probe_by_hand():
    found = labels(select(PROBED, "probe", 0.5, 2, 1))
    far, near = "kept: far from the hyperplane", ("dropped", "dropped: near the hyperplane")
    across = ("dropped", "dropped: across the hyperplane")
    assert found == {
        "a": ("van", far), "b": ("van", far), "c": across, "d": near, "e": near,
        "f": across, "g": near, "h": ("idk", far), "i": across,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sign", "says"),
    [(-1, "D_van is empty: the probe finds no question of Cor >= --threshold 0.5 where it should be"),
     (1, "D_idk is empty: the probe finds no question of Cor < --threshold 0.5 where it should be")],
)  # fmt: skip
def test_a_probe_that_reads_nothing_is_refused(sign, says):
    with pytest.raises(UserError, match=says):
        select([e | {"distance": sign * 0.5} for e in PROBED], "probe", 0.5, 2, 1)


# ---- GRAIT ----


def test_grait_by_hand():
    rows = [
        entry("a", 0.9, 0), entry("b", 0.6, 0), entry("c", 0.9, 0), entry("d", 0.5, 0),
        entry("e", 0.1, 0, influence=0.30, influence_van=0.30), entry("f", 0.4, 0, influence=0.20, influence_van=0.15),
        entry("g", 0.0, 0, influence=0.10, influence_van=-0.5), entry("h", 0.3, 0, influence=0.20, influence_van=0.25),
    ]  # fmt: skip
    found = select(rows, "grait", 0.5, 2, 2)
    assert labels(found) == {
        "a": ("van", "kept: highest Cor"), "b": ("dropped", "dropped: lower Cor"), "c": ("van", "kept: highest Cor"),
        "d": ("dropped", "dropped: lower Cor"), "e": ("idk", "kept: influence"), "f": ("idk", "kept: influence"),
        "g": ("dropped", "dropped: less influence"), "h": ("dropped", "dropped: less influence"),
    }  # fmt: skip
    weights = {e["id"]: e["weight"] for e in found if "weight" in e}
    # ½ · 2 · (1, e) / (1 + e): f refuses D_idk more than D_van, by a whole temperature
    assert weights == {"e": pytest.approx(0.2689414), "f": pytest.approx(0.7310586)}


@pytest.mark.parametrize("method", ["corcer", "craft", "probe", "grait"])
def test_ranked_methods_do_not_depend_on_the_seed(method):
    assert len({str(select(TABLE, method, 0.5, 2, 2, seed=s, strict_flow=False)) for s in range(5)}) == 1


def test_ties_go_to_the_smaller_id():
    same = [entry(i, cor, 0.5) for cor, ids in ((1.0, "dbca"), (0.0, "hfge")) for i in ids]
    found = select(same, "corcer", 0.5, 2, 3, seed=0, strict_flow=False)
    assert (taken(found, "van"), taken(found, "idk")) == (list("ab"), list("efg"))


def test_the_threshold_itself_belongs_to_van():
    van, idk = pools([entry("a", 0.5, 0), entry("b", 0.4999, 0)], 0.5)
    assert ([e["id"] for e in van], [e["id"] for e in idk]) == (["a"], ["b"])


def test_flow_that_is_only_rounding_is_none():
    pool = [entry("a", 0.3, 0, 0.3 - 0.1 - 0.2), entry("b", 0.3, 0, -1e-12), entry("c", 0.3, 0, 1e-6)]
    assert [e["id"] for e in not_improved(pool, strict_flow=False)] == ["a", "b"]
    assert not_improved(pool, strict_flow=True) == []
    assert count_flow(pool) == {"improved": 1, "unchanged": 2, "worse": 0}


def test_count_flow_by_hand():
    assert count_flow(pools(TABLE, 0.5)[1]) == {"improved": 2, "unchanged": 2, "worse": 2}


def test_every_reason_is_documented():
    text = "".join((tiny.ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("method.md", "selections.md"))
    assert all(f"| `{reason}` | {meaning} |" in text for reason, meaning in REASONS.items())


# ---- unanswerable questions ----

WITHOUT_ANSWER = [entry(i, 0.0, cer) | {"should_abstain": True} for i, cer in (("x", 0.05), ("y", 0.9), ("z", 0.3))]


@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_an_unanswerable_question_is_never_of_van_s_pool(threshold):
    van, idk = pools(TABLE + WITHOUT_ANSWER, threshold)
    assert [e["id"] for e in van] == [e["id"] for e in TABLE if e["cor_init"] >= threshold]
    assert [e["id"] for e in idk][-3:] == ["x", "y", "z"]


@pytest.mark.parametrize("method", ["cor", "corcer", "craft"])
def test_unanswerable_questions_may_be_taken_for_d_idk(method):
    whole = labels(select(TABLE + WITHOUT_ANSWER, method, 0.5, 99, 99))
    assert {whole[i][0] for i in "xyz"} == {"idk"}
    if method != "cor":
        some = labels(select(TABLE + WITHOUT_ANSWER, method, 0.5, 1, 1))
        assert some["x"] == ("idk", "kept: uncertain")  # the lowest Cer of all
        assert some["y"] == ("dropped", "dropped: more certain")


def test_van_tuning_takes_answerable_questions_only():
    mixed = WITHOUT_ANSWER + TABLE
    for seed in range(20):
        found = labels(select(mixed, "van", 0.5, 4, 2, seed))
        assert {found[i] for i in "xyz"} == {("dropped", "dropped: unanswerable")}
        assert sum(label == "van" for label, _ in found.values()) == 6
        assert labels(select(TABLE, "van", 0.5, 4, 2, seed)).items() <= found.items()  # the lot falls as without them


def test_it_is_said_how_many_van_tuning_leaves_out(capsys):
    assert sizes(TABLE + WITHOUT_ANSWER, ["van", "cor"], 0.5, 6, 7, False) == (6, 7)
    assert capsys.readouterr().out.splitlines() == [
        "--method van: 3 unanswerable questions are left out, it teaches answers only",
        "Warning: --method van takes all 12 that remain: fewer than the other methods",
    ]
    sizes(TABLE + WITHOUT_ANSWER, ["van"], 0.5, 6, 6, False)
    assert "Warning" not in capsys.readouterr().out
    sizes(TABLE, ["van"], 0.5, 2, 2, False)
    sizes(TABLE + WITHOUT_ANSWER, ["cor"], 0.5, 2, 2, False)
    assert capsys.readouterr().out == ""


def test_a_selection_counts_the_unanswerable_questions():
    mixed = TABLE + WITHOUT_ANSWER
    found = summarise(mixed, select(mixed, "van", 0.5, 4, 2), "van", 0.5, False, {"van": 4, "idk": 2})
    assert (found["should_abstain"], found["reasons"]["dropped: unanswerable"]) == (3, 3)
    assert found["pools"] == {"van": 6, "idk": 9, "idk_after_flow": 9}
    row = tables.selection_row(found | {"crss": {"0.97": None}, "mean_max_similarity": None}, 0.97)
    assert row.split() == ["van", "6/12", "0/9"]
    assert summarise(TABLE, select(TABLE, "cor"), "cor", 0.5, False, {})["should_abstain"] == 0


def test_an_unanswerable_question_is_never_rehearsed():
    known = [{"id": str(i), "cor": 1.0, "cer": 1.0} for i in range(2)]
    unanswerable = {"id": "0a", "cor": 1.0, "cer": 1.0, "should_abstain": True}
    chosen, above = rehearsal_set([unanswerable, *known], 0.9, 0.9, 3)
    assert ([r["id"] for r in chosen], above) == (["0", "1"], 2)


def test_what_is_joined_says_what_is_unanswerable_and_whose_prompt_asks():
    rows = state(("a", 0, 0.5), ("b", 0.5, 0.5))
    rows[0] |= {"answer": None, "should_abstain": True}
    rows[1] |= {"choices": ["x", "y"], "answer": "A", "exam": "ceval"}
    first, second = join(rows, rows)
    assert (first["should_abstain"], first["answer"], "exam" in first) == (True, None, False)
    assert (second["exam"], "should_abstain" in second) == ("ceval", False)


# ---- properties ----

CORS = st.integers(0, 10).map(lambda k: k / 10)
ROWS = st.lists(st.tuples(CORS, st.integers(-5, 5), st.integers(-4, 4)), min_size=2, max_size=40)
SIZES = st.integers(1, 30)
SEEDS = st.integers(0, 5)


def entries_of(rows):
    found = [entry(f"s/t/{i}", cor, cer / 5, delta / 10) for i, (cor, cer, delta) in enumerate(rows)]
    return [entry("s/known", 1.0, 0.0), entry("s/unknown", 0.0, 0.0), *found]


@settings(max_examples=60, deadline=None)
@given(ROWS, st.sampled_from(METHODS), SIZES, SIZES, SEEDS, st.booleans())
def test_selection_s_properties(rows, method, n_van, n_idk, seed, strict):
    entries = entries_of(rows)
    found = select(entries, method, 0.5, n_van, n_idk, seed, strict)
    assert [e["id"] for e in found] == [e["id"] for e in entries]
    assert all(e["reason"] in REASONS for e in found)
    assert all((e["label"] == "dropped") == e["reason"].startswith("dropped") for e in found)
    van, idk = taken(found, "van"), taken(found, "idk")
    assert set(van).isdisjoint(idk)
    if method == "van":
        assert (len(van), idk) == (min(n_van + n_idk, len(entries)), [])
        return
    if method in SOFT:
        assert len(van) + len(idk) == min(n_van + n_idk, len(entries))
        assert all(0 <= e["target"] <= 1 for e in found)
        assert all((e["target"] >= 0.5) == (e["label"] == "van") for e in found if e["label"] != "dropped")
        return
    pool_van, pool_idk = pools(entries, 0.5)
    pool_idk = idk_pool(method, pool_idk, strict)
    assert (len(van), len(idk)) == (min(n_van, len(pool_van)), min(n_idk, len(pool_idk)))
    by_id = {e["id"]: e for e in entries}
    assert all(by_id[i]["cor_init"] >= 0.5 for i in van)
    assert all(by_id[i]["cor_init"] < 0.5 for i in idk)
    if method == "craft":
        assert all(by_id[i]["delta_cor"] < 0 if strict else by_id[i]["delta_cor"] <= 0 for i in idk)
    if method in ("corcer", "craft"):
        left = [e for e in pool_idk if e["id"] not in idk]
        assert all(by_id[i]["cer_init"] <= e["cer_init"] for i in idk for e in left)
        left = [e for e in pool_van if e["id"] not in van]
        assert all(by_id[i]["cer_init"] >= e["cer_init"] for i in van for e in left)


@settings(max_examples=40, deadline=None)
@given(ROWS, st.sampled_from(METHODS), SIZES, SIZES, SEEDS, st.randoms())
def test_selection_is_a_function_of_the_seed_and_not_of_the_order(rows, method, n_van, n_idk, seed, random):
    entries = entries_of(rows)
    first = labels(select(entries, method, 0.5, n_van, n_idk, seed, False))
    shuffled = random.sample(entries, len(entries))
    assert labels(select(shuffled, method, 0.5, n_van, n_idk, seed, False)) == first


@settings(max_examples=40, deadline=None)
@given(ROWS, CORS, CORS)
def test_a_higher_threshold_never_enlarges_van_s_pool(rows, a, b):
    low, high = sorted((max(a, 0.1), max(b, 0.1)))
    entries = entries_of(rows)
    ids = [{e["id"] for e in pools(entries, t)[0]} for t in (low, high)]
    assert ids[1] <= ids[0]


def test_another_seed_draws_another_set():
    assert len({str(taken(select(TABLE, "cor", 0.5, 3, 3, seed=s, strict_flow=False), "van")) for s in range(10)}) > 3


def test_an_empty_pool_says_which_thresholds_would_fill_it():
    low = [entry(str(i), i / 10, 0) for i in range(5)]
    with pytest.raises(UserError) as e:
        select(low, "cor", 0.5, 1, 1, 0, False)
    assert str(e.value) == (
        "D_van is empty: no question of 5 has Cor >= --threshold 0.5; "
        "0.1 gives 4, 0.3 gives 2, 0.5 gives 0, 0.7 gives 0, 0.9 gives 0"
    )
    with pytest.raises(UserError, match=r"D_idk is empty: .* Cor < --threshold 0\.1; 0\.1 gives 0, 0\.3 gives 2"):
        pools([entry("a", 0.1, 0), entry("b", 0.2, 0), entry("c", 0.9, 0)], 0.1)


# ---- joining two states ----


def state(*rows, question="q"):
    fields = {"subject": "s", "question": question, "choices": None, "answer": "a", "aliases": []}
    return [{"id": i, **fields, "cor": cor, "cer": cer, "samples": []} for i, cor, cer in rows]


def test_join_follows_the_initial_state_s_order():
    found = join(state(("a", 0.5, 1.0), ("b", 0.2, 0.5)), state(("b", 0.6, 0.9), ("a", 0.1, 0.3)), "1.json", "2.json")
    assert [(e["id"], e["cor_init"], e["cor_rehearsal"], e["cer_init"]) for e in found] == [
        ("a", 0.5, 0.1, 1.0),
        ("b", 0.2, 0.6, 0.5),
    ]
    assert [e["delta_cor"] for e in found] == pytest.approx([-0.4, 0.4])
    assert "samples" not in found[0]


def test_join_without_a_rehearsal_leaves_its_fields_null():
    (e,) = join(state(("a", 0.5, 1.0)), None, "1.json", None)
    assert (e["cor_init"], e["cor_rehearsal"], e["delta_cor"]) == (0.5, None, None)


@pytest.mark.parametrize(
    ("init", "rehearsal", "says"),
    [
        ("ab", "ac", r"2 ids differ from 1\.json's, first b \(only in 1\.json\)"),
        ("a", "az", r"1 ids differ from 1\.json's, first z \(only in 2\.json\)"),
        ("abc", "", r"3 ids differ from 1\.json's, first a"),
    ],
)
def test_join_refuses_different_ids(init, rehearsal, says):
    with pytest.raises(UserError, match=says):
        join(state(*((i, 0, 0) for i in init)), state(*((i, 0, 0) for i in rehearsal)), "1.json", "2.json")


def test_join_refuses_other_questions_under_the_same_id():
    with pytest.raises(UserError, match=r"a asks another question than 1\.json"):
        join(state(("a", 0, 0)), state(("a", 0, 0), question="other"), "1.json", "2.json")


# ---- few-shot examples that did not fit ----

ABC = state(("a", 0.5, 1.0), ("b", 0.2, 0.5), ("c", 0.2, 0.5))


def cut_state(lost: dict, said: bool = True):
    """A state file of ABC, its questions asked without as many examples as ``lost``; ``said``: by the records too."""
    records = [r | ({"shots_dropped": lost[r["id"]]} if said and r["id"] in lost else {}) for r in ABC]
    return {"summary": {"shots_dropped": {"questions": len(lost), "shots": sum(lost.values())}}, "records": records}


@pytest.mark.parametrize(
    ("init", "rehearsal", "says"),
    [
        (cut_state({}), cut_state({"b": 2}), "b was asked without 2 of its few-shot examples"),
        (cut_state({"b": 2}), {"summary": {}, "records": ABC}, "in 1.json without 2"),
        (cut_state({"a": 1, "c": 2}), cut_state({"a": 1, "c": 3}), "c was asked without 3 "),
        (cut_state({"a": 1}), cut_state({"b": 1}), "a was asked without 0 "),
        # from before the records said so
        (cut_state({"a": 1}, said=False), cut_state({"a": 2}), "without 2 few-shot examples of 1 questions"),
        (cut_state({}), cut_state({"a": 1, "b": 1}, said=False), "1.json without 0 few-shot examples of 0 questions"),
        (
            cut_state({"a": 1}, said=False),
            cut_state({"a": 2}, said=False),
            "without 2 few-shot examples of 1 questions",
        ),
    ],
)
def test_a_question_asked_with_other_shots_is_no_flow(init, rehearsal, says):
    with pytest.raises(UserError) as e:
        check_shots(init, rehearsal, ABC, "1.json", "2.json")
    assert str(e.value).startswith("--state_rehearsal 2.json: ")
    assert says in str(e.value)
    assert str(e.value).endswith("query both models again with a smaller --num_shots")
    assert "\n" not in str(e.value)


@pytest.mark.parametrize(
    ("init", "rehearsal"),
    [
        (cut_state({}), cut_state({})),
        (cut_state({"a": 1, "c": 2}), cut_state({"a": 1, "c": 2})),
        (cut_state({"a": 1}), cut_state({"a": 1}, said=False)),
        (cut_state({"a": 1}, said=False), cut_state({"a": 1}, said=False)),
        ({"summary": {}, "records": ABC}, cut_state({})),
    ],
)
def test_questions_asked_with_the_same_shots_are_compared(init, rehearsal):
    check_shots(init, rehearsal, ABC, "1.json", "2.json")


def test_only_the_questions_that_are_used_must_have_the_same_shots():
    check_shots(cut_state({"a": 1}), cut_state({"a": 1, "b": 2}), [ABC[0], ABC[2]], "1.json", "2.json")


def test_the_stage_refuses_other_shots(tmp_path, checkpoint, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    for name, lost in (("init", {}), ("rehearsal", {"c": 3})):
        about = {"fingerprint": name, "name": name}
        meta = {"stage": "run_query_state", "args": {}, "model": about, "dataset": {"name": "facts", "split": "train"}}
        (tmp_path / f"{name}.json").write_text(json.dumps({"meta": meta, **cut_state(lost)}))
    states = ["--state_init", "init.json", "--state_rehearsal", "rehearsal.json"]
    assert tiny.call("build_rait_data.py", "--model", checkpoint, *states) == 2
    assert "rehearsal.json: c was asked without 3 of its few-shot examples" in capfd.readouterr().err


# ---- the rehearsal set ----

KNOWN = [
    {"id": "a", "cor": 1.0, "cer": 0.90},  # Cer too low
    {"id": "b", "cor": 1.0, "cer": 1.0},
    {"id": "c", "cor": 0.996, "cer": 1.0},
    {"id": "d", "cor": 0.996, "cer": 0.999},
    {"id": "e", "cor": 0.5, "cer": 1.0},  # Cor too low
    {"id": "f", "cor": 0.5, "cer": 1.0},
    {"id": "g", "cor": 0.99, "cer": 1.0},  # not above the threshold
]


@pytest.mark.parametrize(
    ("n", "expected"), [(1, "b"), (2, "bc"), (3, "bcd"), (4, "bcda"), (5, "bcdag"), (6, "bcdage"), (99, "bcdagef")]
)
def test_rehearsal_set_takes_what_is_surely_known_first_then_the_best_by_rank(n, expected):
    chosen, above = rehearsal_set(KNOWN[::-1], 0.99, 0.99, n)
    assert ("".join(r["id"] for r in chosen), above) == (expected, 3)
