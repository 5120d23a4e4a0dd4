"""Coding and decoding: a rule, or a word with its code that shows the rule; what is another word's code, which word is
behind a code, what is a word worth?

The four worlds of a code are four rules alike (a sign turned, one letter off, backwards or not), those of a decoding
and of a value four words alike. A puzzle is used only where every rule that fits its example gives the same result.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise, product
from random import Random
from string import ascii_uppercase

from .base import Kind, Template, Told, World, patient

_TEXT = """
ANT BAG BAT BED BEE BOX BUS CAR CAT COW CUP DAY DOG EGG FAN FOX HAT HEN ICE INK JAM JAR KEY LEG MAP MAT
NET NUT OAK OWL PAN PEN PIG RAT SEA SKY SUN TEA TIN TOY VAN WEB ZOO ARM BAR BAY BEE CAN CAP EAR EYE HAM HOT LID LIP
LOG MUD NOD PET PIN POT RED RIM ROD RUG SIX TAP TEN TIE TOP TUB WAX WIG
ARCH BAND BARN BEAR BIRD BOAT BOOK CAKE CARD COAT COIN CORN DESK DOOR DUCK FARM FERN FISH FLAG FROG GATE GIFT GOAT
GOLD HAND HARP HILL HOME IRON JUMP KING KITE LAKE LAMP LEAF LION MILK MOON NEST NOTE PARK PATH PEAR PLUM POND RAIN
RING ROAD ROPE ROSE SAND SEED SHIP SHOE SNOW SOAP SONG STAR TENT TREE WALL WIND WOLF WOOD YARD BALL BELL BONE BOWL
CAVE CITY CLAY DUST FACE FIRE FOOD FORK GAME HAIR HORN LAND LINE MAIL MASK MINE NAIL PAGE PIPE POOL RICE ROOF ROOM
SAIL SALT SEAL TAIL TOWN VASE WAVE WIRE WORD
APPLE BEACH BREAD BRICK BRUSH CHAIR CHALK CLOCK CLOUD CROWN DANCE DREAM EAGLE EARTH FIELD FLUTE FRUIT GLASS GRAPE
HORSE HOUSE JUICE KNIFE LEMON LIGHT MANGO MOUSE NIGHT OCEAN ONION PAINT PEARL PIANO PLANT PLATE QUEEN RIVER ROBIN
SHEEP SMILE SPOON STONE STORM SUGAR TABLE TIGER TRAIN TULIP UNCLE VIOLA WATER WHALE ZEBRA BLOCK BOARD BRUSH CABLE
CHEST CLOTH CREAM CROSS CRUST FLAME FLOOR GRASS GREEN HEART MAPLE METAL MONEY MOTOR MOUTH PAPER PLACE PLANE PRICE
RADIO ROUND SCALE SHELF SHELL SHIRT SHORE SKILL SLATE SNAKE SOUND SOUTH SPACE SPICE STAGE STAIR STEAM STICK STOVE
STORE TEETH THORN TOAST TOWER TRACK TRUCK TRUNK WHEAT WHEEL WORLD
BASKET BRIDGE BUTTER CAMERA CANDLE CASTLE COFFEE COTTON DESERT DOCTOR DRAGON FLOWER FOREST GARDEN GUITAR HAMMER
ISLAND JACKET JUNGLE KITTEN LADDER MARKET MIRROR MONKEY ORANGE PENCIL PEPPER PLANET POCKET RABBIT ROCKET SCHOOL
SILVER SPRING STREET SUMMER TEMPLE TICKET TURTLE VALLEY WINDOW WINTER BANNER BARREL BATTLE BOTTLE BUTTON CARPET
CATTLE CHERRY CIRCLE CORNER COPPER FINGER HANDLE JACKET KETTLE LETTER LITTLE MARBLE MIDDLE NEEDLE NUMBER PALACE
PARROT PLANET SADDLE SINGER SISTER SPIDER STRING TAILOR TUNNEL WALNUT
"""
WORDS = tuple(dict.fromkeys(_TEXT.split()))
_RING = "The alphabet is a ring: after Z comes A."
Rule = tuple  # (name, backwards, *numbers): the word is read backwards or not, then its letters move

# By level: the rule, whether reading backwards is among the four, the letters of the coded word.
_FORMS = {4: (("shift", False, 3),), 5: (("shift", False, 4), ("mirror", False, 4)),
          6: (("turns", False, 4), ("growing", False, 4), ("shift", True, 4)),
          7: (("turns", False, 5), ("growing", False, 5), ("shift", True, 5), ("mirror", True, 5)),
          8: (("turns", False, 6), ("growing", False, 6), ("shift", True, 6), ("mirror", True, 6)),
          9: (("turns", True, 5), ("growing", True, 5)), 10: (("turns", True, 6), ("growing", True, 6))}
# The letters of the word, whether its sum is changed at the end.
_VALUES = {2: (2, False), 3: (2, True), 4: (3, False), 5: (3, True), 6: (3, True), 7: (4, False), 8: (4, True),
           9: (5, False), 10: (5, True)}
_STATED = {1: 2, 2: 3, 3: 4, 4: 5}


@cache
def _words(length: int) -> tuple[str, ...]:
    return tuple(word for word in WORDS if len(word) == length)


@cache
def _alike(word: str) -> tuple[str, ...]:
    """The dozen words of its length that share the most letters, at their places, with a word."""
    others = [other for other in _words(len(word)) if other != word]
    return tuple(sorted(others, key=lambda other: -sum(a == b for a, b in zip(word, other, strict=True)))[:12])


def move(letter: str, places: int) -> str:
    return ascii_uppercase[(ascii_uppercase.index(letter) + places) % 26]


def shifts(rule: Rule, length: int) -> list[int]:
    """How far each letter moves (not for "mirror")."""
    name, _, *p = rule
    if name == "shift":
        return [p[0]] * length
    if name == "growing":  # the first letter moves by p[0], each further one by p[1] more
        return [p[0] + i * p[1] for i in range(length)]
    if name == "turns":  # odd places move by p[0], even ones by p[1]
        return [p[i % 2] for i in range(length)]
    raise ValueError(f"rule {name!r} does not move letters")


def encode(rule: Rule, word: str) -> str:
    source = word[::-1] if rule[1] else word
    if rule[0] == "mirror":
        return "".join(ascii_uppercase[25 - ascii_uppercase.index(c)] for c in source)
    return "".join(map(move, source, shifts(rule, len(word))))


def fitting(word: str, code: str) -> list[Rule]:
    """Every rule of the class that gives a word of three letters or more its code."""
    fit: list[Rule] = []
    for backwards in (False, True):
        source = word[::-1] if backwards else word
        moved = [(ord(c) - ord(s)) % 26 for s, c in zip(source, code, strict=True)]
        if len(set(moved)) == 1:
            fit.append(("shift", backwards, moved[0]))
        if len({(b - a) % 26 for a, b in pairwise(moved)}) == 1:
            fit.append(("growing", backwards, moved[0], moved[1] - moved[0]))
        if moved[2:] == moved[:-2]:
            fit.append(("turns", backwards, *moved[:2]))
        if encode(("mirror", backwards), word) == code:
            fit.append(("mirror", backwards))
    return fit


def _wraps(rule: Rule, *words: str) -> bool:
    """Whether a letter of these words moves past the end of the alphabet."""
    if rule[0] == "mirror":
        return False
    read = [word[::-1] if rule[1] else word for word in words]
    return any(not 0 <= ord(c) - 65 + by < 26
               for word in read for c, by in zip(word, shifts(rule, len(word)), strict=True))


# -- four rules alike ------------------------------------------------------------------------------------------------


def _rules(rng: Random, name: str, backwards: bool, level: int) -> list[Rule]:
    """Four rules: two slips, each made or not."""
    k = rng.choice((1, -1)) * rng.randint(1, 3 + level // 2)
    near = rng.choice([n for n in (k - 2, k - 1, k + 1, k + 2) if n])
    if name == "mirror":
        other = ("mirror",), ("shift", k)
    elif name == "shift":
        other = ("shift", k), ("shift", -k if backwards else near)
    elif name == "growing":
        by = rng.choice((1, 1, 2))
        other = ("growing", k, by), ("growing", k if backwards else near, -by if rng.random() < 0.5 else 3 - by)
    else:
        second = rng.choice([n for n in range(-6, 7) if n and n != k])
        other = ("turns", k, second), ("turns", second, k)
        if not backwards:
            aside = rng.choice([-second, second + 1, second - 1])
            return [("turns", False, a, b) for a, b in product((k, near), (second, aside))]
    if backwards:
        return [(one[0], back, *one[1:]) for one in other for back in (False, True)]
    if name == "growing":
        return [("growing", False, a, b) for a, b in product((k, near), (other[0][2], other[1][2]))]
    if name == "shift":
        return [("shift", False, by) for by in (k, near, -k, -near)]
    return [(name, False, *one[1:]) for one in other] + [("shift", False, near), ("shift", False, -k)]


def _sound(rule: Rule) -> bool:
    """Whether the rule is what its name says: no letter stays throughout, two turns differ."""
    name, _, *p = rule
    return name == "mirror" or (p[0] % 26 != 0 if name == "shift" else p[0] != p[1] and (name == "growing" or all(p)))


def _shows(rule: Rule, example: str, words: Sequence[str]) -> bool:
    """Whether the example's code shows all there is to know of the rule for these words."""
    fit = fitting(example, encode(rule, example))
    return all({encode(other, word) for other in fit} == {encode(rule, word)} for word in words)


