"""Data sets by name, on rows of their true layouts: from the hub, and from copies that tools keep."""

import json
from types import SimpleNamespace

import datasets
import pytest
from test_file_formats import lines, parquet
from test_file_formats import table as csv

from knowledge_boundary.questions import sets
from knowledge_boundary.questions.hub import table
from knowledge_boundary.questions.readers import load, splits_of
from knowledge_boundary.running.errors import UserError

ABCD = {"A": "甲", "B": "乙", "C": "丙", "D": "丁"}
SCIQ = {"question": "Which gas?", "distractor1": "neon", "distractor2": "argon", "distractor3": "xenon",
        "correct_answer": "oxygen", "support": "Plants …"}  # fmt: skip
# name: (split, row, the question as it is asked: id, subject, question, the right choice or the answer, aliases)
ROWS = {
    "simpleqa": (
        "test",
        {"metadata": "{'topic': 'Art'}", "problem": "Who carved it?", "answer": "Ada Ruh"},
        ("simpleqa/test/0", "simpleqa", "Who carved it?", "Ada Ruh", []),
    ),
    "simpleqa_verified": (
        "eval",
        {"original_index": 17, "problem": "When?", "answer": "1911", "topic": "History", "answer_type": "Date",
         "multi_step": False, "requires_reasoning": False, "urls": "https://x.org"},
        ("17", "History", "When?", "1911", []),
    ),
    "chinese_simpleqa": (
        "train",
        {"id": "9f0c", "primary_category": "社会", "secondary_category": "交通", "question": "哪一年?",
         "answer": "1987年", "urls": ["https://x.cn"]},
        ("9f0c", "社会", "哪一年?", "1987年", []),
    ),
    "aa_omniscience": (
        "train",
        {"question_id": 5, "domain": "Law", "topic": "UK Law", "question": "Which section?", "answer": "section 4"},
        ("5", "Law", "Which section?", "section 4", []),
    ),
    "mmlu_pro": (
        "test",
        {"question_id": 70, "question": "Which?", "options": [f"o{i}" for i in range(10)], "answer": "I",
         "answer_index": 8, "cot_content": "", "category": "business", "src": "ori_mmlu"},
        ("70", "business", "Which?", "o8", []),
    ),
    "sciq": ("test", SCIQ, ("sciq/test/0", "sciq", "Which gas?", "oxygen", [])),
    "truthfulqa": (
        "validation",
        {"question": "What happens?", "mc1_targets": {"choices": ["Nothing", "You die"], "labels": [1, 0]},
         "mc2_targets": {"choices": ["Nothing", "You die"], "labels": [1, 0]}},
        ("truthfulqa/validation/0", "truthfulqa", "What happens?", "Nothing", []),
    ),
    "openbookqa": (
        "test",
        {"id": "7-9", "question_stem": "Ice is", "choices": {"text": list("wxyz"), "label": list("ABCD")},
         "answerKey": "D"},
        ("7-9", "openbookqa", "Ice is", "z", []),
    ),
    "commonsense_qa": (
        "validation",
        {"id": "0a", "question": "Where?", "question_concept": "door",
         "choices": {"label": list("ABCDE"), "text": list("vwxyz")}, "answerKey": "A"},
        ("0a", "commonsense_qa", "Where?", "v", []),
    ),
    "webquestions": (
        "test",
        {"url": "http://x", "question": "who built it", "answers": ["Ada Ruh", "Ruh"]},
        ("webquestions/test/0", "webquestions", "who built it", "Ada Ruh", ["Ruh"]),
    ),
    "hotpotqa": (
        "validation",
        {"id": "5a", "question": "Were both?", "answer": "yes", "type": "comparison", "level": "hard",
         "supporting_facts": {"title": ["x"], "sent_id": [0]}, "context": {"title": ["x"], "sentences": [["s"]]}},
        ("5a", "hotpotqa", "Were both?", "yes", []),
    ),
    "boolq": (
        "validation",
        {"question": "is the sea salty", "answer": True, "passage": "p"},
        ("boolq/validation/0", "boolq", "is the sea salty", "yes", []),
    ),
    "gpqa": (
        "train",
        {"Pre-Revision Question": "p", "Question": "Which?", "Correct Answer": "right", "Incorrect Answer 1": "x",
         "Incorrect Answer 2": "y", "Incorrect Answer 3": "z", "Extra Revised Question": "e", "Subdomain": "Optics"},
        ("Optics/train/0", "Optics", "Which?", "right", []),
    ),
    "kuq": (
        "train",
        {"question": "Who?", "answer": ["Ada", "Ruh"], "unknown": False, "source": "turk", "category": None},
        ("kuq/train/0", "kuq", "Who?", "Ada", ["Ruh"]),
    ),
    "triviaqa": (
        "validation",
        {"question": "Which city?", "question_id": "tc_1", "question_source": "", "entity_pages": {"title": []},
         "search_results": {"title": []}, "answer": {"aliases": ["York"], "normalized_aliases": ["york"],
         "matched_wiki_entity_name": "", "normalized_matched_wiki_entity_name": "", "normalized_value": "york city",
         "type": "WikipediaEntity", "value": "York City"}},
        ("triviaqa/validation/0", "triviaqa", "Which city?", "York City", ["York"]),
    ),
    "nq_open": (
        "validation",
        {"question": "who built it", "answer": ["Ada Ruh", "Ruh"]},
        ("nq_open/validation/0", "nq_open", "who built it", "Ada Ruh", ["Ruh"]),
    ),
    "popqa": (
        "test",
        {"id": 42, "subj": "Elm Hall", "prop": "place of birth", "obj": "Rome", "subj_id": 1, "prop_id": 2, "obj_id": 3,
         "s_aliases": "[]", "o_aliases": "[]", "s_pop": 310, "o_pop": 900, "question": "Where?",
         "possible_answers": '["Rome", "Roma"]'},
        ("place_of_birth/test/0", "place_of_birth", "Where?", "Rome", ["Roma"]),
    ),
}  # fmt: skip
BY_SUBJECT = {
    "ceval": ({"id": 0, "question": "下列____", **ABCD, "answer": "B", "explanation": ""}, "val", "law/0", "ceval"),
    "cmmlu": ({"Question": "下列____", **ABCD, "Answer": "B"}, "test", "law/test/0", "cmmlu"),
    "mmlu_redux": (
        {"question": "下列____", "choices": [*ABCD.values()], "answer": 1, "error_type": "ok", "source": None,
         "correct_answer": None, "potential_reason": None},
        "test", "law/test/0", None,
    ),
}  # fmt: skip


