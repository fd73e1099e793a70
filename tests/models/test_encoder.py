from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from connector.errors import ModelError, ModelNotFoundError, RequestError
from connector.models import Encoder, Fingerprint, as_encoder, load_encoder
from connector.models.encoder import TokenizingEncoder
from connector.models.folders import bundled_encoder
from tests.forking import holds_in_forked_child, needs_fork

MIXED = [
    "a cat",
    "",
    "   ",
    "the quick brown fox " * 100,
    "électricité 東京",
    "a dog barks at the postman",
    "\ud800 alone",
]
FINGERPRINT = Fingerprint("a", "0123456789abcdef", 384, "mean", True, "query: ", "passage: ")


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder("bundled", device="cpu")


def test_vectors_are_float32_unit_rows(encoder: Encoder) -> None:
    vectors = encoder.encode(MIXED)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(MIXED), 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_no_texts_give_no_rows(encoder: Encoder) -> None:
    assert encoder.encode([]).shape == (0, 384)


def test_vectors_are_those_of_sentence_transformers(encoder: Encoder) -> None:
    from sentence_transformers import SentenceTransformer

    texts = MIXED[:-1]
    model = SentenceTransformer(str(bundled_encoder().folder), device="cpu", local_files_only=True)
    np.testing.assert_allclose(encoder.encode(texts), model.encode(texts, batch_size=1), atol=1e-5)


def test_the_order_of_texts_does_not_matter(encoder: Encoder) -> None:
    np.testing.assert_allclose(encoder.encode(MIXED[::-1])[::-1], encoder.encode(MIXED), atol=1e-5)


def test_equal_texts_have_equal_vectors_whatever_else_is_encoded(encoder: Encoder) -> None:
    vectors = encoder.encode([*MIXED, "x" * 500, *MIXED])
    assert vectors[: len(MIXED)].tolist() == vectors[-len(MIXED) :].tolist()


@pytest.mark.parametrize("text", ["the quick brown fox " * 5_000, "日本語の文" * 10_000, "\n\n a" * 20_000])
def test_a_very_long_text_is_encoded_as_sentence_transformers_does(encoder: Encoder, text: str) -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(bundled_encoder().folder), device="cpu", local_files_only=True)
    np.testing.assert_allclose(encoder.encode([text]), model.encode([text]), atol=1e-5)


def test_many_threads_encode_and_count_tokens_at_once(encoder: Encoder) -> None:
    assert isinstance(encoder, TokenizingEncoder)
    expected, limit = encoder.encode(MIXED), encoder.max_tokens
    with ThreadPoolExecutor(8) as threads:
        encoded = [threads.submit(encoder.encode, MIXED) for _ in range(40)]
        counted = [threads.submit(lambda: encoder.max_tokens) for _ in range(40)]
    for each in encoded:
        np.testing.assert_allclose(each.result(), expected, atol=1e-5)
    assert {each.result() for each in counted} == {limit}


def test_a_model_without_prompts_encodes_queries_as_passages(encoder: Encoder) -> None:
    np.testing.assert_allclose(encoder.encode_queries(MIXED), encoder.encode(MIXED), atol=1e-5)


def test_prompts_of_the_model_are_prefixes() -> None:
    from sentence_transformers import SentenceTransformer

    prompts = {"query": "query: ", "passage": "passage: "}
    model = SentenceTransformer(str(bundled_encoder().folder), device="cpu", local_files_only=True, prompts=prompts)
    prompted, plain = as_encoder(model), load_encoder("bundled", device="cpu")
    assert (prompted.fingerprint.query_prefix, prompted.fingerprint.passage_prefix) == ("query: ", "passage: ")
    np.testing.assert_allclose(prompted.encode_queries(["cat"]), plain.encode(["query: cat"]), atol=1e-5)
    np.testing.assert_allclose(prompted.encode(["cat"]), plain.encode(["passage: cat"]), atol=1e-5)


def test_the_fingerprint_names_the_weights(encoder: Encoder) -> None:
    # sha256sum of the file on the hub, sentence-transformers/all-MiniLM-L6-v2, model.safetensors
    assert encoder.fingerprint == Fingerprint(
        "sentence-transformers/all-MiniLM-L6-v2", "53aa51172d142c89", 384, "mean", True, "", ""
    )


def test_a_model_is_in_memory_once(encoder: Encoder) -> None:
    assert load_encoder("bundled", device="cpu") is encoder


def test_a_string_in_place_of_a_list_is_refused(encoder: Encoder) -> None:
    with pytest.raises(RequestError, match="list of one"):
        encoder.encode("a cat")


def test_a_text_that_is_no_string_is_named(encoder: Encoder) -> None:
    with pytest.raises(RequestError, match=r"texts\[1\].*not NoneType"):
        encoder.encode(["a", None])  # type: ignore[list-item]


@needs_fork
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_encodes(encoder: Encoder) -> None:
    expected = encoder.encode(MIXED)
    assert holds_in_forked_child(lambda: np.allclose(encoder.encode(MIXED), expected, atol=1e-5))


def test_an_unknown_model_is_a_model_not_found_error() -> None:
    with pytest.raises(ModelNotFoundError, match="there is no folder"):
        load_encoder("./absent")


def test_any_function_is_an_encoder_whose_rows_are_normalised() -> None:
    encoder = as_encoder(lambda texts: [[3.0, 4.0]] * len(texts))
    np.testing.assert_allclose(encoder.encode(["a", "b"]), [[0.6, 0.8], [0.6, 0.8]])
    assert encoder.encode([]).shape == (0, 2)
    assert (encoder.fingerprint.dims, encoder.fingerprint.revision) == (2, "")


def test_a_vector_without_direction_is_an_error_naming_its_text() -> None:
    def zero_for_empty(texts: list[str]) -> NDArray[np.float64]:
        return np.array([[float(bool(text)), 0.0] for text in texts])

    with pytest.raises(ModelError, match="for text 1"):
        as_encoder(zero_for_empty).encode(["a", ""])


def test_a_function_that_gives_too_few_vectors_is_an_error() -> None:
    with pytest.raises(ModelError, match=r"shape \(1, 2\) for 2 texts"):
        as_encoder(lambda texts: [[3.0, 4.0]]).encode(["a", "b"])


def test_an_encoder_stays_itself(encoder: Encoder) -> None:
    assert as_encoder(encoder) is encoder


def test_what_is_no_encoder_is_refused() -> None:
    with pytest.raises(RequestError, match="must be an Encoder"):
        as_encoder(7)  # type: ignore[arg-type]


def test_a_fingerprint_survives_meta_with_keys_of_later_versions() -> None:
    assert Fingerprint.from_meta(FINGERPRINT.to_meta() | {"later": 1}) == FINGERPRINT


def test_meta_of_another_shape_is_refused() -> None:
    with pytest.raises(RequestError, match=r"_meta\.dims: '384'"):
        Fingerprint.from_meta(FINGERPRINT.to_meta() | {"dims": "384"})


def test_the_same_weights_under_another_name_do_not_differ() -> None:
    assert FINGERPRINT.differences(dataclasses.replace(FINGERPRINT, name="b")) == []


def test_without_a_revision_the_name_decides() -> None:
    unknown = dataclasses.replace(FINGERPRINT, revision="", name="b")
    assert FINGERPRINT.differences(unknown) == ["name"]


def test_other_weights_and_prefixes_differ() -> None:
    other = dataclasses.replace(FINGERPRINT, revision="f" * 16, query_prefix="")
    assert FINGERPRINT.differences(other) == ["revision", "query_prefix"]