def _examples(length: int) -> tuple[str, ...]:
    """The words that can be the example for words of a length. Three letters would always fit a second rule."""
    return _words(max(4, length - 1)) + (_words(length) if length > 4 else ())


def _rule_steps(rule: Rule, example: str) -> list[str]:
    """What the example shows."""
    name, backwards, *_ = rule
    source, code = example[::-1] if backwards else example, encode(rule, example)
    steps = [f"{example} is read backwards: {source}."] if backwards else []
    if name == "mirror":
        return [*steps, f"{source} to {code}: A and Z, B and Y, and so on change places."]
    by = shifts(rule, 3)
    if name == "shift":
        return [*steps, f"{source} to {code}: each letter moves {by[0]:+d}."]
    pairs = [f"{s} to {c}: {n:+d}" for s, c, n in zip(source, code, by, strict=False)]
    last = "in turn" if name == "turns" else f"then {by[2]:+d} and so on"
    return [*steps, f"{pairs[0]}.", f"{pairs[1]}, {last}."]


def _plus(number: int) -> str:
    """ "+ 3" or "- 3"."""
    return f"{'-' if number < 0 else '+'} {abs(number)}"


def _letter_steps(rule: Rule, word: str) -> list[str]:
    """The coding of a word, letter by letter."""
    source, code = word[::-1] if rule[1] else word, encode(rule, word)
    if rule[0] == "mirror":
        return [f"{s} gives {c}." for s, c in zip(source, code, strict=True)]
    return [f"{s} {_plus(n)} = {c}." for s, c, n in zip(source, code, shifts(rule, len(word)), strict=True)]


