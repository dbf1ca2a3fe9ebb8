"""Hand-made corrections and selections for make_world_facts.py: what the packages get wrong or leave open.

Country keys are ISO 3166 alpha-2 codes, currency keys ISO 4217 codes. Tables list names with ";" between them.
"""

from names import words

# Not asked about at all: territories, dissolved states, and states whose borders or capital are widely disputed.
LEFT_OUT_COUNTRIES = words(
    """AI AN AQ AS AW AX BL BM BQ BV CC CK CS CW CX EH FK FO GF GG GI GL GP GS GU HK HM IL IM IO JE KY MF MO MP MQ MS
    NC NF NU PF PM PN PR PS RE SH SJ SX TC TF TK TW UM VA VG VI WF XK YT"""
)
# English names where a person would not use the package's.
COUNTRY_NAME = {"CV": "Cape Verde", "CZ": "Czech Republic", "NL": "Netherlands", "TL": "East Timor"}
WITH_THE = words("AE BS CD CF CG CZ DO GB GM KM MH MV NL PH SB US")
# "Georgia" alone could be the US state.
COUNTRY_IN_QUESTION = {"GE": "the country of Georgia"}
# No alias that is part of another country's name: answers are searched for it as whole words ("Korea", "Congo").
COUNTRY_ALIASES = {
    "AE": "UAE; Emirates",
    "AG": "Antigua",
    "BA": "Bosnia; Bosnia-Herzegovina; BiH",
    "BN": "Brunei Darussalam",
    "CD": "DR Congo; DRC; Congo-Kinshasa; Democratic Republic of Congo",
    "CF": "CAR",
    "CG": "Congo-Brazzaville; Congo Republic; Republic of Congo",
    "CI": "Côte d'Ivoire",
    "CN": "People's Republic of China; PRC",
    "CV": "Cabo Verde",
    "CZ": "Czechia",
    "FM": "Federated States of Micronesia",
    "GB": "UK; Great Britain; Britain",
    "GM": "The Gambia",
    "IE": "Republic of Ireland",
    "IR": "Islamic Republic of Iran",
    "KN": "St. Kitts",
    "KP": "DPRK",
    "KR": "Republic of Korea",
    "LA": "Lao PDR",
    "MD": "Republic of Moldova",
    "MK": "Macedonia",
    "MM": "Burma",
    "NL": "Holland",
    "PG": "PNG",
    "RU": "Russian Federation",
    "ST": "Sao Tome",
    "SY": "Syrian Arab Republic",
    "SZ": "Swaziland",
    "TL": "Timor-Leste; Timor Leste",
    "TR": "Türkiye",
    "TT": "Trinidad",
    "TZ": "United Republic of Tanzania",
    "US": "United States of America; USA; US; America",
    "VC": "St. Vincent",
    "VN": "Viet Nam",
}
# Pairs that a short answer does not tell apart, so that neither is a wrong choice where the other is right.
CONFUSABLE_COUNTRIES = [{"CD", "CG"}, {"KP", "KR"}, {"GN", "GW", "GQ"}, {"SD", "SS"}, {"DM", "DO"}]

# The form people use first (the package's is outdated, plain ASCII or another place), then what else is right.
CAPITALS = {
    "AG": "Saint John's",
    "BI": "Gitega; Bujumbura",
    "BJ": "Porto-Novo; Cotonou",
    "BO": "Sucre; La Paz",
    "BR": "Brasília",
    "CH": "Bern; Berne",
    "CI": "Yamoussoukro; Abidjan",
    "CL": "Santiago; Santiago de Chile",
    "CM": "Yaoundé",
    "CN": "Beijing; Peking",
    "CO": "Bogotá; Santafé de Bogotá",
    "CR": "San José",
    "GD": "St. George's",
    "ID": "Jakarta; Nusantara",
    "IN": "New Delhi; Delhi",
    "IR": "Tehran; Teheran",
    "KI": "South Tarawa; Tarawa",
    "KZ": "Astana; Nur-Sultan",
    "LK": "Sri Jayawardenepura Kotte; Colombo; Kotte; Sri Jayewardenepura Kotte",
    "MD": "Chișinău; Kishinev",
    "MM": "Naypyidaw; Nay Pyi Taw; Naypyitaw",
    "MN": "Ulaanbaatar; Ulan Bator",
    "MV": "Malé",
    "MY": "Kuala Lumpur; Putrajaya; KL",
    "NL": "Amsterdam; The Hague",
    "PW": "Ngerulmud; Melekeok",
    "PY": "Asunción",
    "SA": "Riyadh; Riyad",
    "SO": "Mogadishu; Muqdisho",
    "SZ": "Mbabane; Lobamba",
    "TD": "N'Djamena",
    "TG": "Lomé",
    "TM": "Ashgabat; Ashkhabad",
    "TO": "Nuku'alofa",
    "TZ": "Dodoma; Dar es Salaam",
    "UA": "Kyiv; Kiev",
    "US": "Washington, D.C.; Washington; Washington DC; District of Columbia",
    "YE": "Sanaa",
    "ZA": "Pretoria; Cape Town; Bloemfontein; Tshwane",
}
# No capital by law (Nauru) or one that is moving now (Equatorial Guinea); in reverse, a capital only in part.
NO_CAPITAL_QUESTION = {"NR", "GQ"}
NO_REVERSE_CAPITAL_QUESTION = {"NR", "GQ", "LK"}

