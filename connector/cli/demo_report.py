"""What the demo prints: an introduction, the worth of each stage, single questions, live cases and next steps."""

import platform
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from connector.cli.cases import cases_table, run_cases
from connector.cli.questions import Questions
from connector.cli.side_by_side import choose, explain, side_by_side
from connector.cli.stages import RERANKED, RRF, Answers, measured
from connector.evaluation.measure import NDCG_AT_10, paired_test
from connector.evaluation.report import Stage, stage_table, verdict
from connector.models.load import load_encoder, load_reranker

_NEXT = """What to do next
  your documents     connector index FILE.jsonl --index NAME --url URL --text-field title --text-field body
  your questions     connector search NAME "what people ask" --url URL
  from Python        from connector import Connector, connect
                     Connector(connect(URL), "NAME", text_fields=["title", "body"]).search("what people ask")
  Whether reranking helps depends on the documents and the questions: measure it on yours before you turn it on."""


def print_introduction(console: Console, document_count: int, questions: Questions) -> None:
    """Print what is searched, with which questions, and how many of them this Python can't answer."""
    _print(
        console,
        f"{document_count} documents: the standard library of this Python, {platform.python_version()}.\n"
        f"{len(questions.texts)} questions with known answers, {len(questions.without_overlap)} of them in words that "
        "the documentation of the answer does not use.",
    )
    if questions.dropped:
        _print(
            console, f"{questions.dropped} more questions were dropped, because this Python has none of their answers."
        )


def print_worth(console: Console, questions: Questions, answers: Mapping[str, Answers], depth: int) -> None:
    """Print the measures of each stage, and whether reranking improves the ranking by more than chance."""
    stages = measured(questions.qrels, answers, depth)
    console.print()
    console.print(stage_table(stages, depth, "What each stage is worth"))
    console.print(_by_kind(stages, questions))
    by_name = {stage.name: stage.evaluation.per_query[NDCG_AT_10] for stage in stages}
    cost_ms = answers[RERANKED].p50_ms - answers[RRF].p50_ms
    _print(console, f"Rerank against RRF: {verdict(paired_test(by_name[RRF], by_name[RERANKED]), cost_ms)}")
    best = max(stages, key=lambda stage: stage.evaluation.mean(NDCG_AT_10))
    _print(console, f"Best nDCG@10 on these questions: {best.name}, {best.evaluation.mean(NDCG_AT_10):.3f}.")
    _print(
        console,
        "Correct answers without a judgment count as wrong, so compare the stages rather than the figures themselves.",
    )


def print_side_by_side(console: Console, questions: Questions, answers: Mapping[str, Answers], depth: int) -> None:
    """Print the question that reranking improved most, the one it harmed most, and a typical one."""
    by_name = {
        stage.name: stage.evaluation.per_query[NDCG_AT_10] for stage in measured(questions.qrels, answers, depth)
    }
    for query_id, why in choose(by_name[RRF], by_name[RERANKED]):
        grades = questions.qrels[query_id]
        change = f"nDCG@10 {by_name[RRF][query_id]:.2f} -> {by_name[RERANKED][query_id]:.2f}"
        console.print()
        console.print(side_by_side(f'"{questions.texts[query_id]}": {why}, {change}', query_id, grades, answers))
        shares_words = query_id not in questions.without_overlap
        _print(console, explain(query_id, grades, answers, shares_words=shares_words))


def print_cases(console: Console) -> None:
    """Score the live cases with the bundled models, and print the scores."""
    console.print()
    console.print(cases_table(run_cases(load_encoder(), load_reranker())))


def print_next_steps(console: Console) -> None:
    """Print what to do next."""
    console.print()
    _print(console, _NEXT)


def _by_kind(stages: list[Stage], questions: Questions) -> Table:
    table = Table(title="nDCG@10 by kind of question", title_justify="left")
    table.add_column("stage")
    kinds = {
        "shares words with the answer": [q for q in questions.texts if q not in questions.without_overlap],
        "shares none": [q for q in questions.texts if q in questions.without_overlap],
    }
    for kind, query_ids in kinds.items():
        table.add_column(f"{kind} ({len(query_ids)})", justify="right")
    for stage in stages:
        values = stage.evaluation.per_query[NDCG_AT_10]
        table.add_row(stage.name, *(_mean([values[q] for q in query_ids]) for query_ids in kinds.values()))
    return table


def _mean(values: list[float]) -> str:
    return f"{sum(values) / len(values):.3f}" if values else "-"


def _print(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False)
