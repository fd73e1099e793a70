"""Generated lists: one right passage and seven whose words are bound, ordered or negated differently.

Eight passages are written first; then one of them is drawn, and a question is asked about it.
So a passage's text, its length or its distractors tell nothing about whether it is right.
With `held_out`, words and sentence patterns differ from the trained ones.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations

from training import sense_words, words
from training.bound_pairs import Asked, Draw, bound_pairs
from training.words import part_of

LIST_SIZE = 8
_SHARE_OF_SURROUNDED = 0.7
_STARTS = re.compile(r"(?:^|(?<=[.?!] ))[a-z]")


@dataclass(frozen=True)
class GeneratedList:
    """A question and eight passages of which the first is the right one."""

    question: str
    passages: list[str]


def generate_list(seed: int, *, held_out: bool = False) -> GeneratedList:
    """Return one list, always the same for a seed; with `held_out`, from words and patterns kept for evaluation."""
    return generate_family(_ROTATION[seed % len(_ROTATION)], seed, held_out=held_out)


def generate_family(family: str, seed: int, *, held_out: bool = False) -> GeneratedList:
    """Return one list of a family (one of `FAMILIES`), always the same for a seed."""
    made, place = _ask_family(family, seed, held_out)
    passages = made.passages
    return GeneratedList(made.ask(place), [passages[place], *passages[:place], *passages[place + 1 :]])


def every_question(family: str, seed: int, *, held_out: bool = False) -> list[GeneratedList]:
    """Return a list's eight passages with all eight questions; each passage is right once and wrong seven times."""
    made, _ = _ask_family(family, seed, held_out)
    return [
        GeneratedList(made.ask(place), [text, *made.passages[:place], *made.passages[place + 1 :]])
        for place, text in enumerate(made.passages)
    ]


def _ask_family(family: str, seed: int, held_out: bool) -> tuple[Asked, int]:
    draw = Draw(random.Random(f"{family} {seed} {held_out}"), held_out)
    made = _MAKERS[family](draw)
    passages = _surrounded(draw, made.passages)
    return Asked(passages, made.ask), draw.rng.randrange(LIST_SIZE)


def _sentences(text: str) -> str:
    return _STARTS.sub(lambda start: start[0].upper(), text)


def _surrounded(draw: Draw, passages: Sequence[str]) -> list[str]:
    """Surround every passage with zero to five other sentences, the same for the whole list or different for each."""
    rng = draw.rng
    if rng.random() > _SHARE_OF_SURROUNDED:
        return [_sentences(text) for text in passages]

    def around() -> tuple[list[str], list[str]]:
        count = rng.choice((0, 1, 1, 2, 3, 4, 5))
        year = str(rng.randint(1950, 2020))
        noun = rng.choice(part_of(words.NOUNS, held_out=draw.held_out))
        with_article = f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
        patterns = rng.sample(draw.part("SURROUNDINGS"), min(count, len(draw.part("SURROUNDINGS"))))
        made = [_sentences(each.format(n=noun, an=with_article, year=year)) for each in patterns]
        cut = rng.randint(0, len(made))
        return made[:cut], made[cut:]

    same = around() if rng.random() < 0.5 else None
    texts = []
    for text in passages:
        before, after = same or around()
        texts.append(" ".join([*before, _sentences(text), *after]))
    return texts


def _things(draw: Draw) -> list[tuple[str, str]]:
    """Return two things, or the same thing of two owners, as passages and as questions name them."""
    if draw.rng.random() < 0.3:
        noun = draw.some(words.NOUNS, 1)[0]
        return [(f"{name}'s {noun}",) * 2 for name in draw.some(words.NAMES, 2)]
    return [(f"the {noun}", noun) for noun in draw.some(words.NOUNS, 2)]


def _binding(draw: Draw) -> Asked:
    scales = draw.some(words.SCALES, 4)

    def clause(feature: int, pole: int) -> str:
        return scales[feature][pole]

    return bound_pairs(draw, "BINDING", "BINDING_QUESTIONS", _things(draw), clause, c=clause)


