"""Minimal pairs: a query and two passages of the same words, only one of which answers it.

They test what a bi-encoder's single vector loses: which attribute, role, quantity or context belongs to which subject.
Every pair has a twin with the same two passages and the other one right, so a passage alone is no hint.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.binding import words as words
from benchmarks.binding.patterns import PATTERNS, Pattern

_TWINS = 9
_Fill = dict[str, str]
_EXAMPLE: tuple[_Fill, _Fill] = (
    {"a": "car", "s": "delivery", "x1": "small", "x2": "fast", "y2": "slow"},
    {"a": "car", "s": "delivery", "x1": "small", "x2": "slow", "y2": "fast"},
)


@dataclass(frozen=True)
class MinimalPair:
    """A query, the passage that answers it, one that does not, and their family and template."""

    family: str
    template: str
    query: str
    right: str
    wrong: str


def make_suite() -> list[MinimalPair]:
    """Return the suite, always the same: 18 pairs, nine and their twins, for each template of the five families."""
    return [
        pair for family, patterns in PATTERNS.items() for pattern in patterns for pair in _pairs_of(family, pattern)
    ]


def _pairs_of(family: str, pattern: Pattern) -> list[MinimalPair]:
    rng = random.Random(f"{family} {pattern.name}")
    first = PATTERNS["binding"][0]
    pairs = _twins("binding", first, first.questions[0], *_EXAMPLE) if pattern is first else []
    while len(pairs) < 2 * _TWINS:
        query_form = pattern.questions[len(pairs) // 2 % len(pattern.questions)]
        made = _twins(family, pattern, query_form, *_FILLS[pattern.kind](rng))
        pairs += [each for each in made if each not in pairs]
    return pairs


def _twins(family: str, pattern: Pattern, query: str, fill: _Fill, exchanged: _Fill) -> list[MinimalPair]:
    fills = (fill, exchanged)
    passages = [_capitalised(pattern.passage.format(**each)) for each in fills]
    return [
        MinimalPair(family, pattern.name, query.format(**each), passages[at], passages[1 - at])
        for at, each in enumerate(fills)
    ]


def _capitalised(text: str) -> str:
    sentences = text.split(". ")
    return ". ".join(each[:1].upper() + each[1:] for each in sentences) if text.endswith((".", "!")) else text


def _exchange(fill: _Fill, *names: tuple[str, str]) -> tuple[_Fill, _Fill]:
    swapped = dict(fill)
    for one, other in names:
        swapped[one], swapped[other] = fill[other], fill[one]
    return fill, swapped


def _attributes(rng: random.Random) -> tuple[_Fill, _Fill]:
    (a, c), s = rng.sample(words.THINGS, 2), rng.choice(words.BESIDES)
    (x1, y1), (x2, y2) = (rng.sample(scale, 2) for scale in rng.sample(words.ADJECTIVES, 2))
    return _exchange({"a": a, "c": c, "s": s, "x1": x1, "y1": y1, "x2": x2, "y2": y2}, ("x2", "y2"))


def _roles(rng: random.Random) -> tuple[_Fill, _Fill]:
    base, past, done, noun = rng.choice(words.VERBS)
    people = tuple(f"the {name}" for name in words.PEOPLE)
    a, b = rng.sample(rng.choice((people, words.FIRMS)), 2)
    return _exchange({"a": a, "b": b, "base": base, "past": past, "done": done, "noun": noun}, ("a", "b"))


def _contents(rng: random.Random) -> tuple[_Fill, _Fill]:
    things, contents = rng.choice(words.CONTENTS)
    f, g = rng.sample(contents, 2)
    return _exchange({"a": rng.choice(things), "f": f, "g": g}, ("f", "g"))


def _acts(rng: random.Random) -> tuple[_Fill, _Fill]:
    p, r = rng.sample(words.PEOPLE, 2)
    (fb, fp), (gb, gp) = rng.sample(words.DEEDS, 2)
    return _exchange({"p": p, "r": r, "fb": fb, "fp": fp, "gb": gb, "gp": gp}, ("fb", "gb"), ("fp", "gp"))


def _others(rng: random.Random) -> tuple[_Fill, _Fill]:
    return _exchange(_acts(rng)[0], ("p", "r"))


def _amounts(rng: random.Random) -> tuple[_Fill, _Fill]:
    (a, c), (v, u, least, most) = rng.sample(words.THINGS, 2), rng.choice(words.AMOUNTS)
    m, n = (str(each) for each in rng.sample(range(int(least), int(most)), 2))
    return _exchange({"a": a, "c": c, "v": v, "u": u, "m": m, "n": n}, ("m", "n"))


def _units(rng: random.Random) -> tuple[_Fill, _Fill]:
    (v, u, *first), (z, w, *second) = rng.sample(words.AMOUNTS, 2)
    least, most = max(int(first[0]), int(second[0])), min(int(first[1]), int(second[1]))
    if most - least < 2:
        return _units(rng)
    m, n = (str(each) for each in rng.sample(range(least, most), 2))
    return _exchange({"a": rng.choice(words.THINGS), "v": v, "u": u, "z": z, "w": w, "m": m, "n": n}, ("m", "n"))


def _degrees(rng: random.Random) -> tuple[_Fill, _Fill]:
    (a, c), (more, less) = rng.sample(words.THINGS, 2), rng.choice(words.COMPARED)
    return _exchange({"a": a, "c": c, "more": more, "less": less}, ("a", "c"))


def _owners(rng: random.Random) -> tuple[_Fill, _Fill]:
    (t, p), (u, r) = rng.sample(words.CONTEXTS, 2)
    return _exchange({"t": t, "p": p, "u": u, "r": r, "w": rng.choice(words.OWNED)}, ("t", "u"), ("p", "r"))


def _meanings(rng: random.Random) -> tuple[_Fill, _Fill]:
    word, *cues = rng.choice(words.SENSES)
    (c, d, q), (e, f, z) = rng.sample(cues[:3], 3), rng.sample(cues[3:], 3)
    return _exchange({"w": word, "c": c, "d": d, "q": q, "e": e, "f": f, "z": z}, ("c", "e"), ("d", "f"), ("q", "z"))


_FILLS: dict[str, Callable[[random.Random], tuple[_Fill, _Fill]]] = {
    "aside": _attributes,
    "attributes": _attributes,
    "roles": _roles,
    "contents": _contents,
    "acts": _acts,
    "others": _others,
    "amounts": _amounts,
    "units": _units,
    "degrees": _degrees,
    "owners": _owners,
    "meanings": _meanings,
}
