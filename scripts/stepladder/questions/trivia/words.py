"""Word lists behind the kinds of answers: which nouns of a question name which kind, and names known by themselves."""

from __future__ import annotations


def _table(lines: str) -> dict[str, str]:
    """"kind: word word two_words" lines as word -> kind."""
    table = {}
    for line in filter(None, map(str.strip, lines.splitlines())):
        kind, _, words = line.partition(":")
        table |= {word.replace("_", " "): kind for word in words.split()}
    return table


def name_set(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


NOUNS = _table("""
    country: country countries nation republic kingdom
    city: city capital capital_city
    town: town village resort suburb port
    us state: us_state u.s._state american_state state us_states u.s_state
    county: county english_county counties shire
    island: island islands isle island_group archipelago
    river: river
    mountain: mountain volcano peak
    mountain range: mountain_range mountains range
    lake: lake
    sea: sea ocean gulf strait
    desert: desert
    continent: continent
    actor: actor film_star movie_star comic_actor film_actor
    actress: actress
    comedian: comedian comic
    comedy duo: comedy_duo double_act
    singer: singer singer-songwriter vocalist songwriter rapper pop_star rock_star crooner soul_singer pop_singer
    singer: female_singer country_singer rock_singer male_singer diva
    band: band group pop_group rock_group rock_band boy_band girl_group pop_duo boyband
    composer: composer
    guitarist: guitarist drummer pianist saxophonist trumpeter violinist cellist musician jazz_musician
    painter: painter artist sculptor
    architect: architect
    writer: author writer novelist crime_writer children's_author
    playwright: playwright dramatist
    poet: poet poet_laureate
    director: director film_director movie_director
    president: president us_president u.s._president american_president
    prime minister: prime_minister british_prime_minister pm premier
    politician: politician chancellor home_secretary foreign_secretary mp senator governor secretary_of_state
    king: king monarch english_king british_monarch english_monarch sovereign
    queen: queen empress
    emperor: emperor roman_emperor czar tsar
    pope: pope
    scientist: scientist physicist chemist astronomer mathematician biologist nobel_prize_winner
    inventor: inventor engineer
    philosopher: philosopher
    explorer: explorer navigator
    general: general admiral field_marshal
    footballer: footballer goalkeeper striker england_footballer
    boxer: boxer heavyweight_boxer
    golfer: golfer
    tennis player: tennis_player tennis_star
    jockey: jockey
    driver: driver racing_driver formula_one_driver motor_racing_driver
    cricketer: cricketer batsman bowler
    cyclist: cyclist
    snooker player: snooker_player
    athlete: athlete sprinter runner
    swimmer: swimmer
    presenter: presenter tv_presenter newsreader broadcaster
    chef: chef celebrity_chef
    dictator: dictator
    god: god greek_god roman_god norse_god
    goddess: goddess greek_goddess roman_goddess
    saint: saint patron_saint apostle
    book: book
    novel: novel
    play: play shakespeare_play shakespearean_play comedy
    poem: poem
    film: film movie films bond_film james_bond_film
    musical: musical stage_musical
    opera: opera operetta
    ballet: ballet
    song: song single hymn hit_single
    album: album
    tv show: sitcom tv_series television_series tv_show tv_programme television_programme soap_opera tv_sitcom
    tv show: television_show comedy_series tv_comedy soap game_show quiz_show drama_series series
    painting: painting
    newspaper: newspaper daily_newspaper
    magazine: magazine
    company: company firm
    car maker: car_manufacturer make_of_car car_company car_maker make motor_manufacturer
    airline: airline national_airline
    bank: bank
    retailer: retailer supermarket store shop
    bird: bird
    fish: fish
    insect: insect
    flower: flower
    tree: tree
    fruit: fruit
    vegetable: vegetable
    herb: herb spice
    cheese: cheese
    cocktail: cocktail
    spirit: spirit liqueur
    metal: metal
    element: element chemical_element
    gas: gas
    gemstone: gemstone birthstone gem precious_stone
    vitamin: vitamin
    disease: disease illness
    organ: organ gland
    bone: bone
    language: language
    currency: currency unit_of_currency
    colour: colour color
    sport: sport sports
    football team: football_club football_team premier_league_club english_football_club
    american team: nfl_team baseball_team mlb_team nba_team nhl_team
    university: university
    street: street london_street
    station: underground_station tube_station railway_station
    airport: airport
    bridge: bridge
    castle: castle
    palace: palace stately_home
    prison: prison
    museum: museum art_gallery gallery
    cathedral: cathedral
    racecourse: racecourse
    battle: battle
    war: war
    ship: ship
    planet: planet
    zodiac sign: sign_of_the_zodiac star_sign zodiac_sign
    constellation: constellation
    month: month
    weekday: day_of_the_week
    letter: letter
    instrument: instrument musical_instrument
    dance: dance ballroom_dance
    surname: surname last_name
    first name: first_name christian_name forename
    middle name: middle_name
    nationality: nationality
    shakespeare character: shakespearean_character shakespeare_character
    element symbol: chemical_symbol
    study: study
    fear: fear phobia
    dog breed: breed_of_dog dog_breed
    book of the bible: book_of_the_bible book_of_the_old_testament old_testament_book
    number: number
""")
"""Noun of a question -> kind of its answer. Longer entries win."""

PERSON_KINDS = name_set("""
    performer actor actress comedian singer composer guitarist painter architect writer playwright poet director
    president politician king queen emperor pope scientist inventor philosopher explorer general footballer
    boxer golfer jockey driver cricketer cyclist athlete swimmer presenter chef dictator god goddess saint
""") | {
    "prime minister", "tennis player", "snooker player"}

VERBS = {
    "writer": r"wrote (?!the (?:music|lyrics|song|opera|words|score|theme))|penned|was the author of"
              r"|created the (?:character|detective)",
    "composer": r"composed|wrote the (?:opera|music)",
    "painter": r"painted|sculpted",
    "director": r"directed",
    "performer": r"played|plays|portrayed|portrays|starred|stars|co-starred|voiced",
    "singer": r"sang|sings|recorded|had (?:a|the|his|her|their) .{0,25}hit|released|topped the|reached number"
              r"|had a number",
    "inventor": r"invented|patented",
    "scientist": r"discovered|formulated|won the nobel prize (?:for|in) (?:physics|chemistry|medicine)",
    "architect": r"designed (?:the )?(?:\w+ ){0,5}(?:building|cathedral|house|palace|museum|bridge|church|hall)",
    "presenter": r"presented|presents|hosts|hosted",
}
"""What a person did ("Who wrote ...") -> kind."""

FEMALE = name_set("""
    mary anne ann anna jane elizabeth margaret helen diana catherine katherine kate katie emma emily charlotte
    sarah sara julia julie judy judi jennifer jessica laura linda lisa susan sandra barbara betty bette nancy
    dorothy doris donna carol caroline carole christina christine clare claire cleopatra debbie deborah denise
    elaine ellen eleanor eva eve fiona florence gail germaine gertrude gillian gina gloria grace greta gwen
    gwyneth hannah harriet hattie heather hilary hillary ingrid irene isabella jacqueline janet janis jean jenny
    jill joan joanna joanne jodie josephine joyce judith karen kathleen kathy keira kim kylie leona liza lucille
    lucy lynn madonna maggie marie marilyn marlene martha meryl michelle mia miriam molly naomi natalie natasha
    nicole nina norma olivia pamela patricia patsy paula pauline penelope petula pippa rachel rebecca rita rosa
    rose rosemary ruth sally samantha sandie scarlett sharon sheila shirley sigourney sinead sophia sophie
    stella stephanie sue susanna sylvia tina tracey tracy twiggy uma ursula valerie vanessa vera victoria
    virginia vivien wendy whitney whoopi winona yoko zoe adele agatha alice alison amanda amelia amy angela
    angelina annie aretha audrey ava beatrix beverley billie bonnie brigitte britney cameron candice celine cher
    cheryl chrissie cilla cindy dawn delia demi dolly dusty edith enya esther eartha francesca goldie halle
    imelda indira jackie joni kirsty lana lauren lily lulu mae marian mariah martina moira myra oprah pearl
    peggy queen princess rihanna sandi serena shania sade steffi suzi tammy thelma theresa venus yvonne zsa
    beyonce alanis una geena ali glenda lynda lesley lorraine mollie lady dame aphrodite athena artemis hera
    juno minerva
""")
MALE = name_set("""
    john william james george charles henry edward robert richard thomas david michael peter paul mark stephen
    steven andrew anthony tony albert alfred alan allan alexander adam arthur benjamin ben bernard bill billy
    bob bobby boris brian bruce buddy carl christopher chris clark clint cliff colin craig dan daniel dave dean
    dennis denis derek dick don donald douglas duke dudley duncan dustin eddie edgar edmund edwin elton elvis
    eric ernest errol evelyn francis frank franklin fred freddie frederick gary gene geoffrey gerald gerard
    gilbert gordon graham greg gregory groucho guy harold harrison harry herbert herman hugh hugo humphrey ian
    ivan isaac jack jacob jake jason jeff jeffrey jeremy jerry jesse jim jimmy joe joseph jon jonathan karl
    keith ken kenneth kevin kirk kurt larry laurence lee len leo leonard leonardo lewis liam louis ludwig luke
    malcolm martin marvin matt matthew max mel mick mike neil nelson nick nicholas nigel noel norman oliver
    orson oscar otis ozzy patrick percy phil philip prince ralph ray raymond rex ringo rod roger roland ronald
    ronnie ross roy rudolf rudyard russell salvador sam samuel scott sean sebastian sergei sidney simon spencer
    stan stanley steve stuart sylvester ted terence terry theodore tim timothy tom tommy tyrone vic victor
    vincent vladimir wallace walt walter warren wayne wilfred winston wolfgang woody yul raul clive rowan rik
    ade keanu leslie nicolas jude burt cary zeus apollo ares hermes poseidon hades mars jupiter neptune mercury
    saturn vulcan sir king lord pope
""")

COUNTRIES_OF = {
    "europe": name_set("""
        albania andorra armenia austria belarus belgium bulgaria croatia cyprus denmark england estonia finland france
        georgia germany greece hungary iceland ireland italy latvia liechtenstein lithuania luxembourg macedonia malta
        moldova monaco montenegro netherlands norway poland portugal romania russia scotland serbia slovakia slovenia
        spain sweden switzerland turkey ukraine wales
    """) | {
        "czech republic", "northern ireland", "san marino", "united kingdom", "vatican city",
        "great britain", "holland", "kosovo", "soviet union", "ussr", "czechoslovakia", "yugoslavia", "west germany",
        "east germany", "prussia", "bosnia and herzegovina", "gibraltar"},
    "africa": name_set("""
        algeria angola benin botswana burundi cameroon chad congo djibouti egypt eritrea ethiopia gabon gambia ghana
        guinea kenya lesotho liberia libya madagascar malawi mali mauritania mauritius morocco mozambique namibia niger
        nigeria rwanda senegal seychelles somalia sudan swaziland tanzania togo tunisia uganda zambia zimbabwe
    """) | {
        "burkina faso", "ivory coast", "sierra leone", "south africa", "zaire", "rhodesia", "cape verde", "south sudan",
        "democratic republic of congo", "equatorial guinea", "central african republic", "abyssinia"},
    "asia": name_set("""
        afghanistan azerbaijan bahrain bangladesh bhutan brunei cambodia china india indonesia iran iraq israel japan
        jordan kazakhstan kuwait kyrgyzstan laos lebanon malaysia maldives mongolia myanmar nepal oman pakistan
        philippines qatar singapore syria taiwan tajikistan thailand turkmenistan uzbekistan vietnam yemen
    """) | {
        "north korea", "saudi arabia", "south korea", "sri lanka", "united arab emirates", "persia", "burma", "ceylon",
        "siam", "hong kong", "east timor", "tibet"},
    "america": name_set("""
        argentina bahamas barbados belize bolivia brazil canada chile colombia cuba dominica ecuador greenland grenada
        guatemala guyana haiti honduras jamaica mexico nicaragua panama paraguay peru suriname uruguay usa venezuela
    """) | {"costa rica", "el salvador", "puerto rico", "united states"},
    "oceania": name_set("australia fiji nauru palau samoa tonga tuvalu vanuatu") | {"new zealand", "papua new guinea"},
}
SOUTH_AMERICA = name_set("""
    argentina bolivia brazil chile colombia ecuador guyana paraguay peru suriname uruguay venezuela
""")
PARTS_OF = {"south american": SOUTH_AMERICA, "north american": COUNTRIES_OF["america"] - SOUTH_AMERICA,
            "central american": name_set("belize guatemala honduras nicaragua panama") | {"costa rica", "el salvador"},
            "scandinavian": name_set("denmark norway sweden finland iceland"),
            "baltic": name_set("estonia latvia lithuania")}
"""Parts of continents, as questions name them: their countries' distractors come from there alone."""
COUNTRIES = frozenset().union(*COUNTRIES_OF.values())
US_STATES = name_set("""
    alabama alaska arizona arkansas california colorado connecticut delaware florida georgia hawaii idaho
    illinois indiana iowa kansas kentucky louisiana maine maryland massachusetts michigan minnesota mississippi
    missouri montana nebraska nevada ohio oklahoma oregon pennsylvania tennessee texas utah vermont virginia
    wisconsin wyoming
""") | {"new hampshire", "new jersey", "new mexico", "new york", "north carolina", "north dakota",
    "rhode island", "south carolina", "south dakota", "west virginia"}
MONTHS = name_set("""
    january february march april may june july august september october november december
""")
WEEKDAYS = name_set("""
    monday tuesday wednesday thursday friday saturday sunday
""")
COLOURS = name_set("""
    red blue green yellow orange purple black white brown pink grey gray violet indigo gold silver turquoise
    maroon cream
""")
PLANETS = name_set("""
    mercury venus earth mars jupiter saturn uranus neptune pluto
""")
CONTINENTS = frozenset({"africa", "antarctica", "asia", "australia", "europe", "north america", "south america"})

GAZETTEER = {"country": COUNTRIES, "us state": US_STATES, "month": MONTHS, "weekday": WEEKDAYS, "colour": COLOURS,
             "planet": PLANETS, "continent": CONTINENTS}
"""Kinds whose members are known: an answer of the kind has to be among them."""

PLACES = name_set("city town county island river mountain lake station castle university airport museum")
REGIONS = name_set("""
    african american asian australian austrian belgian brazilian british canadian chinese cornish cumbrian danish dutch
    egyptian english european french german greek indian irish israeli italian japanese kentish mexican norwegian
    pakistani polish portuguese russian scandinavian scottish scots south-african spanish sudan swedish swiss turkish
    u.s uk us usa welsh yorkshire indian caribbean mediterranean
""")
"""Words of a question that say where a place lies: its distractors have to lie there too."""

KIN = [frozenset(group.split("/")) for group in (
    "united kingdom/uk/great britain/britain/england/british isles", "united kingdom/great britain/britain/scotland",
    "united kingdom/great britain/britain/wales", "united kingdom/northern ireland/ireland/ulster",
    "netherlands/holland", "russia/soviet union/ussr", "united states/usa/america/north america/the usa",
    "czech republic/czechoslovakia/bohemia", "germany/west germany/east germany/prussia", "china/hong kong/taiwan",
    "serbia/yugoslavia/montenegro/croatia/slovenia", "congo/zaire", "myanmar/burma", "iran/persia",
    "australia/australasia/oceania", "purple/violet/indigo", "red/maroon/scarlet/crimson", "gold/yellow",
    "grey/gray/silver", "france/monaco", "italy/vatican city/rome", "italy/san marino",
    "south korea/north korea/korea")]
"""Names of which one may be right where another one is."""
