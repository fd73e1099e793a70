import re
from collections import Counter
from collections.abc import Sequence

import pytest

from benchmarks.binding.measure import MinimalPair, binding_markdown, make_suite, measure_binding

SUITE = make_suite()


def words_of(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text.lower()))


def test_the_suite_is_always_the_same_and_holds_no_pair_twice() -> None:
    assert make_suite() == SUITE
    assert len(set(SUITE)) == len(SUITE) >= 600


def test_it_holds_five_families_of_at_least_a_hundred_pairs_and_eighteen_pairs_a_template() -> None:
    families = Counter(pair.family for pair in SUITE)
    assert set(families) == {"binding", "roles", "negation", "numbers_and_units", "sense"}
    assert min(families.values()) >= 100
    assert set(Counter((pair.family, pair.template) for pair in SUITE).values()) == {18}


def test_it_opens_with_the_small_fast_car() -> None:
    assert SUITE[0] == MinimalPair(
        family="binding",
        template="thing, aside",
        query="small fast car",
        right="the car is small and fast, delivery is slow",
        wrong="the car is small and slow, delivery is fast",
    )


def test_every_pair_has_a_twin_with_the_other_passage_right() -> None:
    turned = {(pair.right, pair.wrong) for pair in SUITE}
    assert all((pair.wrong, pair.right) in turned for pair in SUITE)
    assert len({(pair.query, pair.right, pair.wrong) for pair in SUITE}) == len(SUITE)


@pytest.mark.parametrize("family", ["binding", "roles", "numbers_and_units"])
def test_right_and_wrong_are_of_the_same_words(family: str) -> None:
    assert all(words_of(pair.right) == words_of(pair.wrong) for pair in SUITE if pair.family == family)


def test_a_scorer_of_lengths_or_of_passages_alone_is_right_half_of_the_time() -> None:
    assert measure_binding(SUITE, lambda _, passages: [len(text) for text in passages]).percent == 50
    assert measure_binding(SUITE, lambda _, passages: [hash(text) for text in passages]).percent == 50


TWO_FAMILIES = [
    MinimalPair("roles", "active", "q1", "good", "bad"),
    MinimalPair("roles", "active", "q2", "bad", "good"),
    MinimalPair("roles", "passive", "q3", "good", "bad"),
    MinimalPair("sense", "one", "q4", "same", "same too"),
]


def likes_good(query: str, passages: Sequence[str]) -> list[float]:
    return [1.0 if text == "good" else 0.0 for text in passages]


def test_right_counts_one_wrong_nothing_and_a_tie_half() -> None:
    report = measure_binding(TWO_FAMILIES, likes_good)
    assert report.credits == (1.0, 0.0, 1.0, 0.5)
    assert report.percent == 62.5  # 2.5 of 4
    assert report.families == {"roles": pytest.approx(200 / 3), "sense": 50.0}
    assert report.templates == {("roles", "active"): 50.0, ("roles", "passive"): 100.0, ("sense", "one"): 50.0}


def test_sums_of_the_same_words_in_another_order_tie() -> None:
    assert measure_binding(TWO_FAMILIES[:1], lambda *_: [0.1 + 0.2 + 0.3, 0.3 + 0.2 + 0.1]).percent == 50


def test_a_scorer_of_another_count_of_scores_is_refused() -> None:
    with pytest.raises(ValueError, match="gave 1 scores for the two passages of 'q1'"):
        measure_binding(TWO_FAMILIES, lambda *_: [0.0])


def test_an_empty_suite_is_refused() -> None:
    with pytest.raises(ValueError, match="no minimal pairs"):
        measure_binding([], likes_good)


def test_the_tables_have_a_row_a_family_and_a_template_and_a_column_a_scorer() -> None:
    report = measure_binding(TWO_FAMILIES, likes_good)
    assert binding_markdown({"BM25": report, "reranker": report}).splitlines() == [
        "| family | pairs | BM25 | reranker |",
        "| --- | ---: | ---: | ---: |",
        "| roles | 3 | 66.7 | 66.7 |",
        "| sense | 1 | 50.0 | 50.0 |",
        "| all | 4 | 62.5 | 62.5 |",
        "",
        "| family | template | pairs | BM25 | reranker |",
        "| --- | --- | ---: | ---: | ---: |",
        "| roles | active | 2 | 50.0 | 50.0 |",
        "| roles | passive | 1 | 100.0 | 100.0 |",
        "| sense | one | 1 | 50.0 | 50.0 |",
    ]
