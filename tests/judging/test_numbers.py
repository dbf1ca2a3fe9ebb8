"""Numbers, dates, units and spellings as they are compared."""

import pytest

from knowledge_boundary.judging.dates import in_order
from knowledge_boundary.judging.numerals import in_another_language, in_digits
from knowledge_boundary.judging.units import converted, with_units
from knowledge_boundary.judging.word_forms import misspelt, nearly, same_field
from knowledge_boundary.judging.words import words_of


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("World War II", "World War 2"),
        ("Louis the Fourteenth", "Louis 14"),
        ("Washington DC", "Washington DC"),
        ("Paris I think", "Paris I think"),
        ("three quarters", "0.75"),
        ("one third", "1over3"),
        ("two dozen", "24"),
        ("2 1/2", "2.5"),
        ("6.02x10^23", "602000000000000000000000"),
        ("25 000 and 1 000 000", "25000 and 1000000"),
        ("二十四", "24"),
        ("一九四九年十月一日", "1949年10月1日"),
        ("1亿2000万", "120000000"),
        ("百分之五十", "50%"),
        ("统一", "统一"),
        ("十分", "十分"),
        ("the 1st", "the 1st"),
    ],
)
def test_numbers_in_digits(text, digits):
    assert in_digits(text) == digits


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("5km", "5 kilometer"),
        ("£5m", "5000000 gbp"),
        ("100 per cent", "100 percent"),
        ("37 °C", "37 celsius"),
        ("60 miles per hour", "60 mileperhour"),
        ("5公里", "5 kilometer"),
        ("the 80s", "the 80s"),
        ("5 in 1945", "5 in 1945"),
        ("40 cats", "40 cats"),
    ],
)
def test_units_have_one_name(text, units):
    assert " ".join(with_units(text).split()) == units


def test_equal_amounts():
    assert ("5000", "meter") in converted(("5", "kilometer"))
    assert ("5", "kilometer") in converted(("5000", "meter"))
    assert ("42", "day") in converted(("6", "week"))
    assert ("0.5",) in converted(("50", "percent"))
    assert ("100", "gbp") in converted(("100", "pound"))
    assert converted(("5",)) == converted(("5", "usd", "x")) == []


@pytest.mark.parametrize(
    ("text", "dates"),
    [
        ("March 15, 44 BC", "44 bc March 15th"),
        ("4.7.1776", "1776 July 4th"),
        ("7/4/1776", "1776 July 4th"),
        ("AD 79", "79"),
        ("the 1800s", "the 19th century"),
        ("3 p.m.", "15 00 oclock"),
        ("下午3点", "15 00 oclock"),
        ("公元前221年", "221 bc"),
    ],
)
def test_dates_in_one_order(text, dates):
    assert " ".join(in_order(text).split()) == dates


def test_a_date_that_can_be_read_in_two_ways():
    assert words_of("7/4/1776").words == ("1776", "july", "4th")
    assert words_of("7/4/1776", day_first=True).words == ("1776", "april", "7th")


def test_numbers_of_other_languages():
    assert in_another_language("siebenundzwanzig") == "27"
    assert in_another_language("двадцать один.") == "21"
    assert in_another_language("Paris") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("C++", "c++"),
        ("O-", "o-"),
        ("O negative", "o-"),
        ("Tom &amp; Jerry", "tom and jerry"),
        ("臺北", "台 北"),
        ("J. K. Rowling", "jk rowling"),
        ("the colours of mice", "color of mouse"),
        ("minus five", "-5"),
        ("H₂O", "h2o"),
        ("١٩٧٣", "1973"),
    ],
)
def test_one_word_for_what_is_one(text, words):
    assert " ".join(words_of(text).words) == words


def test_forms_of_a_word():
    assert same_field("philosophy", "philosopher")
    assert same_field("italian", "italy")
    assert same_field("singer", "sang")
    assert not same_field("niger", "nigerian")
    assert not same_field("paris", "parisian")
    assert not same_field("x", "x")
    assert misspelt("gandhi", "ghandi")
    assert misspelt("mississippi", "missisippi")
    assert not misspelt("gambia", "zambia")
    assert not misspelt("dominica", "dominican")
    assert nearly("edvard", "edward")
    assert nearly("clark", "clarke")
    assert not nearly("henry", "harry")