def _ended(steps: Sequence[str], result: str) -> list[str]:
    return [*steps[:-1], f"{steps[-1][:-1]}, so {result}."]


# -- the rule is told ------------------------------------------------------------------------------------------------


def _draw_stated(rng: Random, level: int) -> list[World] | None:
    length = _STATED[level]
    word = "".join(rng.sample(ascii_uppercase, 2)) if length == 2 else rng.choice(_words(length))
    k = rng.randint(1, 6 + 2 * level)
    near = rng.choice([n for n in (k - 1, k + 1) if n])
    return [World(encode(("shift", False, by), word), (word, by)) for by in (k, -k, near, -near)]


def _tell_stated(rng: Random, level: int, world: World) -> Told:
    word, by = world.facts
    where = f"{abs(by)} place{'' if abs(by) == 1 else 's'} {'after' if by > 0 else 'before'} it"
    what = f"the pair of letters {word}" if len(word) == 2 else word
    question = rng.choice([f"In a code, each letter is replaced by the letter {where} in the alphabet.",
                           f"A secret code replaces every letter by the one {where} in the alphabet."])
    if _wraps(("shift", False, by), word):
        question += f" {_RING}"
    question += rng.choice([f" How is {what} written in this code?", f" What does {what} become?"])
    return Told(question, _ended(_letter_steps(("shift", False, by), word), world.option), (word, by))


# -- the code of a word, from an example -----------------------------------------------------------------------------


def _draw_encode(rng: Random, level: int) -> list[World] | None:
    name, backwards, length = rng.choice(_FORMS[level])
    rules = _rules(rng, name, backwards, level)
    word = rng.choice(_words(length))
    example = rng.choice(_examples(length))
    if example == word or not all(_sound(rule) and _shows(rule, example, [word]) for rule in rules):
        return None
    return [World(encode(rule, word), (rule, example, word)) for rule in rules]


def _tell_encode(rng: Random, level: int, world: World) -> Told:
    rule, example, word = world.facts
    shown = encode(rule, example)
    question = rng.choice([f"In a code, {example} is written {shown}. How is {word} written in it?",
                           f"If {example} is coded as {shown}, how is {word} coded?",
                           f"{example} becomes {shown} in a secret code. What does {word} become?"])
    if _wraps(rule, example, word):
        question = f"{_RING} {question}"
    steps = _rule_steps(rule, example)
    if rule[1]:
        steps.append(f"{word} backwards is {word[::-1]}.")
    return Told(question, _ended([*steps, *_letter_steps(rule, word)], world.option), (rule, example, word))


# -- the word behind a code ------------------------------------------------------------------------------------------