def shown(question):
    answer = question.choices[question.letters.index(question.answer)] if question.choices else question.answer
    return question.id, question.subject, question.question, answer, question.aliases


@pytest.fixture
def hub(monkeypatch):
    """The hub's place: {(configuration, split): rows}; what was asked for is noted."""
    given, asked = {}, []

    def load_dataset(repository, config=None, split=None, **more):
        asked.append((repository, config, split, more))
        if (config, split) not in given:
            raise ValueError(f'Unknown split "{split}". Should be one of {[s for _, s in given]}.')
        return datasets.Dataset.from_list(given[config, split])

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    monkeypatch.setattr(datasets, "load_dataset_builder", lambda *_, **__: SimpleNamespace(config=None))
    monkeypatch.setattr(
        datasets, "get_dataset_config_names", lambda _: ["all", *sorted({c for c, _ in given if c})], raising=True
    )
    given["asked"] = asked
    return given


@pytest.mark.parametrize("name", ROWS)
def test_by_name_from_the_hub(hub, name):
    split, row, expected = ROWS[name]
    own = sets.DATASETS[name]
    asked = hub.pop("asked")
    hub[own.config, split] = [row]
    if own.shots:
        hub[own.config, own.shots] = [row]
    found = load(name, split)
    assert [shown(q) for q in found.questions] == [expected]
    assert (found.name, found.licence) == (name, own.licence)
    assert found.describe()["licence"] == own.licence
    assert found.multiple_choice == own.multiple_choice == (name in sets.MULTIPLE_CHOICE)
    assert asked[0][:3] == (own.repository, own.config, split)
    assert all("trust_remote_code" not in more for *_, more in asked)
    assert bool(found.shots) == bool(own.shots)


