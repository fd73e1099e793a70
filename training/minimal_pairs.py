"""Room: training. Generated lists: one right passage and seven with its words bound, ordered or negated otherwise.

Three families: attribute binding ("small fast drone"), roles ("who sued Norvex"), negation ("lamp without a timer").
Other nouns and names are kept for evaluation, so the model card's figures are on others than the trained ones.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

LIST_SIZE = 8


@dataclass(frozen=True)
class GeneratedList:
    """A question and eight passages of which the first is the right one."""

    question: str
    passages: list[str]


@dataclass(frozen=True)
class _Words:
    nouns: tuple[str, ...]
    names: tuple[str, ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_TRAIN = _Words(
    nouns=_words("drone printer sofa camera boat tent lamp kettle bicycle robot jacket heater monitor cabin"),
    names=_words("Norvex Altria Belmont Quandry Hestia Morrow Pelican Zentrix Orbex Calder Vantis Lumen"),
)
_HELD_OUT = _Words(
    nouns=_words("phone truck chair watch hotel laptop bridge oven train house"),
    names=_words("Fairfax Trelane Ostrova Kinnard Delphi Marlow Sundara Brightly"),
)
_SCALES = (
    ("small", "large"), ("fast", "slow"), ("cheap", "expensive"), ("old", "new"), ("light", "heavy"), ("quiet", "loud"),
    ("strong", "weak"), ("simple", "complex"), ("safe", "dangerous"), ("warm", "cold"),
)  # fmt: skip
_FACTS = (
    ("sued", "was sued by"), ("bought", "was bought by"), ("defeated", "was defeated by"), ("hired", "was hired by"),
    ("replaced", "was replaced by"), ("funded", "was funded by"), ("praised", "was praised by"),
    ("criticised", "was criticised by"), ("copied", "was copied by"), ("founded", "was founded by"),
)  # fmt: skip
_PARTS = ("timer", "handle", "battery", "remote control", "alarm", "mirror", "balcony", "filter", "screen", "lock")
_FRAMES = (
    "{}", "{} That is what the report says.", "Several people asked about this. {}", "{} Nothing else has changed.",
    "Here is what we found last year. {} More details will follow next week.", "Summary: {}", "{} (updated)",
)  # fmt: skip


def generate_list(seed: int, *, held_out: bool = False) -> GeneratedList:
    """Return one list, the same for the same seed; with `held_out`, on the words kept for evaluation."""
    families: tuple[Callable[[random.Random, _Words], GeneratedList], ...] = (_binding, _roles, _negation)
    return generate_family(families[seed % 3].__name__[1:], seed // 3, held_out=held_out)


def generate_family(family: str, seed: int, *, held_out: bool = False) -> GeneratedList:
    """Return one list of a family (binding, roles, negation)."""
    rng = random.Random(f"{family} {seed} {held_out}")
    make = {"binding": _binding, "roles": _roles, "negation": _negation}[family]
    made = make(rng, _HELD_OUT if held_out else _TRAIN)
    frame = rng.choice(_FRAMES)
    return GeneratedList(made.question, [frame.format(passage) for passage in made.passages])


def _binding(rng: random.Random, words: _Words) -> GeneratedList:
    """Two things with two attributes each; only one passage gives the asked thing both."""
    thing, other = rng.sample(words.nouns, 2)
    first, second = rng.sample(_SCALES, 2)
    asked = (rng.choice(first), rng.choice(second))
    against = (_opposite(first, asked[0]), _opposite(second, asked[1]))
    clause = rng.choice(("the {0} is {1} and {2}", "a {1}, {2} {0}", "the {0} was both {1} and {2}"))
    swapped = rng.random() < 0.5

    def passage(mine: tuple[str, str], others: tuple[str, str]) -> str:
        clauses = [clause.format(thing, *mine), clause.format(other, *others)]
        text = "; ".join(reversed(clauses) if swapped else clauses)
        return text[0].upper() + text[1:] + "."

    wrong = [(asked[0], against[1]), (against[0], asked[1]), against]
    others = [asked, *wrong]
    texts = [passage(mine, its) for mine, its in product(wrong, others)]
    rng.shuffle(texts)
    swap = passage(against, asked)
    negatives = [swap, *[text for text in texts if text != swap]][: LIST_SIZE - 1]
    question = rng.choice(("{1} {2} {0}", "{2} {1} {0}", "{0} that is {1} and {2}", "a {1} and {2} {0}"))
    return GeneratedList(question.format(thing, *asked), [passage(asked, against), *negatives])


def _opposite(scale: tuple[str, str], word: str) -> str:
    return scale[1] if word == scale[0] else scale[0]


def _roles(rng: random.Random, words: _Words) -> GeneratedList:
    """Who did it to whom; active and passive voice say the same."""
    actor, patient, third = rng.sample(words.names, 3)
    (active, passive), (other_active, other_passive) = rng.sample(_FACTS, 2)
    year = rng.randint(1960, 2020)

    def told(doer: str, done_to: str, voices: tuple[str, str], *, in_passive: bool) -> str:
        return (
            f"In {year}, {done_to} {voices[1]} {doer}." if in_passive else f"In {year}, {doer} {voices[0]} {done_to}."
        )

    voices, others = (active, passive), (other_active, other_passive)
    right = told(actor, patient, voices, in_passive=rng.random() < 0.5)
    wrong = [told(patient, actor, voices, in_passive=voice) for voice in (False, True)]
    wrong += [told(patient, third, voices, in_passive=voice) for voice in (False, True)]
    wrong += [told(actor, patient, others, in_passive=voice) for voice in (False, True)]
    wrong += [told(patient, actor, others, in_passive=rng.random() < 0.5)]
    if rng.random() < 0.5:
        question = f"who {active} {patient}"
        return GeneratedList(question, [right, *wrong])
    question = rng.choice((f"{actor} {active} {patient}", f"{patient} {passive} {actor}"))
    return GeneratedList(question, [right, *wrong])


def _negation(rng: random.Random, words: _Words) -> GeneratedList:
    """A thing with one part and without another."""
    thing, other = rng.sample(words.nouns, 2)
    part, spare = rng.sample(_PARTS, 2)
    absent = rng.random() < 0.5
    has, lacks = rng.choice(
        (
            ("has a {}", "has no {}"),
            ("comes with a {}", "comes without a {}"),
            ("includes a {}", "does not include a {}"),
        )
    )

    def told(noun: str, is_asked: bool, is_spare: bool) -> str:
        clauses = [(has if is_asked else lacks).format(part), (has if is_spare else lacks).format(spare)]
        return f"The {noun} {clauses[0]} and {clauses[1]}." if flip else f"The {noun} {clauses[1]} and {clauses[0]}."

    flip = rng.random() < 0.5
    wanted = not absent
    right = told(thing, wanted, not wanted)
    wrong = [told(thing, not wanted, wanted), told(thing, not wanted, not wanted)]
    wrong += [told(other, wanted, not wanted), told(other, wanted, wanted)]
    wrong += [told(other, not wanted, wanted), told(other, not wanted, not wanted)]
    elsewhere = has if wanted else lacks
    wrong += [f"The {thing} {(lacks if wanted else has).format(part)}, the {other} {elsewhere.format(part)}."]
    question = rng.choice(
        ("{0} without a {1}", "{0} with no {1}", "{0} that has no {1}")
        if absent
        else ("{0} with a {1}", "{0} that has a {1}", "{0} including a {1}")
    )
    return GeneratedList(question.format(thing, part), [right, *wrong])
