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

# Large or well-known cities that are not capitals, under their English names; the package confirms the country.
CITIES = {
    "AE": "Dubai; Sharjah",
    "AF": "Herat; Kandahar; Mazar-i-Sharif",
    "AO": "Huambo; Lobito; Benguela",
    "AR": "Rosario; Mendoza; Mar del Plata; Bahía Blanca; Ushuaia",
    "AT": "Graz; Linz; Salzburg; Innsbruck; Klagenfurt",
    "AU": "Sydney; Melbourne; Brisbane; Perth; Adelaide; Hobart; Darwin; Cairns; Townsville; Geelong; Wollongong",
    "AZ": "Ganja; Sumgait",
    "BA": "Banja Luka; Mostar; Tuzla",
    "BD": "Chittagong; Khulna; Rajshahi; Sylhet",
    "BE": "Antwerp; Ghent; Bruges; Charleroi; Leuven; Namur",
    "BF": "Bobo-Dioulasso",
    "BG": "Plovdiv; Varna; Burgas",
    "BO": "Cochabamba; Oruro; Potosí",
    "BR": "São Paulo; Rio de Janeiro; Belo Horizonte; Fortaleza; Manaus; Curitiba; Recife; Porto Alegre; Campinas; "
    "Belém; Goiânia; Natal; Florianópolis",
    "BY": "Gomel; Vitebsk; Grodno",
    "CA": "Toronto; Montreal; Calgary; Edmonton; Winnipeg; Vancouver; Quebec City; Halifax; Mississauga; Saskatoon; "
    "Regina; Victoria",
    "CD": "Lubumbashi; Kisangani; Goma; Kananga; Bukavu",
    "CG": "Pointe-Noire",
    "CH": "Zurich; Geneva; Basel; Lausanne; Lucerne; Lugano; Winterthur",
    "CI": "Bouaké",
    "CL": "Valparaíso; Antofagasta; Punta Arenas; Temuco; Viña del Mar",
    "CM": "Douala; Bamenda; Garoua",
    "CN": "Shanghai; Shenzhen; Guangzhou; Chengdu; Tianjin; Wuhan; Xi'an; Nanjing; Hangzhou; Chongqing; Harbin; "
    "Qingdao; Dalian; Kunming; Urumqi; Lhasa",
    "CO": "Medellín; Cali; Barranquilla; Bucaramanga; Cartagena",
    "CR": "Limón",
    "CU": "Santiago de Cuba; Camagüey; Holguín; Guantánamo",
    "CZ": "Brno; Ostrava; Plzeň; Olomouc",
    "DE": "Hamburg; Munich; Cologne; Frankfurt; Stuttgart; Düsseldorf; Leipzig; Dresden; Dortmund; Nuremberg; "
    "Bremen; Hanover; Heidelberg; Bonn",
    "DK": "Aarhus; Odense; Aalborg",
    "DO": "Puerto Plata; La Romana",
    "DZ": "Oran; Constantine; Annaba",
    "EC": "Guayaquil; Ambato",
    "EE": "Tartu; Narva",
    "EG": "Alexandria; Giza; Luxor; Aswan; Port Said; Suez",
    "ES": "Barcelona; Valencia; Seville; Bilbao; Zaragoza; Málaga; Granada; Murcia; Salamanca; San Sebastián",
    "ET": "Dire Dawa; Gondar; Bahir Dar",
    "FI": "Tampere; Turku; Oulu; Espoo; Rovaniemi",
    "FR": "Marseille; Lyon; Nice; Toulouse; Bordeaux; Strasbourg; Nantes; Lille; Montpellier; Grenoble; Dijon; "
    "Cannes; Reims",
    "GB": "Birmingham; Glasgow; Manchester; Sheffield; Leeds; Edinburgh; Liverpool; Cardiff; Belfast; Nottingham; "
    "Oxford; Aberdeen; Leicester; Brighton; Southampton",
    "GE": "Batumi; Kutaisi",
    "GH": "Kumasi; Tamale; Cape Coast",
    "GR": "Thessaloniki; Patras; Heraklion; Larissa",
    "GT": "Quetzaltenango",
    "HN": "San Pedro Sula; La Ceiba",
    "HR": "Split; Rijeka; Dubrovnik; Osijek; Zadar",
    "HU": "Debrecen; Szeged; Pécs; Győr",
    "ID": "Surabaya; Bandung; Medan; Semarang; Palembang; Makassar; Denpasar; Yogyakarta",
    "IE": "Cork; Galway; Limerick",
    "IN": "Mumbai; Kolkata; Chennai; Bangalore; Hyderabad; Ahmedabad; Pune; Jaipur; Lucknow; Surat; Nagpur; Varanasi; "
    "Agra; Amritsar; Bhopal",
    "IQ": "Mosul; Basra; Erbil; Kirkuk; Najaf; Karbala; Fallujah",
    "IR": "Mashhad; Isfahan; Shiraz; Tabriz; Qom; Kerman",
    "IS": "Akureyri",
    "IT": "Milan; Naples; Turin; Venice; Florence; Genoa; Palermo; Bologna; Verona; Pisa; Trieste; Padua; Siena",
    "JM": "Montego Bay",
    "JO": "Irbid; Zarqa; Aqaba",
    "JP": "Osaka; Kyoto; Yokohama; Nagoya; Sapporo; Hiroshima; Nagasaki; Kobe; Fukuoka; Sendai; Nara; Kanazawa",
    "KE": "Mombasa; Kisumu; Nakuru; Eldoret",
    "KG": "Osh",
    "KH": "Siem Reap; Battambang; Sihanoukville",
    "KP": "Hamhung; Kaesong; Wonsan; Sinuiju",
    "KR": "Busan; Incheon; Daegu; Daejeon; Gwangju; Ulsan; Suwon",
    "KZ": "Almaty; Shymkent; Karaganda; Aktobe",
    "LA": "Luang Prabang; Savannakhet",
    "LB": "Sidon; Tyre",
    "LK": "Kandy; Jaffna; Galle",
    "LT": "Kaunas; Klaipėda; Šiauliai",
    "LV": "Daugavpils; Liepāja; Jūrmala",
    "LY": "Benghazi; Misrata; Tobruk; Sabha",
    "MA": "Casablanca; Marrakesh; Fez; Tangier; Agadir; Meknes; Oujda",
    "MD": "Bălți",
    "ME": "Nikšić",
    "MG": "Toamasina; Antsirabe",
    "MK": "Bitola; Ohrid",
    "ML": "Timbuktu; Gao; Mopti; Sikasso",
    "MM": "Yangon; Mandalay",
    "MW": "Blantyre; Mzuzu; Zomba",
    "MX": "Guadalajara; Monterrey; Tijuana; Puebla; Cancún; Acapulco; Veracruz; Ciudad Juárez; Oaxaca; Chihuahua; "
    "Hermosillo; Mexicali",
    "MY": "Johor Bahru; Ipoh; Kuching; Kota Kinabalu; Malacca",
    "MZ": "Beira; Nampula; Matola",
    "NA": "Walvis Bay; Swakopmund",
    "NE": "Agadez; Zinder; Maradi",
    "NG": "Lagos; Kano; Ibadan; Port Harcourt; Kaduna; Maiduguri; Enugu; Calabar",
    "NI": "Granada; Matagalpa",
    "NL": "Rotterdam; Utrecht; Eindhoven; Groningen; Maastricht; Delft; Haarlem; Leiden",
    "NO": "Bergen; Trondheim; Stavanger; Tromsø",
    "NP": "Pokhara; Biratnagar",
    "NZ": "Auckland; Christchurch; Dunedin; Hamilton; Rotorua; Queenstown",
    "OM": "Salalah; Nizwa",
    "PE": "Cusco; Arequipa; Trujillo; Iquitos; Callao; Chiclayo",
    "PG": "Lae; Mount Hagen",
    "PH": "Quezon City; Cebu City; Davao City; Zamboanga; Baguio; Iloilo City; Makati",
    "PK": "Karachi; Lahore; Faisalabad; Rawalpindi; Peshawar; Multan; Quetta; Sialkot",
    "PL": "Kraków; Gdańsk; Wrocław; Poznań; Łódź; Szczecin; Lublin; Katowice; Białystok",
    "PT": "Porto; Braga; Coimbra; Faro; Funchal",
    "PY": "Ciudad del Este; Encarnación",
    "RO": "Cluj-Napoca; Timișoara; Constanța; Brașov; Iași; Sibiu",
    "RS": "Novi Sad; Niš; Subotica",
    "RU": "Saint Petersburg; Novosibirsk; Yekaterinburg; Kazan; Vladivostok; Sochi; Omsk; Samara; Irkutsk; Volgograd; "
    "Murmansk; Kaliningrad; Yakutsk; Ufa; Smolensk",
    "SA": "Mecca; Medina; Jeddah; Dammam; Tabuk",
    "SD": "Omdurman; Port Sudan; Kassala",
    "SE": "Gothenburg; Malmö; Uppsala; Linköping; Kiruna; Umeå",
    "SI": "Maribor; Celje; Koper",
    "SK": "Košice; Prešov; Žilina",
    "SL": "Kenema",
    "SN": "Saint-Louis; Touba; Ziguinchor",
    "SO": "Kismayo; Baidoa",
    "SS": "Malakal",
    "SY": "Aleppo; Homs; Latakia; Raqqa; Palmyra",
    "TH": "Chiang Mai; Pattaya; Phuket; Chiang Rai; Ayutthaya",
    "TJ": "Khujand",
    "TN": "Sfax; Sousse; Bizerte; Kairouan",
    "TR": "Istanbul; Izmir; Bursa; Antalya; Adana; Gaziantep; Konya; Trabzon; Diyarbakir; Kayseri",
    "TZ": "Mwanza; Arusha; Zanzibar; Tanga; Mbeya",
    "UA": "Kharkiv; Odesa; Lviv; Dnipro; Vinnytsia; Chernihiv; Poltava",
    "UG": "Entebbe; Jinja; Gulu; Mbarara",
    "UY": "Punta del Este; Salto; Paysandú",
    "UZ": "Samarkand; Bukhara; Namangan; Andijan; Khiva",
    "VE": "Maracaibo; Barquisimeto; Ciudad Guayana; Maracay; Ciudad Bolívar",
    "VN": "Ho Chi Minh City; Da Nang; Hue; Haiphong; Nha Trang",
    "YE": "Aden; Taiz; Al Hudaydah; Mukalla",
    "ZA": "Johannesburg; Durban; Soweto; Port Elizabeth; Pietermaritzburg; Kimberley",
    "ZM": "Ndola; Kitwe; Livingstone",
    "ZW": "Bulawayo; Mutare; Gweru",
}
# Parts of the United Kingdom are a right answer too.
UK_PART = {"ENG": "England", "SCT": "Scotland", "WLS": "Wales", "NIR": "Northern Ireland"}

