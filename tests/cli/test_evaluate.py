"""`connector eval` compares the stages of a search on judged questions, and says what is wrong in words."""

import json
from pathlib import Path
from typing import Any

import pytest

from connector import Connector, connect
from connector.cli import main
from connector.evaluation.comparing import compare, warnings_about
from connector.evaluation.measure import Evaluation

DOCUMENTS = {
    "kettle": "Descale a kettle with vinegar and water.",
    "knife": "Sharpen a knife on a wet stone.",
    "bread": "Let the dough rest overnight.",
    "lamp": "Change the bulb of a lamp.",
}
QUESTIONS = {"q1": "remove limescale from a kettle", "q2": "make a blade sharp again", "q3": "nobody knows"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("judged")
    lines = [json.dumps({"_id": key, "text": text}) for key, text in QUESTIONS.items()]
    (folder / "queries.jsonl").write_text("\n".join(lines), "utf-8")
    (folder / "topics.tsv").write_text("".join(f"{key}\t{text}\n" for key, text in QUESTIONS.items()), "utf-8")
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq1\tkettle\t1\nq2\tknife\t2\nq3\tlamp\t0\n", "utf-8")
    (folder / "trec.qrels").write_text("q1 0 kettle 1\nq2 0 knife 2\nq3 0 lamp 0\n", "utf-8")
    with connect(f"embedded:{folder / 'store'}") as client:
        tips = Connector(client, "tips", text_fields=["body"])
        tips.create()
        tips.index([{"_id": key, "body": text} for key, text in DOCUMENTS.items()])
        client.index(index="plain", id="kettle", document={"body": DOCUMENTS["kettle"]}, refresh=True)
    return folder


def run(
    folder: Path, *arguments: str, index: str = "tips", queries: str = "queries.jsonl", qrels: str = "qrels.tsv"
) -> int:
    files = ("--queries", str(folder / queries), "--qrels", str(folder / qrels))
    with pytest.raises(SystemExit) as ended:
        main(["eval", index, *files, "--url", f"embedded:{folder / 'store'}", "--text-field", "body", *arguments])
    return int(ended.value.code or 0)


def test_every_stage_is_measured_and_compared(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["questions"] == 2
    assert list(report["stages"]) == ["BM25", "kNN", "RRF", "RRF + rerank"]
    assert all(0 <= stage["nDCG@10"] <= 1 and stage["p50_ms"] > 0 for stage in report["stages"].values())
    assert report["stages"]["RRF + rerank"]["nDCG@10"] == 1.0
    assert [(each["stage"], each["other"]) for each in report["comparisons"]][1] == ("RRF + rerank", "RRF")
    assert any("2 judged questions are few" in warning for warning in report["warnings"])


def test_the_table_and_the_words_are_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder) == 0
    out = capsys.readouterr().out
    assert "2 questions on tips" in out
    assert "RRF + rerank against RRF" in out
    assert "not more than chance" in out


def test_trecs_files_are_read_too_and_runs_are_written(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, "--json", "--runs", str(tmp_path), queries="topics.tsv", qrels="trec.qrels") == 0
    capsys.readouterr()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["bm25.run", "knn.run", "rrf-rerank.run", "rrf.run"]
    first = (tmp_path / "rrf-rerank.run").read_text("utf-8").splitlines()[0].split()
    assert (first[:4], first[5]) == (["q1", "Q0", "kettle", "1"], "rrf-rerank")


def test_an_index_without_vectors_has_no_stage_of_knn(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "--json", index="plain") == 0
    assert list(json.loads(capsys.readouterr().out)["stages"]) == ["BM25", "RRF", "RRF + rerank"]


def test_a_bound_decides_the_exit_code(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "--fail-below", "ndcg@10=0.5") == 0
    assert run(folder, "--fail-below", "mrr@10=1", "--limit", "1") == 0
    assert run(folder, "--fail-below", "ndcg@10=1", index="plain") == 1
    assert "below 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "files", "named"),
    [
        (["--fail-below", "ndcg=1"], {}, "--fail-below"),
        (["--fail-below", "ndcg@10=2"], {}, "--fail-below"),
        ([], {"qrels": "nothing.tsv"}, "can't be read"),
        ([], {"qrels": "queries.jsonl"}, "line 1"),
        ([], {"queries": "trec.qrels"}, "line 1"),
    ],
)
def test_what_is_wrong_is_one_line(
    folder: Path, arguments: list[str], files: dict[str, Any], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, *arguments, **files) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert named in line


def test_questions_without_judgments_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "other.tsv").write_text("x1\tkettle\t1\n", "utf-8")
    assert run(folder, qrels="other.tsv") == 2
    assert "do their ids agree?" in capsys.readouterr().err


def stage(*ndcg: float, recall: float = 1.0) -> Evaluation:
    keys = [f"q{number}" for number in range(len(ndcg))]
    return Evaluation({"nDCG@10": dict(zip(keys, ndcg, strict=True)), "R@50": dict.fromkeys(keys, recall)})


def test_differences_are_corrected_for_all_that_were_tested() -> None:
    stages = {"a": stage(*[0.2] * 20), "b": stage(*[0.6] * 20), "c": stage(*[0.6] * 19, 0.7)}
    better, same = compare(stages, [("b", "a"), ("c", "b")])
    assert better.is_significant
    assert better.sentence().startswith("b is better than a: +0.400 nDCG@10")
    assert not same.is_significant
    assert same.sentence().endswith("not more than chance")
    assert better.adjusted_p == pytest.approx(2 * better.test.p_value)


def test_what_is_wrong_is_said_in_words() -> None:
    stages = {"bm25": stage(*[0.9] * 60), "rrf": stage(*[0.7] * 60, recall=0.5), "reranked": stage(*[0.6] * 60)}
    below, alone, worse, window = warnings_about(stages, ["bm25"], "rrf", "reranked", "R@50")
    assert "the fusion (0.700) is below one of its legs, bm25 (0.900)" in below
    assert "the reranked fusion (0.600) is below a leg by itself, bm25 (0.900)" in alone
    assert "reranking makes the order worse here (0.700 to 0.600): leave it off" in worse
    assert "the window holds 50% of what is relevant" in window
    fine = {"bm25": stage(*[0.5] * 60), "rrf": stage(*[0.7] * 60), "reranked": stage(*[0.8] * 60)}
    assert warnings_about(fine, ["bm25"], "rrf", "reranked", "R@50") == []
