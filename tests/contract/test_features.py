"""The README's table of features is true for every engine."""

from __future__ import annotations

import pytest

from tests.contract.conftest import LoadedEngine, Pair
from tests.contract.corpora import ARTICLES
from tests.contract.features import FEATURES, runs, said

REAL = {"es8": "Elasticsearch 8.19", "es9": "Elasticsearch 9.5", "os2": "OpenSearch 2.19"}


@pytest.mark.parametrize("feature", FEATURES)
def test_the_embedded_engine_does_what_the_readme_says(loaded_embedded: LoadedEngine, feature: str) -> None:
    found = runs(loaded_embedded.client, loaded_embedded.index_of(ARTICLES), FEATURES[feature])
    assert found is said("embedded")[feature]


@pytest.mark.parametrize("feature", FEATURES)
def test_a_real_node_does_what_the_readme_says(any_pair: Pair, feature: str) -> None:
    found = runs(any_pair.real.client, any_pair.real.index_of(ARTICLES), FEATURES[feature])
    assert found is said(REAL[any_pair.real_name])[feature]


def test_the_readme_has_no_feature_that_is_not_tested() -> None:
    assert said("embedded").keys() == FEATURES.keys()