@pytest.mark.parametrize(
    "copy", ["{name}", "{repository}", "{joined}", "datasets--{joined}", "hub/datasets--{joined}", "{plain}"]
)
@pytest.mark.parametrize("name", ROWS)
def test_by_name_from_a_copy(tmp_path, name, copy):
    split, row, expected = ROWS[name]
    own = sets.DATASETS[name]
    repository = own.repository
    folder = tmp_path / copy.format(
        name=name, repository=repository, joined=repository.replace("/", "--"), plain=repository.split("/")[1]
    )
    if "datasets--" in copy:
        (folder / "refs").mkdir(parents=True)
        (folder / "refs" / "main").write_text("abc")
        (folder / "snapshots" / "old").mkdir(parents=True)
        folder = folder / "snapshots" / "abc"
    folder = folder / (own.config or "data")
    folder.mkdir(parents=True)
    (folder / f"{split}-00000-of-00001.parquet").write_bytes(parquet([row]))
    found = load(name, split, data_dir=str(tmp_path))
    assert [shown(q) for q in found.questions] == [expected]
    assert found.name == name
    with pytest.raises(UserError, match=f"--split elsewhere: .* has {split}"):
        load(name, "elsewhere", data_dir=str(tmp_path))
    by_id = load(repository, split, data_dir=str(tmp_path)) if copy != "{name}" else found
    assert [shown(q)[2:] for q in by_id.questions] == [expected[2:]]


@pytest.mark.parametrize("name", BY_SUBJECT)
def test_a_configuration_for_each_subject(hub, tmp_path, name):
    row, split, first, exam = BY_SUBJECT[name]
    hub.pop("asked")
    own = sets.DATASETS[name]
    question = "Question" if "Question" in row else "question"
    for subject in ("art", "law"):
        for which in (split, *filter(None, [own.shots])):
            hub[subject, which] = [{**row, question: f"{subject} {which} {i}", "id": i} for i in range(2)]
    found = load(name, split)
    assert [q.subject for q in found.questions] == ["art", "art", "law", "law"]
    assert {(q.answer, q.exam, tuple(q.choices)) for q in found.questions} == {("B", exam, tuple(ABCD.values()))}
    assert ("exam" in found.questions[0].record()) == (exam is not None)
    assert [q.id for q in load(name, split, subjects="law").questions] == [q.id for q in found.questions[2:]]
    assert set(found.shots) == ({"art", "law"} if own.shots else set())
    assert first in [q.id for q in found.questions] or name != "ceval"
    for subject in ("art", "law"):  # as hub tools fetch it
        for which in (split, *filter(None, [own.shots])):
            path = tmp_path / own.repository / subject / f"{which}-00000-of-00001.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(parquet(hub[subject, which]))
    local = load(name, split, data_dir=str(tmp_path))
    assert [q.record() for q in local.questions] == [q.record() for q in found.questions]
    assert local.shots == found.shots


def test_releases_of_ceval_and_cmmlu(tmp_path):
    for subject in ("accountant", "law"):
        for split in ("val", "dev"):
            rows = [{"id": i, "question": f"{subject} {split} {i}", **ABCD, "answer": "C"} for i in range(2)]
            path = tmp_path / "ceval-exam" / split / f"{subject}_{split}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(csv(rows))
            path = tmp_path / "cmmlu" / split.replace("val", "test") / f"{subject}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            rows = [{"": i, "Question": f"{subject} {split} {i}", **ABCD, "Answer": "C"} for i in range(2)]
            path.write_bytes(csv(rows))
        path = tmp_path / "ceval-exam" / "test" / f"{subject}_test.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(csv([{"id": 0, "question": "q", **ABCD}]))
    found = load(str(tmp_path / "ceval-exam"), "val")
    assert [q.id for q in found.questions] == ["accountant/0", "accountant/1", "law/0", "law/1"]
    assert {(q.exam, q.answer) for q in found.questions} == {("ceval", "C")}
    assert "ids start again in every subject: its name stands before them" in found.reading
    assert [q.question for q in found.shots["law"]] == ["law dev 0", "law dev 1"]
    assert load("ceval", "val", data_dir=str(tmp_path)).describe()["sha256"] == found.describe()["sha256"]
    with pytest.raises(UserError, match=r"no column for the answer; it has id, question, A, B, C, D.*use one that has"):
        load(str(tmp_path / "ceval-exam"), "test")
    with pytest.raises(UserError, match=r"--split test: the answers of ceval's test are withheld; it has those of val"):
        load("ceval", "test")
    found = load("cmmlu", "test", data_dir=str(tmp_path))
    assert [q.id for q in found.questions] == [f"{s}/test/{i}" for s in ("accountant", "law") for i in range(2)]
    assert {(q.exam, q.answer) for q in found.questions} == {("cmmlu", "C")}