# US cities that are not state capitals; the package says which state.
US_CITIES = """Los Angeles; Chicago; Houston; Philadelphia; San Antonio; San Diego; Dallas; Jacksonville; Fort Worth;
San Jose; Charlotte; San Francisco; Seattle; El Paso; Detroit; Las Vegas; Memphis; Louisville; Baltimore; Albuquerque;
Milwaukee; Tucson; Fresno; Miami; Omaha; Long Beach; Mesa; Oakland; Tampa; Tulsa; Minneapolis; Wichita; Bakersfield;
New Orleans; Anaheim; Orlando; Riverside; Corpus Christi; Cincinnati; Santa Ana; Stockton; Pittsburgh;
Anchorage; Greensboro; Plano; St. Louis; Chula Vista; Toledo; Reno; Chandler; Fort Wayne; Buffalo; Durham;
St. Petersburg; Irvine; Laredo; Lubbock; Gilbert; Winston-Salem; Hialeah; Garland; Scottsdale; Irving; Chesapeake;
Spokane; Tacoma; San Bernardino; Fontana; Modesto; Oxnard; Worcester; Huntington Beach; Yonkers; Amarillo; Akron;
Grand Rapids; Knoxville; Shreveport; Overland Park; Newport News; Mobile; Fort Lauderdale; Chattanooga; Santa Rosa;
Eugene; Tempe; Cape Coral; Sioux Falls; Fort Collins; Pembroke Pines; Murfreesboro; McKinney; Palmdale; Salinas;
Sunnyvale; Frisco; Pomona; Rockford; Joliet; Savannah; Paterson; Naperville; Torrance; Killeen; McAllen;
Dayton; Olathe; Waco; Sterling Heights; Denton; Cedar Rapids; Visalia; Thousand Oaks; Stamford; Norman; Simi Valley;
Santa Clara; Abilene; Vallejo; Berkeley; Allentown; Evansville; Fargo; Clearwater; Billings; Ann Arbor; Provo; Odessa;
Costa Mesa; Tuscaloosa; Lowell; Pueblo; Waterbury; Greeley; Boulder; Broken Arrow; Daly City; Green Bay; Lakeland;
Tyler; Davenport; Las Cruces; South Bend; Kenosha; Flint; Ventura; Yuma; Brockton; Dearborn; Asheville; Yakima;
Boca Raton; Santa Monica; Miami Beach; Santa Barbara; Redding; Macon; Portland; Cleveland; Birmingham; Kansas City;
Charleston; Springfield; Columbus; Duluth; Galveston; Biloxi; Gulfport; Baton Rouge; Rapid City; Missoula; Pocatello;
Idaho Falls; Burlington; Bangor; Flagstaff; Sarasota; Pensacola; Daytona Beach; Key West; Scranton; Schenectady;
Poughkeepsie; Ithaca; Oshkosh; Dubuque; Sioux City; Grand Forks; Fairbanks; Hilo; Ogden; Casper; Laramie; Great Falls;
Bozeman; Tallahassee; Hattiesburg; Spartanburg; Myrtle Beach; Racine; Kalamazoo; Saginaw; Bethlehem;
Palo Alto; Malibu; Aspen; Eau Claire; Corvallis; Gainesville; Atlantic City; Hoboken; Roanoke;
 Muncie; Terre Haute; Hartford; Norfolk; Natchez; Vicksburg; Shelton; Nashua; Waukesha; Bellingham"""
