import io
from typing import Any

from rich.console import Console

from connector.cli.hits import hits_table

HIT = {
    "_id": "[bold]7",
    "_score": 4.25,
    "_source": {"title": "", "body": "two\nlines"},
    "_hybrid": {
        "legs": {"standard": {"rank": 2, "score": 12.5}},
        "fused_rank": 3,
        "fused_score": 0.0161,
        "rerank_score": 3.25,
    },
}


def drawn(**hybrid: Any) -> str:
    response = {
        "hits": {"hits": [HIT, {**HIT, "_id": "8", "_hybrid": {"legs": {"knn": {"rank": 1, "score": 0.9}}}}]},
        "_hybrid": {"took_ms": {"retrieve": 3.2}, "depth": 2, "model": "m", "degraded": None, **hybrid},
    }
    out = io.StringIO()
    Console(file=out, width=160).print(hits_table(response, ["title", "body"]))
    return out.getvalue()


def test_a_row_holds_rank_id_title_score_and_what_each_stage_thought() -> None:
    row = next(line for line in drawn().splitlines() if "[bold]7" in line)
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    assert cells == ["1", "[bold]7", "two lines", "4.250", "#2 12.5", "-", "#3 0.0161", "3.25"]


def test_what_a_stage_did_not_see_is_a_dash() -> None:
    row = next(line for line in drawn().splitlines() if "│ 8" in line)
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    assert cells[4:] == ["-", "#1 0.9", "-", "-"]


def test_times_and_a_degraded_search_stand_under_the_table() -> None:
    assert "retrieve 3 ms; 2 pairs reranked by m" in drawn()
    assert "degraded: not reranked: it broke" in drawn(degraded="not reranked: it broke")