def _draw_decode(rng: Random, level: int) -> list[World] | None:
    name, backwards, length = rng.choice(_FORMS[level])
    rule = rng.choice(_rules(rng, name, backwards, level))
    first = rng.choice(_words(length))
    words = [first, *rng.sample(_alike(first), 3)]
    example = rng.choice(_examples(length))
    if example in words or not _sound(rule) or not _shows(rule, example, words):
        return None
    return [World(word, (rule, example, word)) for word in words]


def _tell_decode(rng: Random, level: int, world: World) -> Told:
    rule, example, word = world.facts
    shown, code = encode(rule, example), encode(rule, word)
    question = rng.choice([f"In a code, {example} is written {shown}. Which word is written {code}?",
                           f"If {example} becomes {shown}, which word becomes {code}?",
                           f"{example} is coded as {shown}. Which word has the code {code}?"])
    if _wraps(rule, example, word):
        question = f"{_RING} {question}"
    source = word[::-1] if rule[1] else word
    if rule[0] == "mirror":
        letters = [f"{c} comes from {s}." for s, c in zip(source, code, strict=True)]
    else:
        letters = [f"{c} {_plus(-n)} = {s}." for s, c, n in zip(source, code, shifts(rule, len(word)), strict=True)]
    steps = [*_rule_steps(rule, example), *letters]
    steps = [*steps, f"{source} backwards is {word}."] if rule[1] else _ended(steps, word)
    return Told(question, steps, ("of", rule, example, word))


# -- what a word is worth --------------------------------------------------------------------------------------------


def _worth(word: str, down: bool) -> list[int]:
    return [26 - ascii_uppercase.index(c) if down else ascii_uppercase.index(c) + 1 for c in word]


def _draw_value(rng: Random, level: int) -> list[World] | None:
    """Four words whose sums are near each other, and one rule for all: A = 1 or A = 26, then times or plus a number."""
    length, changed = _VALUES[level]
    down = rng.random() < 0.5
    last = rng.choice((("times", rng.randint(2, 5)), ("plus", rng.randint(2, 30)))) if changed else None
    if length == 2:
        first = rng.sample(ascii_uppercase, 2)
        words = ["".join(first), *("".join(rng.sample(ascii_uppercase, 2)) for _ in range(3))]
    else:
        total = sum(_worth(rng.choice(_words(length)), down))
        near = [word for word in _words(length) if abs(sum(_worth(word, down)) - total) <= 6]
        words = rng.sample(near, 4) if len(near) >= 4 else []
    sums = {sum(_worth(word, down)) for word in words}
    if len(sums) < 4 or max(sums) - min(sums) > 12:
        return None
    return [World(str(_changed(sum(_worth(word, down)), last)), (word, down, last)) for word in words]


def _changed(total: int, last: tuple[str, int] | None) -> int:
    if last is None:
        return total
    return total * last[1] if last[0] == "times" else total + last[1]


def _tell_value(rng: Random, level: int, world: World) -> Told:
    word, down, last = world.facts
    rule = "A = 26, B = 25, C = 24 and so on to Z = 1" if down else "A = 1, B = 2, C = 3 and so on to Z = 26"
    what = f"the pair of letters {word}" if len(word) == 2 else f"the word {word}"
    worth = {None: "the sum of its letters", "times": "{} times the sum of its letters",
             "plus": "{} more than the sum of its letters"}[last and last[0]].format(last and last[1])
    subject = "A pair of letters" if len(word) == 2 else "A word"
    question = rng.choice([f"Let {rule}. {subject} is worth {worth}. How much is {what} worth?",
                           f"With {rule}, the value of {subject[0].lower()}{subject[1:]} is {worth}. "
                           f"What is the value of {what}?"])
    numbers = _worth(word, down)
    steps = [f"{c} = {n}." for c, n in zip(word, numbers, strict=True)]
    total = numbers[0]
    for number in numbers[1:]:
        steps.append(f"{total} + {number} = {total + number}.")
        total += number
    if last:
        steps.append(f"{total} {'x' if last[0] == 'times' else '+'} {last[1]} = {world.option}.")
    return Told(question, steps, ("".join(sorted(word)), down, last))


KIND = Kind(
    "coding",
    "Coding and decoding",
    ("Letter shifts", "Secret codes", "Word values"),
    "Logical Reasoning",
    (
        Template("stated", patient(_draw_stated), _tell_stated, tuple(_STATED)),
        Template("encode", patient(_draw_encode), _tell_encode, tuple(_FORMS)),
        Template("decode", patient(_draw_decode), _tell_decode, tuple(_FORMS)),
        Template("value", patient(_draw_value), _tell_value, tuple(_VALUES)),
    ),
    short_level=10,
)
