"""Generated lists: the same for a seed, eight passages that can all be asked for, other words and patterns held out."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from training import pair_templates, words
from training.minimal_pairs import FAMILIES, LIST_SIZE, every_question, generate_family, generate_list
from training.words import part_of

each_family = pytest.mark.parametrize("family", FAMILIES)


def test_eight_lists_in_turn_are_of_all_five_families_and_the_next_eight_are_others() -> None:
    drawn = [[each for each in FAMILIES if generate_family(each, seed) == generate_list(seed)] for seed in range(16)]
    assert all(len(found) == 1 for found in drawn)
    assert {family for (family,) in drawn[:8]} == set(FAMILIES)
    assert drawn[:8] == drawn[8:]


@each_family
def test_the_same_seed_gives_the_same_list_and_another_seed_another(family: str) -> None:
    assert generate_family(family, 3) == generate_family(family, 3) != generate_family(family, 4)


@each_family
@pytest.mark.parametrize("held_out", [False, True])
def test_every_passage_is_right_for_one_of_eight_different_questions(family: str, held_out: bool) -> None:
    for seed in range(200):
        lists = every_question(family, seed, held_out=held_out)
        assert len({each.question for each in lists}) == LIST_SIZE
        assert len({each.passages[0] for each in lists}) == LIST_SIZE
        assert len({frozenset(each.passages) for each in lists}) == 1


@each_family
def test_the_generated_list_asks_one_of_the_eight_questions(family: str) -> None:
    for seed in range(50):
        assert generate_family(family, seed) in every_question(family, seed)


@each_family
def test_the_right_passage_is_as_long_as_the_wrong_ones(family: str) -> None:
    ranks = Counter[int]()
    for seed in range(1000):
        lengths = [len(text) for text in generate_family(family, seed).passages]
        ranks[
            sum(length < lengths[0] for length in lengths[1:]) - sum(length > lengths[0] for length in lengths[1:])
        ] += 1
    mean = sum(rank * count for rank, count in ranks.items()) / 1000
    assert abs(mean) < 0.6  # a rank difference of -7 to 7 with a deviation of at most 4.6: 0.6 is four standard errors


@each_family
def test_patterns_and_questions_are_many_and_a_part_is_held_out(family: str) -> None:
    kinds = {
        "binding": ("BINDING", "BINDING_QUESTIONS"),
        "roles": ("ROLES", "ROLE_QUESTIONS"),
        "negation": ("PARTS", "PART_QUESTIONS"),
        "numbers": ("NUMBERS", "NUMBER_QUESTIONS"),
        "sense": ("TOPICS", "TOPIC_QUESTIONS"),
    }
    passages, questions = (getattr(pair_templates, kind) for kind in kinds[family])
    assert len(part_of(passages, held_out=False)) >= 12
    assert len(part_of(questions, held_out=False)) >= 6
    assert not set(part_of(passages, held_out=False)) & set(part_of(passages, held_out=True))


def test_binding_keeps_the_words_and_changes_who_has_them() -> None:
    same = 0
    for seed in range(200):
        made = generate_family("binding", seed)
        bags = {" ".join(sorted(re.findall(r"\w+", text.lower()))) for text in made.passages}
        same += len(bags) == 1
    assert same > 20  # lists of three scales under one pattern and one surrounding


def test_held_out_lists_hold_no_trained_noun_name_or_adjective() -> None:
    scales = [word for pair in part_of(words.SCALES, held_out=False) for word in pair]
    trained = {*part_of(words.NAMES, held_out=False), *part_of(words.NOUNS, held_out=False), *scales}
    for seed in range(300):
        made = generate_family("binding", seed, held_out=True)
        found = set(re.findall(r"\w+", " ".join([made.question, *made.passages])))
        assert not found & trained
