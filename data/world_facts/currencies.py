"""Hand-made corrections of currencies for make_world_facts.py. Keys are ISO codes, names are parted by ";"."""

from names import words

# Changed after the package's data (Bulgaria: euro since 2026), or changing too often to ask (Zimbabwe).
NO_CURRENCY_QUESTION = {"BG", "ZW"}
# The short name (of the multiple choice, and the answer where no other country's money has it), then other accepted
# names; those in SHARED_UNITS are dropped as answers. The qualified name ("Japanese yen") and the code come from the
# packages.
CURRENCIES = {
    "AOA": "Kwanza",
    "BAM": "Convertible mark; Mark; Marka; Bosnian mark",
    "BOB": "Boliviano",
    "BYN": "Ruble; Rouble; Belarusian rouble",
    "CHF": "Franc",
    "CNY": "Yuan; Renminbi; RMB; Yuan Renminbi; Chinese renminbi",
    "CRC": "Colón",
    "CZK": "Koruna; Crown; Czech crown",
    "DKK": "Krone; Crown; Danish crown",
    "EUR": "Euro",
    "FJD": "Dollar; Fiji dollar",
    "GBP": "Pound; Pound sterling; Sterling; Great British pound",
    "GYD": "Dollar; Guyanese dollar",
    "IRR": "Rial; Toman; Riyal",
    "ISK": "Króna; Crown; Icelandic crown",
    "KGS": "Som; Kyrgyzstani som; Kyrgyz som",
    "KHR": "Riel",
    "LBP": "Pound; Lira; Lebanese lira",
    "LSL": "Loti; Maloti; South African rand; Rand",
    "LAK": "Kip; Lao kip",
    "MMK": "Kyat; Burmese kyat",
    "MNT": "Tugrik; Tögrög; Mongolian tögrög",
    "NAD": "Dollar; South African rand; Rand",
    "NIO": "Córdoba; Córdoba oro",
    "NOK": "Krone; Crown; Norwegian crown",
    "OMR": "Rial; Riyal; Omani riyal",
    "PAB": "Balboa; US dollar; Dollar; USD",
    "PEN": "Sol; Nuevo sol",
    "PLN": "Zloty; Złoty; Polish złoty",
    "QAR": "Riyal; Rial; Qatari rial",
    "RUB": "Ruble; Rouble; Russian rouble",
    "SAR": "Riyal; Rial; Saudi Arabian riyal; Saudi rial",
    "SEK": "Krona; Crown; Swedish crown",
    "SYP": "Pound; Lira; Syrian lira",
    "SZL": "Lilangeni; Emalangeni; South African rand; Rand",
    "TOP": "Pa'anga",
    "UAH": "Hryvnia; Hryvnya",
    "USD": "US dollar; Dollar; United States dollar; American dollar; U.S. dollar",
    "UZS": "Som; Sum; Soum; Uzbek som",
    "VES": "Bolívar; Bolívar soberano; Bolívar digital",
    "VND": "Dong; Đồng",
    "XAF": "CFA franc; Franc; Central African franc; Franc CFA",
    "XCD": "East Caribbean dollar; Dollar; Eastern Caribbean dollar",
    "XOF": "CFA franc; Franc; West African franc; Franc CFA",
    "YER": "Rial; Riyal; Yemeni riyal",
}
# Units of several countries' money. The unit alone is no answer, since it stands in the other countries' as well; the
# answer says whose it is. As norm() writes them: "krona" is Icelandic too, "lira" is Syrian and Lebanese too.
SHARED_UNITS = words(
    """crown dinar dirham dollar franc krona krone kwacha leu lira manat peso pound rial riyal rouble ruble rupee
    shilling som won"""
)
# What to say for those, first the answer, where Babel's name is not the common one or not the only one.
QUALIFIED_CURRENCY = {
    "AED": "UAE dirham; Emirati dirham",
    "ARS": "Argentine peso; Argentinian peso; Argentinean peso",
    "AZN": "Azerbaijani manat; Azerbaijan manat; Azeri manat",
    "BBD": "Barbadian dollar; Barbados dollar",
    "BIF": "Burundian franc; Burundi franc",
    "BND": "Brunei dollar; Bruneian dollar",
    "BSD": "Bahamian dollar; Bahamas dollar",
    "BYN": "Belarusian ruble; Belarusian rouble; Belarus ruble",
    "BZD": "Belize dollar; Belizean dollar",
    "DJF": "Djiboutian franc; Djibouti franc",
    "DKK": "Danish krone; Danish kroner",
    "GBP": "Pound sterling; Pounds sterling; British pound; UK pound",
    "GNF": "Guinean franc; Guinea franc",
    "GYD": "Guyanese dollar; Guyana dollar",
    "IRR": "Iranian rial; Iranian riyal; Iranian toman",
    "ISK": "Icelandic króna; Icelandic krónur",
    "KES": "Kenyan shilling; Kenya shilling",
    "KGS": "Kyrgyzstani som; Kyrgyz som; Kyrgyzstan som",
    "KMF": "Comorian franc; Comoran franc",
    "KRW": "South Korean won; Republic of Korea won",
    "MUR": "Mauritian rupee; Mauritius rupee",
    "NAD": "Namibian dollar; Namibia dollar",
    "NOK": "Norwegian krone; Norwegian kroner",
    "NPR": "Nepalese rupee; Nepali rupee",
    "PHP": "Philippine peso; Filipino peso",
    "QAR": "Qatari riyal; Qatar riyal",
    "SAR": "Saudi riyal; Saudi Arabian riyal",
    "SCR": "Seychellois rupee; Seychelles rupee",
    "SEK": "Swedish krona; Swedish kronor",
    "SGD": "Singapore dollar; Singaporean dollar",
    "SRD": "Surinamese dollar; Suriname dollar",
    "TMT": "Turkmenistani manat; Turkmen manat; Turkmenistan manat",
    "TTD": "Trinidad and Tobago dollar; Trinidadian dollar; TT dollar",
    "UGX": "Ugandan shilling; Uganda shilling",
    "UZS": "Uzbekistani som; Uzbek som; Uzbekistan som; Uzbek sum; Uzbekistani sum",
}
BTN_ALSO = "Indian rupee; Rupee"  # legal tender in Bhutan beside the ngultrum
PLURAL_IN_S = words("dollar peso franc pound rupee dinar shilling euro ruble rouble crown")
# Dollars are in daily use beside the country's own money (in El Salvador the colón still is by law): no wrong choice.
DOLLARS_IN_USE = words("AR CR CU HT KH LB NI PE SV UY VE")
# Users of another country's money say whose it is.
FOREIGN_CURRENCY = {"KI": "AUD", "NR": "AUD", "TV": "AUD", "LI": "CHF"}
# Codes that are English words would count a sentence such as "ALL of them" as an answer.
CODES_THAT_ARE_WORDS = {"ALL", "BAM", "COP", "CUP", "GEL", "MAD", "PEN", "SOS", "TOP", "TRY"}
# Near-identical names: none of a group is a wrong choice where another is right.
SIMILAR_CURRENCIES = [
    {"krona", "krone", "koruna", "crown"},
    {"rial", "riyal", "real", "toman"},
    {"dinar", "denar"},
    {"leu", "lev", "lek"},
    {"som", "somoni", "sum"},
    {"pound", "lira", "sterling"},
    {"yuan", "renminbi"},
    {"kwanza", "kwacha"},
    {"riel", "real"},
]
# Used in one country only today, but known from another too (Italy's lira, the Slovak koruna, Portugal's escudo, El
# Salvador's colón, Germany's mark, Taiwan's yuan), or legal tender in a neighbour (the rand): not asked in reverse.
NO_REVERSE_CURRENCY = words("lira koruna escudo rand yuan colon") | {"convertible mark"}
