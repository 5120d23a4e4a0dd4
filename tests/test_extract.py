"""The answer in a reply: hundreds of endings as models write them, and what must never be taken for an answer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepladder.core.records import LETTERS
from stepladder.engine import extract, wording

CHOICES = {"A": "Rome", "B": "Paris", "C": "vitamin B", "D": "None of these"}
LEAD = "France is a country in Europe and its capital lies on the Seine."

# Endings that conclude with {x}; each is tried with every letter, alone and after a line of reasoning.
CONCLUSIVE = """\
Answer: {x}
Answer: {x}.
Answer:{x}
Answer : {x}
answer: {x}
ANSWER: {x}
Answer: ({x})
Answer: ({x}).
Answer: [{x}]
Answer: "{x}"
Answer: {x})
Answer: {x}) Paris
Answer: {x}. Paris
Answer: {x}: Paris
Answer: {x} - Paris
Answer: {x} – Paris
Answer: {x} (Paris)
Answer: {x}, Paris
Answer: {x}, because it is the capital.
Answer: {x} because it is the capital.
Answer: {x} is correct.
Answer: {x} is the correct answer.
Answer: {x}, not E
Answer: {x}?
Answer: {x}!
Answer: Option {x}
Answer: option {x}.
Answer: Option ({x})
Answer: Choice {x}
Answer: the answer is {x}.
Answer - {x}
Answer → {x}
**Answer: {x}**
**Answer:** {x}
**Answer:** **{x}**
**Answer**: {x}
*Answer: {x}*
__Answer: {x}__
### Answer: {x}
## Final Answer: {x}
> Answer: {x}
- Answer: {x}
`Answer: {x}`
Answer: `{x}`
Answer: **{x}.** Paris
Answer: **({x}) Paris**
Final answer: {x}
Final Answer: **{x}**
The final answer: {x}
Correct answer: {x}
The correct answer: {x}
Best answer: {x}
My answer: {x}
So the answer: {x}
Answer choice: {x}
Ans: {x}
#### {x}
\\boxed{{{x}}}
$\\boxed{{{x}}}$
The answer is $\\boxed{{\\text{{{x}}}}}$.
\\[\\boxed{{\\mathrm{{{x}}}}}\\]
The answer is {x}
The answer is {x}.
The answer is ({x}).
The answer is **{x}**.
The answer is **({x})**.
The answer is {x}) Paris.
The answer is {x}. Paris.
The answer is: {x}
The answer is: ({x})
The answer is option {x}.
The answer is Option ({x}).
The answer is therefore {x}.
The answer is clearly {x}.
The correct answer is {x}.
The correct answer is ({x}).
The correct answer is: {x}) Paris
The correct answer is **{x}. Paris**
The correct answer is option {x}, Paris.
The correct answer must be {x}.
The correct option is {x}.
The right answer is {x}.
The right choice is {x}.
The best answer is {x}.
The best choice here is {x}.
The most likely answer is {x}.
Therefore, the answer is {x}.
Thus the correct answer is ({x}).
Hence, the answer must be {x}.
So the answer is {x}.
So, the correct option is ({x}).
so the answer is {x}
My final answer is {x}.
Our answer is {x}.
The answer to the question is {x}.
The answer should be {x}.
The answer would be {x}.
The answer has to be {x}.
In conclusion, the answer is {x}.
Based on this, the answer is {x}.
Option {x} is correct.
Option {x} is the correct answer.
Option ({x}) is the best choice.
Option {x}, Paris, is correct.
Option {x} must be the right one.
Choice {x} is the right one.
({x}) is correct.
{x} is correct.
{x} is the correct answer.
{x}) is the right answer.
I choose {x}.
I would choose option {x}.
I'd pick {x}.
I'll go with {x}.
I will go with ({x}).
We choose {x}.
I select option {x}.
Therefore, {x}.
Thus, ({x}).
So it is {x}.
{x}
{x}.
({x})
({x}).
**{x}**
**({x})**
{x})
"{x}"
[{x}]
""".splitlines()

NOTHING = [
    "", " ", "\n\n", "I do not know.", "The capital of France is Paris.", "Let me think about it", "Answer:",
    "Answer: ",
    "Answer: ?", "Answer: none", "Answer: None", "Answer: none of the above", "Answer: None of the options",
    "Answer: N/A", "Answer: unknown", "Answer: E", "Answer: X", "Answer: F.", "Answer: 42", "Answer: 3.14",
    "Answer: B or C", "Answer: B and C", "Answer: B, C", "Answer: B/C", "Answer: (B) or (C)", "Answer: B & C",
    "Answer: A, B, and D", "Answer: A, B, C, D", "Answer: either B or C", "Answer: both A and B", "Answer: A-D",
    "Answer: [A/B/C/D]", "Answer: A|B|C|D", "Answer: B or possibly C", "Answer: **B** or **C**", "Answer: ABCD",
    "Answer: BC", "Answer: Both", "Answer: not B", "Answer: B is wrong", "Answer: B is not correct",
    "Answer: B is incorrect.", "Answer: Brazil", "Answer: Denmark", "Answer: a dog", "Answer: A dog",
    "Answer: a big house", "Answer: vitamin B", "Answer: B cells", "Answer: D major", "Answer: C-reactive protein",
    "Answer: Apple", "Answer: don't know", "B or C", "B and C", "A, B", "Either B or C.", "It could be B or C.",
    "The answer is B or C.", "The answer is either B or C.", "The answer is both A and B.", "The answer is not B.",
    "The answer isn't B.", "The answer cannot be B.", "The answer is none of these.", "The answer is a dog.",
    "The answer is A dog.", "The answer is vitamin B.", "The answer is unclear.", "The answer is Brazil.",
    "The answer is an apple.", "The answer is D-day.", "Option B is not correct.", "Option B is wrong.",
    "Option B is incorrect because it is.", "Options B and C are correct.", "If the answer is B, then it rains.",
    "Is the answer B?", "Whether the answer is B depends on the weather.", "Suppose the answer is B.",
    "Vitamin B is good for you.", "B cells make antibodies.", "A dog is an animal.", "I", "Because", "Certainly",
    "Bad", "Dogs", "Cats and dogs", "A dog", "a", "Plan B", "Grade A", "hepatitis B", "AB", "ABCD", "A B C D",
    "A. Rome\nB. Paris\nC. Berlin\nD. Madrid", "(A) Rome (B) Paris (C) Berlin (D) Madrid",
    "A) Rome\nB) Paris", "A. 1 no\nB. 2 no\nC. 3 no\nD. 4 no", "A. 1 yes\nB. 2 yes\nC. 3 no\nD. 4 no",
    "A. 1 yes\nB. 2 yes\nC. 3 yes\nD. 4 yes", "Answer: A\nAnswer: B\nAnswer: C\nAnswer: D", "Answer: B\nAnswer: C",
    "Answer: B\n\nAnswer: none", "Answer: (B)\nAnswer: (D)", "<think>It is B.", "<think>The answer is B.",
    "<think>I think the answer is B", "<think></think>", "<think>Answer: B</think>", "<think>B</think>I am not sure.",
    "Let's go through them.\nA. Rome", "10000000", "....", "?", "the the the the", "Answer: A B", "Answer: yes",
    "Answer: True", "Answer: Correct", "Answer: the second one", "I choose a dog.", "I choose carefully.",
    "I pick both A and B.", "We conclude that it rains.", "So it is a dog.", "Therefore, a dog.",
    "The choice is yours.", "The option is available.", "Answer B or C, whichever you like.",
    "A is not the right answer.", "(B) is not correct.", "B is incorrect.", "Neither A nor B.",
    "The correct answer is not among the options.", "The question cannot be answered.", "E", "(E)", "F.",
]

SPECIAL = [
    # corrections: what comes after further thought counts
    ("Answer: B. Wait, no.\nAnswer: C", "C"), ("Answer: B\nWait, that is wrong.\nAnswer: C", "C"),
    ("The answer is B. Actually, no: Paris is bigger.\nThe answer is D.", "D"),
    ("Answer: A\nLet me check this again: 3 + 4 is 7 and not 8, so I was wrong before.\nAnswer: D", "D"),
    ("First I thought the answer is A. Now I see that the answer is B.", "B"),
    # repetition is no contradiction
    ("Answer: B\nAnswer: B", "B"), ("Answer: B\n\nAnswer: (B)", "B"), ("The answer is B.\nAnswer: B", "B"),
    # an answer line outranks sentences before and after it
    ("The answer is A.\nBut that was quick.\nAnswer: C", "C"), ("Answer: C\nThe answer is A in other books.", "C"),
    # cut off after the words that announce the letter
    ("The answer is B.\nAnswer:", "B"), ("Answer: B\nAnswer:", "B"),
    # on the next line
    ("Answer:\nB", "B"), ("Answer:\n\n(B)", "B"), ("The correct answer is:\nC", "C"), ("Final answer:\n**D**", "D"),
    # think tags
    ("<think>A or B? Answer: A</think>\nAnswer: D", "D"), ("<think>hm</think>B", "B"),
    ("<thinking>Answer: A</thinking>The answer is C.", "C"),
    ("reasoning without the opening tag</think>\nAnswer: B", "B"),
    ("<think>it goes on and on\nAnswer: B", "B"), ("<think>\n</think>\n\nAnswer: A", "A"),
    ("<answer>B</answer>", "B"), ("<think>x</think><answer> C </answer>", "C"),
    # verdicts on options
    ("12 / 3 = 4, 4 x 2 = 8.\nA. 6 no\nB. 18 no\nC. 8 yes\nD. 24 no", "C"),
    ("A. 6 no\nB. 18 no\nC. 8 yes\nD. 24 no\nAnswer: C", "C"),
    ("A. 6 no\nB. 18 no\nC. 8 yes\nD. 24 no\nAnswer: D", "D"),
    ("A) Rome: no\nB) Paris: yes\nC) Berlin: no\nD) Madrid: no", "B"), ("A. Rome ✗\nB. Paris ✓\nC. Oslo ✗", "B"),
    ("A. Rome - incorrect\nB. Paris - correct\nC. Oslo - incorrect\nD. Ulm - incorrect", "B"),
    ("Option A. Rome no\nOption B. Paris yes", "B"), ("- A. Rome no\n- B. Paris no\n- C. Oslo no\n- D. Ulm yes.", "D"),
    # one option written out
    ("B. Paris", "B"), ("B) Paris", "B"), ("(B) Paris", "B"), ("B: Paris", "B"),
    ("B. Paris is the capital of France.", "B"),
    # only a later question's answer follows
    ("Answer: B\n\nQuestion: What is 2 + 2?\nA. 3\nB. 4\nAnswer: D", "B"), ("Answer: B\nQ: And Rome?\nAnswer: A", "B"),
    # other scripts and spaces
    ("Answer： B", "B"), ("Answer: Ｂ", "B"), ("Answer:\u00a0B", "B"), ("Answer:\tB", "B"), ("Answer: B\r\n", "B"),
    # lower case
    ("answer: b", "B"), ("answer: (c)", "C"), ("Answer: d.", "D"), ("the answer is (a)", "A"), ("answer: a", "A"),
    ("b", "B"), ("(d)", "D"),
    # letters elsewhere in the text
    ("Vitamin C and vitamin D are not meant.\nAnswer: B", "B"), ("Plan A failed, plan B too.\nThe answer is (D).", "D"),
    ("A dog barks. A cat does not.\nAnswer: A", "A"), ("Points A and B are 5 apart, C is in between.\nAnswer: C", "C"),
    ("If the answer is A, it would rain. It does not. The answer is B.", "B"),
    ("Option A is wrong. Option B is correct.", "B"), ("A is incorrect, since Rome is in Italy. The answer is B.", "B"),
    ("Answer: B (not C)", "B"), ("Answer: B, not C", "B"), ("Answer: B. Not A.", "B"),
    ("Answer: B; the rest is wrong", "B"),
    ("Let us see. Answer: B", "B"), ("It lies on the Seine. Answer: (C)", "C"),
]


def cases() -> list[tuple[str, str | None]]:
    found: list[tuple[str, str | None]] = [(text, None) for text in NOTHING] + SPECIAL
    for ending in CONCLUSIVE:
        for letter in LETTERS:
            found.append((ending.format(x=letter), letter))
        found.append((f"{LEAD}\n{ending.format(x='C')}", "C"))
        found.append((f"{LEAD}\n\n{ending.format(x='A')}\n", "A"))
    return found


def test_the_table_is_as_large_as_it_claims() -> None:
    assert len({text for text, _ in cases()}) > 700


@pytest.mark.parametrize(("group", "wanted"), [("conclusive", True), ("nothing", False), ("special", True)])
def test_endings(group: str, wanted: bool) -> None:
    chosen = {"conclusive": cases()[len(NOTHING) + len(SPECIAL):], "nothing": [(t, None) for t in NOTHING],
              "special": SPECIAL}[group]
    wrong = [(text, letter, found) for text, letter in chosen if (found := extract.extract_answer(text)) != letter]
    assert not wrong, f"{len(wrong)} of {len(chosen)}: {wrong[:8]}"
    assert any(letter for _, letter in chosen) is wanted


@pytest.mark.parametrize(("text", "letter"), [
    ("Answer: Paris", "B"), ("Answer: paris.", "B"), ("Answer: vitamin B", "C"), ("The answer is Paris.", "B"),
    ("Answer: None of these", "D"), ("Answer: B Paris", "B"), ("Answer: Berlin", None), ("Answer: B Rome", None),
    ("Answer: **Rome**", "A")])
def test_options_named_by_their_text(text: str, letter: str | None) -> None:
    assert extract.extract_answer(text, CHOICES) == letter


@given(st.text(max_size=300))
def test_any_text_gives_a_letter_or_none(text: str) -> None:
    assert extract.extract_answer(text) in (*LETTERS, None)
    assert extract.degenerate(text) in ("empty", "near-empty", "constant", "loop", None)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200), st.sampled_from(LETTERS))
def test_a_clear_last_line_decides_whatever_stands_before(text: str, letter: str) -> None:
    before = "".join(sign for sign in text if sign not in "<>").replace("nswer", "")
    assert extract.extract_answer(f"{before}\n\nthat is all there is to say\nAnswer: {letter}") == letter


@pytest.mark.parametrize("piece", [
    "the answer is ", "Option A ", "*_", "A. yes\n", "(", "answer: ", "<think>", "B, ",
    "\\boxed{"])
def test_long_repetitions_end(piece: str) -> None:
    text = piece * (20_000 // len(piece))  # matching that runs wild would not come back
    assert extract.extract_answer(text) in (None, "A")
    assert extract.degenerate(text) in ("empty", "constant", "loop", "near-empty")


@pytest.mark.parametrize(("text", "reason"), [
    ("", "empty"), ("  \n ", "empty"), ("...!!!", "empty"), ("<think>long thoughts</think>", "empty"),
    ("Answer: B", "near-empty"), ("B", "near-empty"), ("It is.\nAnswer: B", "near-empty"),
    ("1" + "0" * 40, "constant"), ("no " * 12 + "it is so", "constant"), ("ha" * 3 + "a" * 60, "constant"),
    ("The cat sat on the mat. " * 12, "loop"), ("We add 3 and 4.\n" * 5, "loop"),
    ("It is red. If so, it is not blue. It can only be red if it is so. Why? It is not blue, but then again. It can "
     "only be red if it is so. Who knows? The sky is another thing. It can only be red if it is so.", "loop"),
    ("A. 6 no\nB. 7 no\nC. 8 no\nD. 9 no\n" * 4, "loop"), ("x = x + 1; " * 40, "constant"),
    ("12 pens are 4 packs of 3. Each pack costs 2 dollars, so 8 dollars.\nA. 6 no\nB. 18 no\nC. 8 yes\nD. 24 no", None),
    ("P - 5 = K. E - 5 = Z. P - 5 = K. P - 5 = K. E - 5 = Z. R - 5 = M, so KZKKZM.\nAnswer: D", None),
    ("The capital of France is Paris, which lies on the Seine.\nAnswer: B", None),
    ("a table:\n| --- | --- |\n-------------------------------\nso Paris it is, as one can see\nAnswer: B", None),
])
def test_degenerate_text(text: str, reason: str | None) -> None:
    assert extract.degenerate(text) == reason


def test_puzzle_solutions_are_read_and_never_degenerate() -> None:
    from stepladder.puzzles.catalog import stream

    for puzzle in stream(60, seed=3, levels=(1, 6)):
        assert extract.extract_answer(puzzle.reasoning, puzzle.choices) == puzzle.answer
        assert extract.degenerate(puzzle.reasoning) is None
        assert extract.verdicts(puzzle.reasoning, puzzle.choices) == {puzzle.answer}


@pytest.mark.parametrize(("text", "kept"), [
    ("Four packs.\nAnswer: C", "Four packs."), ("Four packs.\n**Answer:** (C)\nHope that helps!", "Four packs."),
    ("Four packs.\nAnswer:\nC", "Four packs."), ("Four packs. The answer is C.", "Four packs. The answer is C."),
    ("<think>hm</think>\nFour packs at $2.\nAnswer: C", "Four packs at $2."),
    ("Four packs.\nAnswer: C\n\nQuestion: next?\nAnswer: A", "Four packs."), ("Answer: C", ""),
    ("Answer: B. Wait, no.\nFour packs.\nAnswer: C", "Answer: B. Wait, no.\nFour packs."),
    ("Four packs.\n\nC", "Four packs."),
])
def test_the_reasoning_without_its_conclusion(text: str, kept: str) -> None:
    assert extract.reasoning_part(text) == kept


def test_an_option_that_ends_in_yes_is_no_verdict() -> None:
    choices = {"A": "Yes", "B": "No", "C": "Yes and no", "D": "Sometimes"}
    assert extract.verdicts("A. Yes\nB. No\nC. Yes and no\nD. Sometimes", choices) is None
    assert extract.verdicts("A. Yes yes\nB. No no", choices) == {"A"}


LABEL_WORDS = sorted({word for words in wording._lexicon().values() for word, kind in words.items() if kind == "n"})


@settings(deadline=None)
@given(st.lists(st.sampled_from([*LABEL_WORDS, "B", "is", "the", ":", "-", "'s", "x", "答", "(", "é"]), max_size=6),
       st.sampled_from(["", " "]), st.booleans())
def test_the_cheap_look_for_an_answer_line_misses_none(words: list[str], between: str, upper: bool) -> None:
    line = between.join(words)
    line = line.upper() if upper else line
    if any(token.kind == "n" for token in wording.tokens(line)):
        assert wording.may_announce(line)
