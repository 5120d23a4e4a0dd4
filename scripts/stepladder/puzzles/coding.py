"""Coding and decoding: a word's code shows the rule; what is another word's code, or the word behind a code?

A rule is (name, *numbers). The solver knows a class of rules, and keeps a puzzle only where every rule of the class
that fits the example gives the same result.
"""

from __future__ import annotations

from functools import cache
from random import Random
from string import ascii_uppercase

from .base import Draft, Kind, near

Rule = tuple
_TEXT = """
ANT BAG BAT BED BEE BOX BUS CAR CAT COW CUP DAY DOG EGG FAN FOX HAT HEN ICE INK JAM JAR KEY LEG MAP MAT
NET NUT OAK OWL PAN PEN PIG RAT SEA SKY SUN TEA TIN TOY VAN WEB ZOO ARCH BAND BARN BEAR BIRD BOAT BOOK
CAKE CARD COAT COIN CORN DESK DOOR DUCK FARM FERN FISH FLAG FROG GATE GIFT GOAT GOLD HAND HARP HILL HOME
IRON JUMP KING KITE LAKE LAMP LEAF LION MILK MOON NEST NOTE PARK PATH PEAR PLUM POND RAIN RING ROAD ROPE
ROSE SAND SEED SHIP SHOE SNOW SOAP SONG STAR TENT TREE WALL WIND WOLF WOOD YARD APPLE BEACH BREAD BRICK
BRUSH CHAIR CHALK CLOCK CLOUD CROWN DANCE DREAM EAGLE EARTH FIELD FLUTE FRUIT GLASS GRAPE HORSE HOUSE
JUICE KNIFE LEMON LIGHT MANGO MOUSE NIGHT OCEAN ONION PAINT PEARL PIANO PLANT PLATE QUEEN RIVER ROBIN
SHEEP SMILE SPOON STONE STORM SUGAR TABLE TIGER TRAIN TULIP UNCLE VIOLA WATER WHALE ZEBRA BASKET BRIDGE
BUTTER CAMERA CANDLE CASTLE COFFEE COTTON DESERT DOCTOR DRAGON FLOWER FOREST GARDEN GUITAR HAMMER ISLAND
JACKET JUNGLE KITTEN LADDER MARKET MIRROR MONKEY ORANGE PENCIL PEPPER PLANET POCKET RABBIT ROCKET SCHOOL
SILVER SPRING STREET SUMMER TEMPLE TICKET TURTLE VALLEY WINDOW WINTER
"""
WORDS = tuple(_TEXT.split())
_LENGTHS = {
    1: (3, 3),
    2: (3, 4),
    3: (3, 4),
    4: (4, 4),
    5: (4, 5),
    6: (4, 5),
    7: (5, 5),
    8: (5, 6),
    9: (5, 6),
    10: (6, 6),
}


def move(letter: str, places: int) -> str:
    return ascii_uppercase[(ascii_uppercase.index(letter) + places) % 26]


def encode(rule: Rule, word: str) -> str:
    name, *p = rule
    if name == "shift":
        return "".join(move(c, p[0]) for c in word)
    if name == "mirror":
        return "".join(ascii_uppercase[25 - ascii_uppercase.index(c)] for c in word)
    if name == "reverse":
        return "".join(move(c, p[0]) for c in reversed(word))
    if name == "growing":  # the first letter moves by p[0], each further one by p[1] more
        return "".join(move(c, p[0] + i * p[1]) for i, c in enumerate(word))
    if name == "turns":  # odd places move by p[0], even ones by p[1]
        return "".join(move(c, p[i % 2]) for i, c in enumerate(word))
    raise ValueError(f"unknown rule {name!r}")


@cache
def all_rules() -> tuple[Rule, ...]:
    """The class of rules that count as readings of an example."""
    moves = range(-9, 10)
    return (
        ("mirror",),
        *(("shift", k) for k in range(-12, 14) if k),
        *(("reverse", k) for k in moves),
        *(("growing", k, by) for k in range(-5, 6) for by in (-2, -1, 1, 2)),
        *(("turns", a, b) for a in range(-6, 7) for b in range(-6, 7) if a != b),
    )


