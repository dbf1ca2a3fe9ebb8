"""Hand-made choice of cities for make_world_facts.py. Keys are ISO codes or states, names are parted by ";"."""

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