def test_mmlu_redux_asks_what_its_annotators_found_no_fault_with(hub):
    hub.pop("asked")
    row = BY_SUBJECT["mmlu_redux"][0]
    bad = {**row, "question": "bad", "error_type": "wrong_groundtruth", "correct_answer": "2"}
    hub["law", "test"] = [row, bad]
    found = load("mmlu_redux", "test")
    assert [q.question for q in found.questions] == [row["question"]]
    assert any("left out, since their `error_type` is not 'ok': 1" in note for note in found.reading)


def test_triviaqa_s_questions_of_two_kinds_of_evidence_are_merged(tmp_path):
    row = ROWS["triviaqa"][1]
    other = {**row, "answer": {**row["answer"], "aliases": ["Jorvik"]}}
    folder = tmp_path / "trivia_qa" / "rc.nocontext"
    folder.mkdir(parents=True)
    (folder / "validation-00000-of-00001.parquet").write_bytes(parquet([row, other]))
    found = load("triviaqa", "validation", data_dir=str(tmp_path))
    assert ([shown(q)[3:] for q in found.questions], found.merged) == ([("York City", ["York", "Jorvik"])], 1)


def test_a_published_set_that_contradicts_itself_is_asked_without_that_question(hub):
    hub.pop("asked")
    row = ROWS["mmlu_pro"][1]
    wrong = {**row, "answer": "A", "answer_index": 0, "question_id": 71}
    hub[None, "test"] = [row, wrong, {**row, "question": "Other?", "question_id": 72}]
    hub[None, "validation"] = [row]
    found = load("mmlu_pro", "test")
    assert [q.id for q in found.questions] == ["72"]
    assert "2 left out that give one question two answers" in found.reading


def test_splits_that_a_set_has_not_and_those_withheld(hub):
    with pytest.raises(UserError, match=r"--split test: simpleqa_verified has eval; give one of them"):
        load("simpleqa_verified", "test")
    with pytest.raises(
        UserError, match=r"--split test: the answers of triviaqa's test are withheld; .* train, validation"
    ):
        load("triviaqa", "test")
    hub.pop("asked")
    row = ROWS["boolq"][1]
    hub[None, "validation"] = [row]
    assert [q.id for q in load("boolq", "val").questions] == ["boolq/val/0"]


def test_columns_are_of_files_and_hub_ids_not_of_sets_by_name(hub):
    hub.pop("asked")
    hub[None, "test"] = [ROWS["simpleqa"][1]]
    assert (
        load("simpleqa", "test", columns={"question": "metadata", "answer": "metadata"}).questions[0].answer
        == "Ada Ruh"
    )
    hub[None, "test"] = [{"frage": "q", "antwort": "a", "bild": b"..."}]
    found = load("nobody/anything", "test", columns={"question": "frage", "answer": "antwort"})
    assert (found.name, found.questions[0].answer, found.questions[0].id) == ("anything", "a", "anything/test/0")


def test_any_set_of_the_hub_with_its_named_classes(hub, monkeypatch):
    features = datasets.Features(
        {"question": datasets.Value("string"), "choices": datasets.Sequence(datasets.Value("string")),
         "answer": datasets.ClassLabel(names=["A", "B"])}
    )  # fmt: skip
    rows = datasets.Dataset.from_list([{"question": "q", "choices": ["x", "y"], "answer": 1}], features=features)
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: rows)
    found = load("nobody/quiz/hard", "test")
    assert (found.name, found.questions[0].answer, found.reading[0]) == ("quiz-hard", "B", "answer: letter")