@cache
def fitting(word: str, code: str) -> tuple[Rule, ...]:
    return tuple(rule for rule in all_rules() if encode(rule, word) == code)


def _draw(rng: Random, level: int) -> Rule:
    far = 2 + level
    names = {1: ("shift",), 2: ("shift",), 3: ("shift", "reverse"), 4: ("shift", "reverse", "mirror")}
    name = rng.choice(names.get(level, ("reverse", "mirror", "growing", "turns", "growing", "turns")))
    if name == "shift":
        return (name, rng.choice((1, -1)) * rng.randint(1, min(far, 12)))
    if name == "reverse":
        return (name, rng.choice((0, 1, -1, 2, -2)) if level < 6 else rng.choice((1, -1)) * rng.randint(1, 6))
    if name == "growing":
        return (name, rng.randint(-3, 4), rng.choice((1, 1, -1, 2)))
    if name == "turns":
        a, b = rng.sample([k for k in range(-6, 7) if k], 2)
        return (name, a, b)
    return (name,)


def _letters(rule: Rule, word: str) -> str:
    """The coding letter by letter: "C+2=E, A+2=C"."""
    name, *p = rule
    if name == "mirror":
        return ", ".join(f"{c}-{encode(rule, c)}" for c in word)
    source = word[::-1] if name == "reverse" else word
    shifts = {"shift": lambda i: p[0], "reverse": lambda i: p[0], "growing": lambda i: p[0] + i * p[1],
              "turns": lambda i: p[i % 2]}[name] if p else None  # fmt: skip
    if name == "reverse" and not p[0]:
        return f"{word} backwards is {source}"
    listed = ", ".join(f"{c}{shifts(i):+d}={move(c, shifts(i))}" for i, c in enumerate(source))
    return f"{word} backwards is {source}: {listed}" if name == "reverse" else listed


def _rule_text(rule: Rule) -> str:
    name, *p = rule
    if name == "mirror":
        return "A and Z, B and Y, ... change places"
    if name == "reverse":
        return "the word is reversed" + (f" and each letter moved {p[0]:+d}" if p[0] else "")
    if name == "growing":
        return f"letters move {p[0]:+d}, {p[0] + p[1]:+d}, {p[0] + 2 * p[1]:+d}, ..."
    if name == "turns":
        return f"letters move {p[0]:+d}, {p[1]:+d} in turn"
    return f"each letter moves {p[0]:+d}"


def _variants(rng: Random, rule: Rule, word: str) -> list[str]:
    """Codes by a rule slightly mistaken: wrong way, one off, one letter off, not reversed."""
    name, *p = rule
    code = encode(rule, word)
    out = []
    if name in ("shift", "growing"):
        out += [
            encode((name, -p[0], *p[1:]), word),
            encode((name, p[0] + 1, *p[1:]), word),
            encode((name, p[0] - 1, *p[1:]), word),
        ]
    if name == "growing":
        out += [encode(("shift", p[0] or 1), word), encode((name, p[0], -p[1]), word)]
    if name == "turns":
        out += [
            encode((name, p[1], p[0]), word),
            encode(("shift", p[0]), word),
            encode((name, -p[0], -p[1]), word),
        ]
    if name == "reverse":
        out += [code[::-1], encode((name, -p[0]), word), encode((name, p[0] + 1), word)]
    for _ in range(4):
        i = rng.randrange(len(word))
        out.append(code[:i] + move(code[i], rng.choice((1, -1))) + code[i + 1 :])
    rng.shuffle(out)
    return out


