"""Random choices of words and patterns, and passages that differ only in what is said of which subject."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import TypeVar

from training import pair_templates
from training.words import part_of

_Item = TypeVar("_Item")
Clause = Callable[[int, int], str]


@dataclass(frozen=True)
class Asked:
    """Eight passages, and a function from a passage's place to a question that only this passage answers."""

    passages: list[str]
    ask: Callable[[int], str]


@dataclass(frozen=True)
class Draw:
    """Random choices among the trained words and patterns, or among the held-out ones."""

    rng: random.Random
    held_out: bool

    def part(self, kind: str) -> tuple[str, ...]:
        """Return the sentence patterns of a kind."""
        return _templates(kind, self.held_out)

    def some(self, items: tuple[_Item, ...], count: int) -> list[_Item]:
        """Return different items of the trained or the held-out words."""
        return self.rng.sample(part_of(items, held_out=self.held_out), count)

    def one_style(self, kind: str) -> Callable[[], str]:
        """Return a function that picks a passage's pattern: always the same, or another one for each passage."""
        patterns = self.part(kind)
        only = self.rng.choice(patterns)
        return (lambda: only) if self.rng.random() < 0.5 else (lambda: self.rng.choice(patterns))


@cache
def _templates(kind: str, held_out: bool) -> tuple[str, ...]:
    return part_of(getattr(pair_templates, kind), held_out=held_out)


def _listed(items: Sequence[str], last: str = "and") -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {last} {items[-1]}"


def bound_pairs(
    draw: Draw, kind: str, questions: str, subjects: list[tuple[str, str]], clause: Clause, **styles: Clause
) -> Asked:
    """Return passages on two subjects with opposite poles of the same features, which differ only in their binding.

    Args:
        draw: the random choices.
        kind: the kind of the passages' patterns.
        questions: the kind of the questions' patterns.
        subjects: each subject as passages and as questions name it.
        clause: words a (feature, pole); features are numbered from 0, poles are 0 and 1.
        styles: other ways to word a clause, for the questions.
    """
    rng = draw.rng
    blocks = rng.choice((((0, 1, 2),), ((0, 1), (0, 2)), ((0,), (1,), (2,), (3,))))
    worlds = [(block, poles) for block in blocks for poles in product((0, 1), repeat=len(block))]
    partial = len(blocks) == 2 and rng.random() < 0.3
    pattern = draw.one_style(kind)
    passages = []
    for block, poles in worlds:
        order = rng.sample(range(len(block)), len(block))
        mine = _listed([clause(block[at], poles[at]) for at in order])
        shown = order[:1] if partial else order
        other = _listed([clause(block[at], 1 - poles[at]) for at in shown])
        a, b = subjects[0][0], subjects[1][0]
        passages.append(pattern().format(a=a, b=b, x=mine, y=other))
    style, flip, swap = rng.choice(draw.part(questions)), 0 if partial else rng.randrange(2), rng.random() < 0.5

    def ask(place: int) -> str:
        block, poles = worlds[place]
        order = range(len(block))[:: -1 if swap else 1]
        asked = [(block[at], poles[at] ^ flip) for at in order]
        said = {name: " ".join(word(*each) for each in asked) for name, word in styles.items()}
        listed = {
            "x": _listed([clause(*each) for each in asked]),
            "k": _listed([styles.get("k", clause)(*e) for e in asked]),
        }
        return style.format(n=subjects[flip][1], **{**said, **listed})

    return Asked(passages, ask)
