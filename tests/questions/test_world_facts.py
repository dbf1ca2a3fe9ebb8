"""The committed question set world_facts: counts, splits by entity, and that every question has one right answer."""

import csv
import json
import re
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from knowledge_boundary.judging.words import words_of

FOLDER = Path(__file__).resolve().parents[2] / "data" / "world_facts"
SPLITS = ["train", "dev", "test", "ood"]
AT_LEAST = {"train": 1000, "dev": 250, "test": 350, "ood": 300}
KEYS = ["id", "subject", "question", "choices", "answer", "aliases"]
NUMERICAL = "element_number"
# kind, its reverse, and the text around the entity in each question
REVERSED = [
    ("country_capital", "What is the capital of (.+)[?]", "capital_country", "(.+) is the capital of which country[?]"),
    ("country_currency", "What is the currency of (.+)[?]", "currency_country", "Which .* uses the (.+) as its .*"),
    ("element_symbol", "What is the chemical symbol for (.+)[?]", "symbol_element", "Which .* has the symbol (.+)[?]"),
    (
        "state_capital",
        "What .* US state of (.+)[?]",
        "capital_state",
        "(.+) is the capital of which US state[?]",
    ),
    (
        "state_abbreviation",
        "What .* abbreviation for (.+)[?]",
        "abbreviation_state",
        "Which .* abbreviation (.+)[?]",
    ),
]
# Units of several countries' money: on their own no answer, since "US dollar" would be right for Canada.
SHARED_UNITS = ["crown", "dinar", "dirham", "dollar", "franc", "krona", "krone", "kwacha", "leu", "lira", "manat"]
SHARED_UNITS += ["peso", "pound", "rial", "riyal", "rouble", "ruble", "rupee", "shilling", "som", "won"]
# An answer that stands in an answer of another question, and no alias can help it: the names are like that.
CONTAINED = {
    ("guinea", "equatorial guinea"),
    ("guinea", "guinea bissau"),
    ("guinea", "papua new guinea"),
    ("ireland", "northern ireland"),  # the latter is accepted for cities of the United Kingdom
    ("republic of congo", "democratic republic of congo"),  # a gold; bare "Congo" is accepted for neither
    ("sudan", "south sudan"),
    ("virginia", "west virginia"),
    ("sudanese pound", "south sudanese pound"),
    # Two currencies at par of one name, which hardly anyone calls West or Central African.
    ("cfa franc", "central african cfa franc"),
    ("cfa franc", "west african cfa franc"),
    ("oceania", "australia and oceania"),  # the same continent
    # Kinds of the same language.
    ("arabic", "algerian arabic"),
    ("arabic", "egyptian arabic"),
    ("arabic", "hassaniya arabic"),
    ("arabic", "iraqi arabic"),
    ("arabic", "moroccan arabic"),
    ("arabic", "sudanese arabic"),
    ("arabic", "tunisian arabic"),
    ("croatian", "serbo croatian"),
    ("english", "jamaican english"),
}


def norm(text):
    text = "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))
    text = re.sub(r"[^a-z0-9 ]", "", text.replace("-", " "))
    return " ".join(word for word in text.split() if word not in {"a", "an", "the"})


def entity(text):
    return norm(text).removeprefix("country of ")


def accepted(record):
    return {norm(text) for text in [record["answer"], *record["aliases"]]}


