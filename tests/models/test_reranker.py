from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from connector.errors import ModelError, ModelNotFoundError, RequestError
from connector.models import Reranker, as_reranker, load_reranker
from connector.models.folders import bundled_encoder, bundled_reranker

QUERY = "which animal barks"
NOISE = 1e-4
"""Of logits: float32 sums in another order, as another processor or another batch adds them, differ by less."""
WORDS = ["the", "dog", "barks", "at", "a", "cat", "while", "small", "engines", "turn", "in", "warm", "summer", "rain"]
MIXED = [" ".join(WORDS[position % 13] for position in range(7 * count)) for count in range(12)]
ODD = ["", "   \n", "🦊" * 30, "\ud800 alone", "x" * 5_000, "\x00"]


@pytest.fixture(scope="module")
def reranker(cross_encoder: Callable[[int], Path]) -> Reranker:
    return load_reranker(str(cross_encoder(1)), device="cpu")


def predicted(folder: Path, query: str, passages: list[str]) -> NDArray[np.float32]:
    from sentence_transformers import CrossEncoder
    from torch.nn import Identity

    model = CrossEncoder(str(folder), device="cpu", local_files_only=True)
    return np.asarray(model.predict([(query, passage) for passage in passages], activation_fn=Identity(), batch_size=1))


def test_scores_are_the_logits_that_sentence_transformers_computes(
    reranker: Reranker, cross_encoder: Callable[[int], Path]
) -> None:
    scores = reranker.score(QUERY, MIXED)
    assert scores.dtype == np.float32
    assert scores.shape == (12,)
    np.testing.assert_allclose(scores, predicted(cross_encoder(1), QUERY, MIXED), atol=NOISE)
    assert np.ptp(scores) > 0.1


def test_with_two_labels_the_score_is_the_log_odds_of_the_second(cross_encoder: Callable[[int], Path]) -> None:
    logits = predicted(cross_encoder(2), QUERY, MIXED)
    scores = load_reranker(str(cross_encoder(2)), device="cpu").score(QUERY, MIXED)
    np.testing.assert_allclose(scores, logits[:, 1] - logits[:, 0], atol=NOISE)


def test_three_labels_are_refused_by_name(cross_encoder: Callable[[int], Path]) -> None:
    with pytest.raises(ModelError, match=r"3 labels \(LABEL_0, LABEL_1, LABEL_2\)"):
        load_reranker(str(cross_encoder(3)), device="cpu")


def test_a_bi_encoder_is_no_reranker() -> None:
    with pytest.raises(ModelError, match="its head would be random"):
        load_reranker(str(bundled_encoder().folder))


@given(st.permutations(MIXED))
@settings(max_examples=10, deadline=None)
def test_every_permutation_of_a_batch_gives_the_same_scores(reranker: Reranker, passages: list[str]) -> None:
    expected = dict(zip(MIXED, reranker.score(QUERY, MIXED), strict=True))
    np.testing.assert_allclose(reranker.score(QUERY, passages), [expected[passage] for passage in passages], atol=NOISE)


def test_passages_alone_score_as_they_do_together(reranker: Reranker) -> None:
    alone = [reranker.score(QUERY, [passage])[0] for passage in MIXED]
    np.testing.assert_allclose(reranker.score(QUERY, MIXED), alone, atol=NOISE)


def test_more_passages_than_one_batch_holds_keep_their_order(reranker: Reranker) -> None:
    np.testing.assert_allclose(reranker.score(QUERY, MIXED * 20), np.tile(reranker.score(QUERY, MIXED), 20), atol=NOISE)


def test_equal_passages_have_equal_scores_whatever_else_is_scored(reranker: Reranker) -> None:
    scores = reranker.score(QUERY, [*MIXED, *ODD, *MIXED[::-1]])
    assert scores[: len(MIXED)].tolist() == scores[-len(MIXED) :][::-1].tolist()
    assert len(set(scores[: len(MIXED)].tolist())) > 1


def test_a_function_is_given_each_different_passage_once() -> None:
    given_passages: list[str] = []

    def noted(query: str, passages: list[str]) -> list[float]:
        given_passages.extend(passages)
        return [float(place) for place in range(len(passages))]

    assert as_reranker(noted).score("q", ["b", "a", "b", "a", "c"]).tolist() == [0.0, 1.0, 0.0, 1.0, 2.0]
    assert given_passages == ["b", "a", "c"]


def test_no_passages_give_no_scores(reranker: Reranker) -> None:
    assert reranker.score(QUERY, []).shape == (0,)


def test_odd_texts_have_finite_scores(reranker: Reranker) -> None:
    assert np.isfinite(reranker.score(QUERY, ODD)).all()


def test_blank_and_empty_passages_score_the_same(reranker: Reranker) -> None:
    empty, blank = reranker.score(QUERY, ["", " \t\n "])
    assert empty == pytest.approx(blank, abs=NOISE)


def test_a_lone_surrogate_scores_as_the_replacement_character(reranker: Reranker) -> None:
    surrogate, replacement = reranker.score(QUERY, ["a \udcff b", "a \ufffd b"])
    assert surrogate == pytest.approx(replacement, abs=NOISE)


def test_an_empty_query_has_scores(reranker: Reranker) -> None:
    assert np.isfinite(reranker.score("", MIXED)).all()


