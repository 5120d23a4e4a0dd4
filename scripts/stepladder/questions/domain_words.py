"""Telling words of the domains that no MMLU subject covers: classifier material beside the few sample questions."""

from __future__ import annotations

WORDS: dict[str, str] = {
    "Film and Television": """
        film movie movies starred stars director directed actor actress oscar academy award tv television series
        sitcom episode show character played role scene screenplay cinema hollywood disney cartoon animated soap
        season host presenter channel bbc netflix trilogy sequel remake box office blockbuster villain james
        bond superhero cast drama comedian documentary western thriller musical quote line sheriff sitcoms aired
    """,
    "Music": """
        song songs singer band album single chart charts hit lyrics guitar guitarist drummer piano violin
        orchestra opera composer symphony concerto rock pop jazz blues rap hip hop country grammy vocalist
        recorded track concert tour musician instrument melody chord record label debut beatles rolling stones
        choir ballad bassist frontman musical
    """,
    "Sports and Games": """
        football soccer rugby cricket tennis golf baseball basketball hockey boxing olympic olympics medal team
        player players coach league cup world champion championship goal score match race racing grand prix
        wimbledon athlete stadium swimmer chess poker card board video game games nintendo playstation level
        boss console quarterback nfl nba fifa skier horse jockey snooker darts innings pitcher
    """,
    "Literature": """
        novel novelist author wrote written poem poet poetry play playwright shakespeare hamlet macbeth dickens
        book books character protagonist narrator stanza sonnet tragedy fiction story tale sherlock holmes
        tolkien rowling verse chapter published pulitzer detective heroine plot literary bronte austen orwell
        hemingway epic
    """,
    "Art and Architecture": """
        painting painter painted artist sculpture sculptor museum gallery portrait canvas fresco impressionism
        cubism surrealism renaissance architect architecture building cathedral column arch dome gothic baroque
        facade tower palace picasso monet gogh leonardo michelangelo mona lisa mural pottery drawing exhibition
        bridge skyscraper
    """,
    "Food and Drink": """
        food eat dish recipe cook cooking cooked baked fried sauce cheese bread meat beef pork chicken fish
        fruit vegetable soup salad dessert cake sugar salt spice herb wine beer whisky cocktail drink tea coffee
        milk chef restaurant ingredient breakfast pasta rice chocolate kitchen oven flavour taste cuisine butter
        egg
    """,
    "Language": """
        word words means meaning language languages latin greek letter letters alphabet vowel consonant spell
        spelling noun verb adjective adverb pronoun grammar sentence synonym antonym opposite phrase idiom
        prefix suffix plural tense translate translated dialect pronunciation dictionary etymology abbreviation
        acronym slang punctuation term
    """,
    "Animals and Plants": """
        animal animals bird birds fish mammal mammals dog dogs cat cats breed horse cow sheep insect insects
        butterfly spider snake lizard frog whale dolphin shark bear lion tiger elephant monkey species tree
        trees plant plants flower flowers leaf leaves seed fur feathers eggs nest wings tail habitat zoo
        predator prey herd puppy kitten reptile rabbit wolf penguin eagle owl oak rose
    """,
    "Earth Science": """
        earth rock rocks mineral minerals sediment sedimentary igneous metamorphic volcano volcanic earthquake
        tectonic plates crust mantle erosion weathering fossil soil weather climate cloud clouds rain hurricane
        tornado atmosphere ocean tide tides glacier groundwater water cycle seasons temperature pressure front
        wind layer landform canyon lava magma geologist evaporation condensation
    """,
    "Everyday Life": """
        house home kitchen room door table chair bag box store shop buy car drive road street office desk drawer
        closet garage bathroom bed clothes wash clean tool garden yard school bus train airport city where would
        you put find keep use get wait what could happen paper pencil umbrella bottle phone
    """,
    "Social Situations": """
        feel feeling felt friend friends happy sad angry afraid nervous jealous love hate apologize thank polite
        rude help talk conversation argue party wedding couple marriage child parent mother father people person
        wanted why would she he they might emotion guilty shame proud embarrassed laugh cry smile trust lie
        promise
    """,
    "Puzzles": """
        seated row circle left right facing sits neighbour older younger taller shorter order rank knight knave
        liar truth brother sister uncle cousin next number sequence series clock calendar riddle statement
        exactly one arranged friends clues day week puzzle figure pattern
    """,
    "Religion and Myth": """
        god gods goddess zeus mythology myth bible biblical jesus christ testament apostle saint pope church
        islam muslim quran buddha buddhism hindu hinduism jewish torah prophet temple priest angel festival
        sacred legend greek norse roman hercules odin faith prayer
    """,
    "Geography": """
        capital country city river lake mountain ocean sea island continent border state flag population africa
        asia europe america desert located largest coast province region county peninsula airport nation
    """,
    "Engineering": """
        engine machine motor circuit voltage current transistor diode resistor capacitor gear invented inventor
        invention bridge beam concrete steel turbine pump aircraft generator robot valve sensor amplifier
    """,
}
"""Each list is cut into short pieces that are learned like questions."""

PIECE = 8


def pieces() -> list[tuple[str, str]]:
    """(some words, domain) pairs."""
    found = []
    for domain, text in WORDS.items():
        words = text.split()
        found += [(" ".join(words[start:start + PIECE]), domain) for start in range(0, len(words), PIECE)]
    return found