def read_open(split):
    return [json.loads(line) for line in (FOLDER / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()]


def read_choices(folder):
    rows = {}
    for path in sorted((FOLDER / "mc" / folder).glob("*.csv")):
        assert path.name.endswith(f"_{folder}.csv"), path
        with open(path, encoding="utf-8", newline="") as lines:
            rows[path.name.removesuffix(f"_{folder}.csv")] = list(csv.reader(lines))
    return rows


@pytest.fixture(scope="module")
def questions():
    return {split: read_open(split) for split in SPLITS}


@pytest.fixture(scope="module")
def choices():
    return {folder: read_choices(folder) for folder in ["dev", "train", "val", "test", "ood"]}


@pytest.fixture(scope="module")
def by_question(questions):
    return {record["question"]: record for records in questions.values() for record in records}


def kinds(records):
    return {record["subject"] for record in records}


def test_counts(questions):
    for split, least in AT_LEAST.items():
        assert len(questions[split]) >= least, split
    assert sum(map(len, questions.values())) >= 2000


def test_kinds(questions):
    inside = kinds(questions["train"])
    assert len(inside) >= 8
    assert kinds(questions["dev"]) == inside
    assert kinds(questions["test"]) == inside
    assert len(kinds(questions["ood"])) >= 2
    assert not kinds(questions["ood"]) & inside


def test_numerical_kinds_are_few(questions):
    subjects = Counter(r["subject"] for split in ["train", "dev", "test"] for r in questions[split])
    assert subjects[NUMERICAL] <= 0.08 * subjects.total()


def test_records(questions):
    for split in SPLITS:
        indices = Counter()
        for record in questions[split]:
            assert list(record) == KEYS
            subject = record["subject"]
            assert record["id"] == f"{subject}/{split}/{indices[subject]}"
            indices[subject] += 1
            assert re.fullmatch("[a-z]+(_[a-z]+)*", subject)
            assert record["choices"] is None
            assert record["question"].endswith("?")
            assert record["answer"] == record["answer"].strip() != ""
            assert len(accepted(record)) == 1 + len(record["aliases"]), f"repeated answers in {record['id']}"


def test_ids_and_questions_are_unique(questions):
    records = [record for split in SPLITS for record in questions[split]]
    assert len({r["id"] for r in records}) == len(records)
    repeated = [text for text, n in Counter(norm(r["question"]) for r in records).items() if n > 1]
    assert repeated == []


def test_answer_is_not_in_the_question(questions):
    for split in SPLITS:
        for record in questions[split]:
            question, answer = norm(record["question"]), norm(record["answer"])
            inside = answer in question if len(answer) > 3 else answer in question.split()
            assert not inside, record["id"]


def test_no_answer_stands_in_the_answer_to_another_question(questions):
    accepts = {}
    for records in questions.values():
        for r in records:
            names = frozenset(" ".join(words_of(text).words) for text in [r["answer"], *r["aliases"]])
            accepts.setdefault(r["subject"], set()).add(names)
    found = set()
    for sets in accepts.values():
        longer = {name for names in sets for name in names if " " in name}
        for names in sets:
            found |= {(a, b) for b in longer - names for a in names if f" {a} " in f" {b} "}
    assert found == CONTAINED


def test_currencies_of_a_shared_unit_say_whose_they_are(questions):
    bare = {form for unit in SHARED_UNITS for form in [unit, unit + "s"]}
    records = [r for records in questions.values() for r in records if r["subject"] == "country_currency"]
    assert [r["id"] for r in records if accepted(r) & bare] == []
    assert sum(norm(r["answer"]).split()[-1] in bare for r in records) >= 70


@pytest.mark.parametrize(("kind", "ask", "reverse", "ask_reverse"), REVERSED)
def test_a_fact_and_its_reverse_are_in_one_split(questions, kind, ask, reverse, ask_reverse):
    split_of, forward, compared = {}, {}, 0
    for split in ["train", "dev", "test"]:
        for r in questions[split]:
            if r["subject"] == kind:
                name = entity(re.fullmatch(ask, r["question"])[1])
                split_of[name], forward[name] = split, accepted(r)
    for split in ["train", "dev", "test"]:
        for r in questions[split]:
            if r["subject"] == reverse and (name := entity(r["answer"])) in split_of:
                assert split_of[name] == split, r["id"]
                assert norm(re.fullmatch(ask_reverse, r["question"])[1]) in forward[name], r["id"]
                compared += 1
    assert compared >= 40


def test_all_questions_about_a_country_are_in_one_split(questions):
    patterns = [("country_capital", REVERSED[0][1]), ("country_currency", REVERSED[1][1])]
    patterns.append(("country_continent", "Which continent is (.+) in[?]"))
    splits = {}
    for split in ["train", "dev", "test"]:
        for r in questions[split]:
            for kind, pattern in patterns:
                if r["subject"] == kind:
                    splits.setdefault(entity(re.fullmatch(pattern, r["question"])[1]), set()).add(split)
    assert len(splits) >= 180
    assert [name for name, found in splits.items() if len(found) > 1] == []


def test_choices_hold_the_open_questions(questions, choices):
    shots = {subject: {row[0] for row in rows} for subject, rows in choices["dev"].items()}
    assert set(shots) == kinds(questions["train"]) | kinds(questions["ood"])
    assert {len(rows) for rows in choices["dev"].values()} == {5}
    for folder, split in [("train", "train"), ("val", "dev"), ("test", "test"), ("ood", "ood")]:
        for subject in kinds(questions[split]):
            held_out = shots[subject] if split in {"train", "ood"} else set()
            want = [r["question"] for r in questions[split] if r["subject"] == subject]
            assert held_out <= set(want)
            assert [row[0] for row in choices[folder][subject]] == [q for q in want if q not in held_out]
        assert set(choices[folder]) == kinds(questions[split])


def test_one_choice_is_right(choices, by_question):
    for folder, subjects in choices.items():
        for subject, rows in subjects.items():
            for question, *options, letter in rows:
                record = by_question[question]
                where = f"{folder}/{subject}: {question}"
                assert record["subject"] == subject, where
                assert len(options) == 4, where
                assert len({norm(option) for option in options}) == 4, where
                assert letter in set("ABCD"), where
                names = accepted(record)
                if subject == "country_currency":  # a choice is the unit alone: "Dollar" for "Canadian dollar"
                    names |= {name.split()[-1] for name in names}
                right = [x for x, option in zip("ABCD", options, strict=True) if norm(option) in names]
                assert right == [letter], where


def test_letters_are_balanced(choices):
    for folder, subjects in choices.items():
        letters = Counter(row[5] for rows in subjects.values() for row in rows)
        for letter in "ABCD":
            assert 0.2 <= letters[letter] / letters.total() <= 0.3, (folder, letters)


def test_size():
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if "__pycache__" not in path.parts) < 1_000_000
