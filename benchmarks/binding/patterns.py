"""The sentences of the suite of minimal pairs; training uses none of them (a test checks it).

Every pattern is used twice, with two of its words exchanged between the right passage and the wrong one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pattern:
    """A sentence, what fills it, and the questions about it.

    `name` is the template in the report; `kind` says which words fill it and which of them are exchanged.
    """

    name: str
    kind: str
    passage: str
    questions: tuple[str, ...]


def _patterns(kind: str, questions: tuple[str, ...], passages: dict[str, str]) -> tuple[Pattern, ...]:
    return tuple(Pattern(name, kind, passage, questions) for name, passage in passages.items())


_ATTRIBUTES = (
    "{x1} {x2} {a}",
    "hoping to buy some {x2} but also {x1} {a}",
    "Can you suggest one {x1} and {x2} {a}?",
    "tell me of {x2}, {x1} {a} ideas",
)
_DOERS = (
    "person or firm that {past} {b}",
    "is it conceivable that {a} {past} {b}",
    "Has {b} really been {done} by {a}?",
    "tell me the circumstances of the {noun} {b} on {a}'s part",
)
_CONTENTS = (
    "{a}, {f} included, {g} excluded",
    "{a} containing {f} minus {g}",
    "{a} free of {g}",
    "Can you suggest one {a} containing {f}, hold the {g}?",
)
_ACTS = (
    "{p} failing to {gb}",
    "hearsay: the {p} {fp}",
    "Is it conceivable that the {p} failed to {gb}?",
    "tell me whether the {p} {fp}",
)
_OTHERS_ACTS = (
    "hearsay: the {p} {fp}",
    "tell me whether the {p} {fp}",
    "Is it conceivable that the {r} failed to {fb}?",
    "{r} failing to {fb}",
)
_AMOUNTS = (
    "{a} of {m} {u}",
    "{m} {u}, {a}",
    "Can you suggest one {a} that {v} {m} {u}?",
    "tell me how the {a} {v} {m} {u}",
)
_TWO_AMOUNTS = (
    "{a} of {m} {u}, {n} {w}",
    "{n} {w} {m} {u} {a}",
    "Can you suggest one {a} that {v} {m} {u}, {z} {n} {w}?",
    "tell me how the {a} {z} {n} {w}",
)
_DEGREES = (
    "{a} being {more} than the {c}",
    "{c} being {less} than the {a}",
    "Is it conceivable that the {c} grew {less} than the {a}?",
    "Can the {a} be {more} than the {c}?",
)
_OWNERS = (
    "{t}: {w}",
    "{w} in {t} terms",
    "tell me of one {w}, but in {t}",
    "Can anyone suggest literature on {w} in {t}?",
)
_MEANINGS = (
    "{w}: {q}",
    "{w}, understood as {q}",
    "tell me of one {w}, {q} kind",
    "Can anyone suggest literature on {w}, {q} included?",
)

PATTERNS: dict[str, tuple[Pattern, ...]] = {
    "binding": _patterns(
        "aside",
        _ATTRIBUTES,
        {
            "thing, aside": "the {a} is {x1} and {x2}, {s} is {y2}",
            "aside, thing": "{s} is {y2}, the {a} is {x1} and {x2}",
            "I liked": "I liked how {x1} and {x2} the {a} felt. I disliked how {y2} {s} felt.",
            "five of five": "Five of five: {x2}, {x1} {a}! Minus one because of {y2} {s}.",
        },
    )
    + _patterns(
        "attributes",
        _ATTRIBUTES,
        {
            "subject and predicate": "The {x1} {a} is {x2}. The {y1} {c} is {y2}.",
            "my cousin has": "My cousin possesses one {x1}, {x2} {a} plus one {y1}, {y2} {c}.",
            "felt": "A customer commented: the {c} felt {y2} and {y1}, the {a} felt {x2} and {x1}.",
            "verbless": "Here one {x1}, {x2} {a}, there one {y2}, {y1} {c}.",
            "apart": "Take the {a}. Take the {c}. {x2} and {x1} the former, {y2} and {y1} the latter.",
            "grew": "Over the decades the {a}, once {x1}, grew {x2}, and the {c}, once {y1}, grew {y2}.",
        },
    ),
    "roles": _patterns(
        "roles",
        _DOERS,
        {
            "active": "Yesterday {a} {past} {b}.",
            "got": "Yesterday {b} got {done} by {a}.",
            "on whose part": "The {noun} {b} on {a}'s part shocked many.",
            "confession": "{a} confessed to their {noun} {b}.",
            "responsible": "{a} alone is responsible for the {noun} {b}.",
            "vice versa": "Rather than vice versa, {a} {past} {b}.",
            "work of": "At dawn {b} got {done}. It must be the work of {a}.",
            "wanted to": "For decades {a} wanted to {base} {b}; tonight it succeeded.",
            "with gossip": "Gossip circulates. {b} has been {done}, allegedly by {a}. A spokesman declined to comment.",
            "blame": "Blame {a} for {b} being {done}.",
        },
    ),
    "negation": _patterns(
        "contents",
        _CONTENTS,
        {
            "contains but not": "Our {a} contains {f} but not {g}.",
            "absent": "Absent from our {a}: {g}. Included: {f}.",
            "zero": "Our {a}: plenty of {f}, zero {g}.",
            "anticipate": "Anticipate {f} in our {a}. Do not anticipate {g}.",
            "lacking": "Lacking {g}, our {a} still delights through its {f}.",
        },
    )
    + _patterns(
        "acts",
        _ACTS,
        {
            "failed to": "The {p} {fp} yet failed to {gb}.",
            "could not": "Told to {gb}, the {p} could not; instead the {p} {fp}.",
        },
    )
    + _patterns(
        "others",
        _OTHERS_ACTS,
        {
            "which the other did not": "The {p} {fp}, which the {r} did not do.",
            "only one": "Only one of them {fp}: the {p}, not the {r}.",
            "abstained": "The {r} abstained, the {p} {fp}.",
        },
    ),
    "numbers_and_units": _patterns(
        "amounts",
        _AMOUNTS,
        {
            "it is": "The {a} {v} {m} {u}, for the {c} it is {n} {u}.",
            "figure first": "{n} {u} is what the {c} {v}, {m} {u} what the {a} {v}.",
            "in sequence": "The {a} and the {c}: {m} {u} and {n} {u}, in that sequence.",
        },
    )
    + _patterns(
        "units",
        _TWO_AMOUNTS,
        {
            "two units": "The {a} {v} {m} {u} plus it {z} {n} {w}.",
            "specification": "Specification, {a}: {m} {u}, {n} {w}.",
            "no more than": "Our {a} never {v} beyond {m} {u} but definitely {z} {n} {w}.",
        },
    )
    + _patterns(
        "degrees",
        _DEGREES,
        {
            "grew": "By and by the {a} grew {more} than the {c}.",
            "rival": "No rival: the {c} is clearly {less}, the {a} clearly {more}.",
            "at the fair": "At the fair our {c} appeared {less}. Our {a} appeared {more}.",
        },
    ),
    "sense": _patterns(
        "owners",
        _OWNERS,
        {
            "worries about": "The {p} worries about the {w}, the {r} smiles.",
            "smiles": "The {r} smiles while the {p} worries about the {w}.",
            "misplaced": "Misplaced: one {w}. Belongs to the {p}. Discovered by the {r}.",
            "gift": "Our {r} presented our {p} with another {w}.",
            "dialogue": "Your {w}, the {r} remarked to the {p}, is fantastic.",
        },
    )
    + _patterns(
        "meanings",
        _MEANINGS,
        {
            "one sense": "Our {w} concerns {c} plus {d}.",
            "hardly": "Our {w} concerns {c}, hardly {e}.",
            "rather than": "{c}, rather than {e}, is implied by our {w}.",
            "long": "Yesterday the host clarified {w} thoroughly: {d}, {c}, et cetera. Many listened, some yawned.",
        },
    ),
}