def _negation(draw: Draw) -> Asked:
    """Return a list whose pole is whether a thing has a part, or whether somebody did a deed."""
    if draw.rng.random() < 0.35:
        deeds = draw.some(words.ACTIONS, 4)
        denial = draw.rng.choice(("did not {}", "didn't {}", "refused to {}", "never {}"))

        def deed(feature: int, pole: int) -> str:
            base, past = deeds[feature]
            return past if pole else denial.format(past if denial.startswith("never") else base)

        people = [(f"the {name}", name) for name in draw.some(words.PEOPLE, 2)]
        return bound_pairs(draw, "DEEDS_DONE", "DEED_QUESTIONS", people, deed)
    parts = draw.some(words.PARTS, 4)
    articles = ["an" if part[0] in "aeiou" else "a" for part in parts]

    def part(feature: int, pole: int) -> str:
        return f"{articles[feature]} {parts[feature]}" if pole else f"no {parts[feature]}"

    return bound_pairs(draw, "PARTS", "PART_QUESTIONS", _things(draw), part)


def _numbers(draw: Draw) -> Asked:
    """Return a list whose pole is which of two quantities a thing has; half the lists reuse numbers in other units."""
    rng = draw.rng
    measures = draw.some(words.MEASURES, 4)
    if rng.random() < 0.3:
        return _compared(draw, measures)
    low, high = max(int(each[3]) for each in measures), min(int(each[4]) for each in measures)
    if rng.random() < 0.5 and high - low > 2:
        amounts = [rng.sample(range(low, high + 1), 2)] * 4
        amounts = [each[:: rng.choice((1, -1))] for each in amounts]
    else:
        amounts = [rng.sample(range(int(each[3]), int(each[4]) + 1), 2) for each in measures]

    def quantity(feature: int, pole: int) -> str:
        return f"{amounts[feature][pole]} {measures[feature][2]}"

    def verb(feature: int, pole: int) -> str:
        return measures[feature][0].format(quantity(feature, pole))

    def noun(feature: int, pole: int) -> str:
        return measures[feature][1].format(quantity(feature, pole))

    return bound_pairs(draw, "NUMBERS", "NUMBER_QUESTIONS", _things(draw), verb, q=quantity, k=noun)


def _compared(draw: Draw, measures: list[tuple[str, ...]]) -> Asked:
    """Return a list about which of two things has more, worded either way round."""
    rng = draw.rng
    things = _things(draw)
    pattern, style = draw.one_style("COMPARISONS"), rng.choice(draw.part("COMPARISON_QUESTIONS"))
    worlds = [(measure, side, rng.random() < 0.5) for measure in measures for side in (0, 1)]

    def said(template: str, place: int, form: int, turned: bool) -> str:
        measure, side, _ = worlds[place]
        more, less = (measure[6], measure[5]) if turned else (measure[5], measure[6])
        first = 1 - side if turned else side
        return template.format(a=things[first][form], b=things[1 - first][form], more=more, less=less)

    turned, form = rng.random() < 0.5, rng.randrange(2)
    passages = [said(pattern(), place, 0, is_turned) for place, (_, _, is_turned) in enumerate(worlds)]
    return Asked(passages, lambda place: said(style, place, form, turned))


def _parties(draw: Draw, count: int) -> list[str]:
    if draw.rng.random() < 0.5:
        return [f"the {name}" for name in draw.some(words.PEOPLE, count)]
    return draw.some(words.NAMES, count)