def test_a_text_that_pandas_takes_for_none_is_a_text(tmp_path, monkeypatch):
    """Through ``datasets`` itself, which reads CSV by pandas: a folder stands for the hub."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "test.csv").write_text("question,answer\nHow many?,None\nWhat is not a number?,NaN\n")
    found = table(str(tmp_path), None, "test")
    assert [row["answer"] for _, row in found.rows] == ["None", "NaN"]
    assert found.names == ["question", "answer"]


HUB_ENDS = {
    "no network": (
        ConnectionError("Couldn't reach 'x' on the Hub"),
        "there is none of this name; else set HF_ENDPOINT",
    ),
    "gated": (
        datasets.exceptions.DatasetNotFoundError(
            "Dataset 'x' is a gated dataset on the Hub. You must be authenticated"
        ),
        "it is gated: accept its terms",
    ),
    "a program": (
        ValueError("The repository contains custom code. Set trust_remote_code=True"),
        "it is a program, which is not",
    ),
    "a script": (
        RuntimeError("Dataset scripts are no longer supported, but found x.py"),
        "it is a program, which is not run",
    ),
    "no configuration": (
        ValueError("Config name is missing.\nPlease pick one among the available configs: ['a', 'b']"),
        "['a', 'b']",
    ),
    "no split": (ValueError("Unknown split \"test\". Should be one of ['eval']."), "['eval']"),
}


@pytest.mark.parametrize(("error", "says"), HUB_ENDS.values(), ids=HUB_ENDS)
def test_one_line_for_what_the_hub_does_not_give(monkeypatch, error, says):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(datasets, "load_dataset_builder", fail)
    with pytest.raises(UserError, match=r"--dataset nobody/quiz: nobody/quiz split test cannot be loaded") as e:
        load("nobody/quiz", "test")
    assert says in str(e.value)
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("name", sets.FILES)
def test_sets_that_are_files_say_where_they_are(name):
    with pytest.raises(UserError, match=f"--dataset {name}: .*give"):
        load(name, "test")


def test_kuq_s_file_among_others(tmp_path):
    folder = tmp_path / "KUQ"
    folder.mkdir()
    row = ROWS["kuq"][1]
    (folder / "knowns_unknowns.jsonl").write_bytes(
        lines([row, {**row, "question": "Why?", "unknown": True, "answer": None}])
    )
    (folder / "unknowns_all.jsonl").write_bytes(lines([{"question": "other"}]))
    found = load("kuq", "train", data_dir=str(tmp_path))
    assert [(q.question, q.should_abstain) for q in found.questions] == [("Who?", False), ("Why?", True)]
    assert splits_of("kuq", str(tmp_path)) == ["train"]


def test_selfaware_as_it_is_published(tmp_path):
    rows = [
        {"question_id": 3, "question": "When?", "answer": ["1911"], "answerable": True, "source": "quora"},
        {"question_id": 4, "question": "Why?", "answer": None, "answerable": False, "source": "quora"},
    ]
    path = tmp_path / "SelfAware.json"
    path.write_text(json.dumps({"example": rows}))
    found = load(str(path), "test").questions
    assert [(q.id, q.answer, q.should_abstain) for q in found] == [("3", "1911", False), ("4", None, True)]


def test_r_tuning_s_open_layouts(tmp_path):
    hotpot = [{"_id": "5a", "question": "Were both?", "answer": "no", "context": [["x", ["s"]]], "level": "hard"}]
    (tmp_path / "hotpot_10k.json").write_text(json.dumps(hotpot))
    (q,) = load(str(tmp_path / "hotpot_10k.json"), "train").questions
    assert (q.id, q.question, q.answer, q.choices) == ("5a", "Were both?", "no", None)
    fever = [
        {"evidence": ["Elm Hall is old.", "It burnt."], "claim": "Elm Hall is new.", "label": "REFUTES"},
        {"evidence": ["Oak."], "claim": "Oak is tall.", "label": "NOT ENOUGH INFO"},
    ]
    (tmp_path / "fever_10k.json").write_text(json.dumps(fever))
    found = load(str(tmp_path / "fever_10k.json"), "train").questions
    assert [q.answer for q in found] == ["B", "C"]
    assert found[0].choices == ["SUPPORTS", "REFUTES", "NOT ENOUGH INFO"]
    assert found[0].question == (
        "Evidence:Elm Hall is old. It burnt.\nClaim:Elm Hall is new.\nQuestion:Does the evidence support the claim?"
    )
    wice = [{"evidence": ["x"], "claim": "y", "label": "partially_supported"}]
    (tmp_path / "wice.json").write_text(json.dumps(wice))
    assert load(str(tmp_path / "wice.json"), "train").questions[0].answer == "B"
    pararel = [["Where is Oslo?", "Norway", "country"], ["Where is Oslo?", "Europe", "continent"]]
    (tmp_path / "pararel.json").write_text(json.dumps(pararel))
    found = load(str(tmp_path / "pararel.json"), "train")
    assert [(q.answer, q.aliases) for q in found.questions] == [("Norway", ["Europe"])]
    assert any("nothing in common" in note for note in found.reading)