def test_the_passage_is_truncated_and_never_the_query(reranker: Reranker) -> None:
    # 64 tokens less [CLS] and 2 x [SEP] less 3 of the query leave 58: what comes after has no say.
    kept = " ".join(["dog"] * 58)
    shorter, longer, other_query = (
        reranker.score(QUERY, [kept])[0],
        reranker.score(QUERY, [kept + " cat" * 200])[0],
        reranker.score("which animal meows", [kept + " cat" * 200])[0],
    )
    assert longer == pytest.approx(shorter, abs=NOISE)
    assert other_query != pytest.approx(longer, abs=1e-3)


def test_the_longest_query_leaves_one_token_to_the_passage(reranker: Reranker) -> None:
    assert np.isfinite(reranker.score(" ".join(["dog"] * 60), MIXED)).all()


def test_a_longer_query_is_an_error_with_its_tokens_and_the_limit(reranker: Reranker) -> None:
    with pytest.raises(RequestError, match=r"has 61 tokens.*reads 64.*at most 60"):
        reranker.score(" ".join(["dog"] * 61), MIXED)


def test_a_string_in_place_of_passages_is_refused(reranker: Reranker) -> None:
    with pytest.raises(RequestError, match="list of one"):
        reranker.score(QUERY, "a passage")


def test_a_passage_that_is_no_string_is_named(reranker: Reranker) -> None:
    with pytest.raises(RequestError, match=r"passages\[1\].*not NoneType"):
        reranker.score(QUERY, ["a", None])  # type: ignore[list-item]


def test_many_threads_get_the_same_scores(reranker: Reranker) -> None:
    expected = reranker.score(QUERY, MIXED)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: reranker.score(QUERY, MIXED), range(24)))
    for scores in answers:
        np.testing.assert_allclose(scores, expected, atol=NOISE)


def test_fifty_threads_load_a_model_once(cross_encoder: Callable[[int], Path], tmp_path: Path) -> None:
    folder = shutil.copytree(cross_encoder(1), tmp_path / "copy")
    with ThreadPoolExecutor(50) as threads:
        loaded = list(threads.map(lambda _: load_reranker(str(folder), device="cpu"), range(50)))
    assert len(set(map(id, loaded))) == 1


def test_name_and_source_say_what_was_loaded(cross_encoder: Callable[[int], Path], reranker: Reranker) -> None:
    assert (reranker.name, reranker.source) == (cross_encoder(1).name, str(cross_encoder(1)))


def test_weights_that_do_not_fit_are_a_model_error(cross_encoder: Callable[[int], Path], tmp_path: Path) -> None:
    folder = shutil.copytree(cross_encoder(1), tmp_path / "cut")
    (folder / "model.safetensors").write_bytes(b"cut short")
    with pytest.raises(ModelError, match="can't be loaded"):
        load_reranker(str(folder), device="cpu")


def test_a_model_that_is_nowhere_is_a_model_not_found_error() -> None:
    with pytest.raises(ModelNotFoundError, match="there is no folder"):
        load_reranker("./absent")


def test_an_unknown_backend_is_refused_with_those_there_are() -> None:
    with pytest.raises(RequestError, match="backend: 'abacus': must be one of 'torch'"):
        load_reranker(backend="abacus")


def test_the_bundled_reranker_prefers_what_answers_the_query() -> None:
    bundled = load_reranker("bundled", device="cpu")
    right, wrong, *odd = bundled.score("how do I bake bread", ["Bread is baked in a hot oven.", "Ships sail.", *ODD])
    assert bundled.source == str(bundled_reranker().folder)
    assert right > wrong
    assert np.isfinite(odd).all()


def test_a_reranker_of_the_bundled_kind_loads_from_any_folder(tmp_path: Path) -> None:
    folder = shutil.copytree(bundled_reranker().folder, tmp_path / "trained")
    trained, bundled = (load_reranker(name, backend="torch", device="cpu") for name in (str(folder), "bundled"))
    np.testing.assert_allclose(trained.score(QUERY, MIXED), bundled.score(QUERY, MIXED), atol=NOISE)


def test_a_cross_encoder_object_is_a_reranker(cross_encoder: Callable[[int], Path], reranker: Reranker) -> None:
    from sentence_transformers import CrossEncoder

    given = as_reranker(CrossEncoder(str(cross_encoder(1)), device="cpu", local_files_only=True))
    np.testing.assert_allclose(given.score(QUERY, MIXED), reranker.score(QUERY, MIXED), atol=NOISE)


def test_any_function_is_a_reranker() -> None:
    reranker = as_reranker(lambda query, passages: [len(passage) for passage in passages])
    assert reranker.score("q", ["a", "abc"]).tolist() == [1.0, 3.0]
    assert reranker.score("q", []).shape == (0,)


def test_a_function_that_gives_too_few_scores_is_an_error() -> None:
    with pytest.raises(ModelError, match=r"shape \(1,\) for 2 passages"):
        as_reranker(lambda query, passages: [1.0]).score("q", ["a", "b"])


def test_a_score_that_is_not_finite_is_an_error_with_its_position_and_value() -> None:
    with pytest.raises(ModelError, match="returned nan for passage 1"):
        as_reranker(lambda query, passages: [1.0, float("nan")]).score("q", ["a", "b"])


def test_what_is_no_reranker_is_refused() -> None:
    with pytest.raises(RequestError, match="must be a Reranker"):
        as_reranker(7)  # type: ignore[arg-type]