CONTINENT = {
    "AF": "Africa",
    "AS": "Asia",
    "EU": "Europe",
    "NA": "North America",
    "OC": "Oceania",
    "SA": "South America",
}
# On two continents, or on one by geography and another by custom.
NO_CONTINENT_QUESTION = words("AM AZ CY EG GE KZ RU TL TR TT")
CENTRAL_AMERICA = words("BZ CR GT HN NI PA SV")

ELEMENT_ALIASES = {
    "aluminum": "Aluminium",
    "cesium": "Caesium",
    "sulfur": "Sulphur",
    "tungsten": "Wolfram",
    "mercury": "Quicksilver",
}

# Main language: asked only where one language is both official (or so in fact) and the one most people speak.
NO_LANGUAGE_QUESTION = words(
    """BF BJ BY BZ CD CG CI CV ET FJ FM GA GH GM GN GW IN LC LR ML ME MZ NA NE PK SB SL SN SS TG ZA ZM"""
)
MAIN_LANGUAGE = {
    "AZ": "Azerbaijani; Azeri",
    "BD": "Bengali; Bangla",
    "BI": "Kirundi; Rundi",
    "BO": "Spanish",
    "BW": "Setswana; Tswana",
    "CA": "English",
    "CN": "Chinese; Mandarin; Mandarin Chinese; Standard Chinese; Putonghua",
    "CY": "Greek",
    "DZ": "Arabic; Algerian Arabic",
    "EC": "Spanish",
    "EG": "Arabic; Egyptian Arabic",
    "ES": "Spanish; Castilian",
    "FI": "Finnish",
    "HT": "Haitian Creole; Haitian; Kreyòl",
    "ID": "Indonesian; Bahasa Indonesia; Bahasa",
    "IE": "English",
    "IQ": "Arabic; Iraqi Arabic",
    "IR": "Persian; Farsi",
    "JM": "English; Jamaican Patois; Patois; Jamaican English; Jamaican Creole",
    "KG": "Kyrgyz; Kirghiz",
    "KH": "Khmer; Cambodian",
    "LA": "Lao; Laotian",
    "LI": "German",
    "LK": "Sinhala; Sinhalese",
    "LS": "Sesotho; Southern Sotho; Sotho",
    "MA": "Arabic; Moroccan Arabic; Darija",
    "MD": "Romanian; Moldovan",
    "MG": "Malagasy",
    "MM": "Burmese",
    "MR": "Arabic; Hassaniya; Hassaniya Arabic",
    "MT": "Maltese",
    "MV": "Dhivehi; Divehi; Maldivian",
    "MY": "Malay; Bahasa Malaysia; Malaysian; Bahasa Melayu; Bahasa",
    "NO": "Norwegian; Bokmål; Norwegian Bokmål",
    "NZ": "English",
    "PE": "Spanish",
    "PH": "Filipino; Tagalog",
    "RS": "Serbian; Serbo-Croatian",
    "RW": "Kinyarwanda",
    "SD": "Arabic; Sudanese Arabic",
    "SI": "Slovene; Slovenian",
    "SO": "Somali",
    "SZ": "Swazi; Swati; siSwati",
    "TN": "Arabic; Tunisian Arabic",
    "TO": "Tongan",
    "TZ": "Swahili; Kiswahili",
    "UA": "Ukrainian",
    "WS": "Samoan",
}
# One language under two names, or so close that speakers understand each other: never a wrong choice for each other.
SIMILAR_LANGUAGES = [
    {"Serbian", "Croatian", "Bosnian", "Montenegrin", "Slovene"},
    {"Malay", "Indonesian"},
    {"Bulgarian", "Macedonian"},
    {"Czech", "Slovak"},
    {"Persian", "Tajik"},
    {"Turkish", "Azerbaijani"},
    {"Setswana", "Sesotho"},
    {"Kinyarwanda", "Kirundi", "Swahili"},
    {"Thai", "Lao"},
]

# Neighbours: the package counts Guantánamo as a land border and lacks some real ones (overseas parts included).
NOT_BORDERS = [("CU", "US")]
MORE_BORDERS = [
    ("BW", "ZM"),
    ("CA", "DK"),
    ("CY", "GB"),
    ("ES", "GB"),
    ("FR", "BR"),
    ("FR", "SR"),
    ("FR", "NL"),
    ("MA", "MR"),
]
# Joined by a bridge, tunnel or causeway, or across a disputed strip: not asked, and not a wrong choice either.
NEARLY_BORDERS = [
    ("BH", "SA"),
    ("DK", "SE"),
    ("FR", "GB"),
    ("SG", "MY"),
    ("AF", "IN"),
    ("CR", "SV"),
    ("GB", "NL"),
    ("NA", "ZW"),
    ("IN", "LK"),
    ("AE", "QA"),
]
# The neighbour one would name first, where the most populous one is not it (exclaves, short borders).
NEIGHBOUR_FIRST = {"AF": "PK", "LT": "LV", "NO": "SE", "PL": "DE"}
NEIGHBOUR_ALIASES = {"PS": "Palestine", "VA": "Vatican City; Holy See"}
NO_NEIGHBOUR_QUESTION = {"CY", "DK", "SG", "MA", "GB", "AU"}