def _from_example(rng: Random, level: int) -> Draft | None:
    low, high = _LENGTHS[level]
    pool = [w for w in WORDS if low <= len(w) <= high]
    example, word = rng.sample(pool, 2)
    rule = _draw(rng, level)
    shown, code = encode(rule, example), encode(rule, word)
    if {encode(other, word) for other in fitting(example, shown)} != {code}:
        return None
    if level >= 4 and rng.random() < 0.35:
        # The word behind a code: words that look most alike are the likely slips.
        alike = [w for w in WORDS if len(w) == len(word) and w not in (word, example)]
        rng.shuffle(alike)
        alike.sort(key=lambda w: -sum(a == b for a, b in zip(w, word, strict=True)))
        question = rng.choice([f"In a code, {example} is written {shown}. Which word is written {code}?",
                               f"If {example} becomes {shown}, which word becomes {code}?"])  # fmt: skip
        steps = f"{example} to {shown}: {_rule_text(rule)}. {_letters(rule, word)}. So {word} gives {code}."
        return Draft(question, word, alike, steps, ("decode", rule, example, word))
    question = rng.choice([f"In a code, {example} is written {shown}. How is {word} written in it?",
                           f"If {example} is coded as {shown}, how is {word} coded?",
                           f"{example} becomes {shown} in a secret code. What does {word} become?"])  # fmt: skip
    steps = f"{example} to {shown}: {_rule_text(rule)}. {_letters(rule, word)}. So {code}."
    return Draft(question, code, _variants(rng, rule, word), steps, ("encode", rule, example, word))


def _stated(rng: Random, level: int) -> Draft:
    """The rule is told in words."""
    low, high = _LENGTHS[level]
    word = rng.choice([w for w in WORDS if low <= len(w) <= high])
    places = rng.choice((1, -1)) * rng.randint(1, 3 + level)
    rule: Rule = ("shift", places)
    where = f"{abs(places)} place{'' if abs(places) == 1 else 's'} {'after' if places > 0 else 'before'} it"
    question = rng.choice([
        f"In a code, each letter is replaced by the letter {where} in the alphabet. How is {word} written?",
        f"A secret code replaces every letter by the one {where} in the alphabet "
        f"({'A follows Z' if places > 0 else 'Z comes before A'}). What does {word} become?",
    ])  # fmt: skip
    code = encode(rule, word)
    return Draft(
        question,
        code,
        _variants(rng, rule, word),
        f"{_letters(rule, word)}. So {code}.",
        ("stated", places, word),
    )


def _values(rng: Random, level: int) -> Draft:
    """Letters stand for their places in the alphabet; what is a word worth?"""
    low, high = _LENGTHS[level]
    pool = [w for w in WORDS if low <= len(w) <= high]
    word = rng.choice(pool)
    factor = 1 if level <= 3 else rng.randint(2, 5)
    numbers = [ascii_uppercase.index(c) + 1 for c in word]
    total = sum(numbers)
    key = total * factor
    rule = "A = 1, B = 2, C = 3 and so on to Z = 26"
    worth = "the sum of its letters" if factor == 1 else f"{factor} times the sum of its letters"
    question = rng.choice([f"Let {rule}. A word is worth {worth}. What is {word} worth?",
                           f"With {rule}, the value of a word is {worth}. What is the value of "
                           f"{word}?"])  # fmt: skip
    steps = (
        f"{', '.join(f'{c}={n}' for c, n in zip(word, numbers, strict=True))}. "
        f"{' + '.join(map(str, numbers))} = {total}."
    )
    if factor > 1:
        steps += f" {total} x {factor} = {key}."
    wrong = [
        total if factor > 1 else key + 1,
        key + len(word),
        key - len(word),
        key - numbers[-1],
        key + 1,
        key - 1,
    ]
    return Draft(
        question,
        str(key),
        [str(w) for w in wrong if w > 0] + near(rng, key, 1),
        steps,
        ("value", factor, word),
    )


def make(rng: Random, level: int) -> Draft | None:
    makers = (
        [_stated, _stated, _values]
        if level == 1
        else [_stated, _from_example, _values]
        if level <= 3
        else [_from_example] * 3 + [_values]
    )
    return rng.choice(makers)(rng, level)


KIND = Kind(
    "coding",
    "Coding and decoding",
    ("Letter shifts", "Secret codes", "Word values"),
    "Logical Reasoning",
    make,
    short_level=10,
)
