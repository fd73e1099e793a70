from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from connector.cli import main
from connector.models.backends.agreement import Agreement
from connector.models.backends.artefacts import Manifest, build_once
from tests.models.conftest import cross_encoder as cross_encoder  # the same small models

WORDS = ["the", "dog", "barks", "at", "a", "cat", "while", "small", "engines", "turn", "in", "warm", "summer", "rain"]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CONNECTOR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def judged(tmp_path: Path) -> Path:
    folder = tmp_path / "judged"
    (folder / "qrels").mkdir(parents=True)
    corpus = [{"_id": word, "text": f"{word} and {WORDS[place - 1]}"} for place, word in enumerate(WORDS)]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, corpus)))
    (folder / "queries.jsonl").write_text(json.dumps({"_id": "q", "text": "dog barks"}))
    (folder / "qrels" / "test.tsv").write_text("q\tdog\t1\n")
    return folder


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["models", *arguments])
    return int(ended.value.code or 0)


def test_an_empty_cache_lists_nothing_and_says_where_it_looked(capsys: pytest.CaptureFixture[str], cache: Path) -> None:
    assert run("list") == 0
    assert str(cache) in capsys.readouterr().out


def test_the_list_shows_what_the_gate_measured(
    capsys: pytest.CaptureFixture[str], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")

    def make(folder: Path) -> Manifest:
        (folder / "pairs.onnx").write_bytes(b"graph")
        return Manifest("small-model", "source", "onnx-int8", {"pairs": ()}, {}, 64, {})

    folder = build_once(cache / "models" / "small-model-0" / "onnx-int8", make)
    Agreement("my-judgments", 25, 0.701, 0.654, 0.97, 0.93).write(folder)
    assert run("list") == 0
    shown = capsys.readouterr().out
    assert all(part in shown for part in ("small-model", "onnx-int8", "0.654", "0.701", "my-judgments", "beyond"))


def test_build_exports_measures_and_remembers(
    capsys: pytest.CaptureFixture[str],
    cross_encoder: Callable[[int], Path],
    judged: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("onnxruntime")
    from connector.models.backends import choice

    monkeypatch.setattr(choice, "installed", lambda: ["torch", "onnx"])
    monkeypatch.setattr(choice, "_SECONDS", 0.0)
    model = str(cross_encoder(1))
    assert run("build", "--reranker", model, "--backend", "onnx", "--judged", str(judged)) == 0
    shown = capsys.readouterr().out
    assert "onnx: nDCG@10" in shown
    assert "now runs on" in shown


def test_a_folder_that_is_no_collection_is_an_error_with_the_remedy(
    capsys: pytest.CaptureFixture[str], cross_encoder: Callable[[int], Path], tmp_path: Path
) -> None:
    assert run("build", "--reranker", str(cross_encoder(1)), "--judged", str(tmp_path)) == 2
    assert "BEIR's layout" in capsys.readouterr().err


def test_the_cost_of_a_reranker_is_shown_stored_and_drawn(
    capsys: pytest.CaptureFixture[str], cache: Path, tmp_path: Path, judged: Path
) -> None:
    plot = tmp_path / "cost.svg"
    assert run("cost", "--judged", str(judged), "--budget-ms", "100000", "--plot", str(plot), "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["model"] == "bundled"
    assert report["cost"]["samples"] >= 6
    rows = report["depths"]
    assert [row["ms"] for row in rows] == sorted(row["ms"] for row in rows)
    assert rows[-1]["recall"] == 1.0
    assert report["depth_within_budget"] in [row["depth"] for row in rows]
    assert plot.read_text("utf-8").lstrip().startswith("<?xml")
    (stored,) = json.loads(next(cache.rglob("cost.json")).read_text("utf-8")).values()
    assert stored == report["cost"]


def test_a_plot_of_an_unknown_kind_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run("cost", "--plot", str(tmp_path / "cost.docx")) == 2
    assert "name a .svg, .png or .pdf file" in capsys.readouterr().err