def _roles(draw: Draw) -> Asked:
    """Return a list about who did it to whom: two deeds over three parties, or X sold Y to Z in all orders."""
    rng = draw.rng
    if rng.random() < 0.3:
        return _transfers(draw)
    first, second, third = _parties(draw, 3)
    year = str(rng.randint(1950, 2020))
    pairs = ((first, second), (second, first), (first, third), (third, first))
    deeds, others = draw.some(words.DEEDS, 4), rng.sample(pairs, 4)
    worlds = [(deed, pair) for deed in deeds[:2] for pair in pairs]
    asides = [(deed, pair) for deed in deeds[2:] for pair in others]
    pattern, with_asides = draw.one_style("ROLES"), rng.random() < 0.6

    def said(template: str, deed: tuple[str, ...], pair: tuple[str, str]) -> str:
        base, past, done, noun = deed
        return template.format(a=pair[0], b=pair[1], base=base, past=past, done=done, noun=noun, year=year)

    closed, opened = rng.choice(draw.part("ROLE_QUESTIONS")), rng.choice(draw.part("OPEN_QUESTIONS"))
    is_open = rng.random() < 0.4
    asked = asides if with_asides and rng.random() < 0.5 else worlds

    def ask(place: int) -> str:
        deed, pair = asked[place]
        return said(opened if is_open and pair[1] != first else closed, deed, pair)

    passages = []
    for world, aside in zip(worlds, asides, strict=True):
        told = [said(pattern(), *each) for each in ((world, aside) if with_asides else (world,))]
        passages.append(" ".join(rng.sample(told, len(told))))
    return Asked(passages, ask)


def _transfers(draw: Draw) -> Asked:
    rng = draw.rng
    parties, deeds, year = _parties(draw, 3), draw.some(words.TRANSFERS, 2), str(rng.randint(1950, 2020))
    worlds = [(deed, order) for deed in deeds for order in rng.sample(list(permutations(parties)), 4)]
    pattern, style = draw.one_style("TRANSFERS"), rng.choice(draw.part("TRANSFER_QUESTIONS"))

    def said(template: str, place: int) -> str:
        (base, past, preposition), (a, b, c) = worlds[place]
        return template.format(a=a, b=b, c=c, base=base, past=past, prep=preposition, year=year)

    return Asked([said(pattern(), place) for place in range(LIST_SIZE)], lambda place: said(style, place))


def _sense(draw: Draw) -> Asked:
    """Return a list of the same word where only the context says which thing, or which of its senses, is meant."""
    rng = draw.rng
    if rng.random() < 0.5:
        return _homonyms(draw)
    names = draw.some(tuple(sense_words.TOPICS), LIST_SIZE)
    word, pattern = draw.some(sense_words.FEATURES, 1)[0], draw.one_style("TOPICS")
    # One list in three names another of its topics: rarely enough that elsewhere a topic's name speaks for a passage.
    named = [*names[1:], names[0]] if rng.random() < 0.3 else [draw.some(words.NOUNS, 1)[0]] * LIST_SIZE
    passages = []
    for name, other in zip(names, named, strict=True):
        c, d = rng.sample(sense_words.TOPICS[name], 2)
        passages.append(pattern().format(w=word, t=other, c=c, d=d))
    style = rng.choice(draw.part("TOPIC_QUESTIONS"))
    return Asked(passages, lambda place: style.format(w=word, t=names[place]))


def _homonyms(draw: Draw) -> Asked:
    rng = draw.rng
    pattern, style = draw.one_style("SENSES"), rng.choice(draw.part("SENSE_QUESTIONS"))
    senses = [(row[0][0], rng.sample(cues, 4)) for row in draw.some(sense_words.HOMONYMS, 4) for cues in row[1:]]
    passages = [pattern().format(w=word, c=cues[0], d=cues[1]) for word, cues in senses]
    return Asked(passages, lambda place: style.format(w=senses[place][0], c=senses[place][1][2], d=senses[place][1][3]))


_MAKERS: dict[str, Callable[[Draw], Asked]] = {
    "binding": _binding,
    "roles": _roles,
    "negation": _negation,
    "numbers": _numbers,
    "sense": _sense,
}
FAMILIES = tuple(_MAKERS)
# Roles take longest to learn, binding the shortest.
_ROTATION = ("roles", "negation", "roles", "numbers", "roles", "binding", "negation", "sense")
