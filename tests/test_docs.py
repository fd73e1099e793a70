"""Every Python block of the README and of docs/ runs as it stands, and what they point to is there.

A block that names http://localhost:9200 runs on each engine in that address's place, and finds an index `books` there
that was made without this package.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from tests.conftest import EngineUnderTest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
CLUSTER = '"http://localhost:9200"'
BOOKS = [
    {"title": "Moby-Dick", "summary": "A captain hunts the white whale that took his leg.", "year": 1851},
    {"title": "Emma", "summary": "A young woman makes matches for everyone but herself.", "year": 1815},
    {"title": "Dracula", "summary": "A count leaves his castle for London and is hunted there.", "year": 1897},
    {"title": "Whale Song", "summary": "Two biologists listen to whales in the Pacific.", "year": 1987},
]


@dataclass(frozen=True)
class Block:
    """A Python block of a page: where it begins and what it says."""

    page: Path
    line: int
    code: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def _blocks() -> list[Block]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            found.append(Block(page, text[: match.start()].count("\n") + 2, match[1]))
    return found


BLOCKS = _blocks()


def _run(block: Block, code: str, **names: Any) -> dict[str, Any]:
    """Run a block as a module of its own, its lines numbered as on the page."""
    namespace: dict[str, Any] = {"__name__": "__example__", **names}
    exec(compile("\n" * (block.line - 1) + code, str(block.page), "exec"), namespace)
    return namespace


def _close(namespace: dict[str, Any]) -> None:
    for value in namespace.values():
        client = getattr(value, "client", value)
        if isinstance(client, Elasticsearch):
            client.close()


@pytest.fixture
def books(es: Elasticsearch, fresh_index: str) -> str:
    """An index that somebody else made: text and a year, no vectors, no `_meta` of ours."""
    text = {"type": "text"}
    fields = {"title": text, "summary": text, "year": {"type": "integer"}}
    es.indices.create(index=fresh_index, mappings={"properties": fields})
    for number, book in enumerate(BOOKS):
        es.index(index=fresh_index, id=str(number), document=book)
    es.indices.refresh(index=fresh_index)
    return fresh_index


@pytest.mark.parametrize("block", [block for block in BLOCKS if CLUSTER not in block.code], ids=str)
def test_example_without_a_cluster_runs(block: Block) -> None:
    namespace = _run(block, block.code)
    _close(namespace)
    assert namespace["response"]["hits"]["hits"]


@pytest.mark.filterwarnings("ignore:index .* has no vector field:UserWarning")
@pytest.mark.parametrize("block", [block for block in BLOCKS if CLUSTER in block.code], ids=str)
def test_example_with_a_cluster_runs(block: Block, engine: EngineUnderTest, books: str) -> None:
    code = block.code.replace(CLUSTER, f'"{engine.url}", **engine_options').replace('"books"', f'"{books}"')
    namespace = _run(block, code, engine_options=engine.sync_options)
    _close(namespace)
    assert namespace["response"]["hits"]["hits"][0]["_source"]["title"] == "Moby-Dick"
    assert namespace["response"]["_hybrid"]["degraded"] is None


def test_readme_shows_the_three_ways_in() -> None:
    readme = [block for block in BLOCKS if block.page.name == "README.md"]
    assert len(readme) == 3
    assert sum(CLUSTER in block.code for block in readme) == 2


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|mailto:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_paths_that_a_page_names_exist(page: Path) -> None:
    named = re.findall(
        r"`((?:connector|tests|docs|mappings|examples|benchmarks|training)/[\w./-]*)`", page.read_text("utf-8")
    )
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_make_targets_that_a_page_names_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = re.findall(r"(?:^ {4}|`|9200 )make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert [name for name in named if name not in targets] == []
