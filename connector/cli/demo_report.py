"""What the demo prints: what is searched, what each stage was worth, single questions, live cases, what to do next."""

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
  Whether reranking pays depends on the documents and the questions: measure it on yours before you switch it on."""


def print_introduction(console: Console, document_count: int, questions: Questions) -> None:
    """Say what is searched and what is asked, and which questions this Python can't answer."""
    _say(
        console,
        f"{document_count} documents: the standard library of Python {platform.python_version()}, this one.\n"
        f"{len(questions.texts)} questions with known answers, {len(questions.without_overlap)} of them in words that "
        "the answer's documentation does not use.",
    )
    if questions.dropped:
        _say(console, f"{questions.dropped} more questions were dropped: no answer of theirs exists in this Python.")


def print_worth(console: Console, questions: Questions, answers: Mapping[str, Answers], depth: int) -> None:
    """Print the measures of each stage, and whether reranking lifts the ranking by more than chance."""
    stages = measured(questions.qrels, answers, depth)
    console.print()
    console.print(stage_table(stages, depth, "What each stage is worth"))
    console.print(_by_kind(stages, questions))
    by_name = {stage.name: stage.evaluation.per_query[NDCG_AT_10] for stage in stages}
    cost_ms = answers[RERANKED].p50_ms - answers[RRF].p50_ms
    _say(console, f"Rerank against RRF: {verdict(paired_test(by_name[RRF], by_name[RERANKED]), cost_ms)}")
    best = max(stages, key=lambda stage: stage.evaluation.mean(NDCG_AT_10))
    _say(console, f"Best nDCG@10 on these questions: {best.name}, {best.evaluation.mean(NDCG_AT_10):.3f}.")
    _say(console, "Any other right answer counts as wrong, so compare the stages and not the figures themselves.")


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
        _say(console, explain(query_id, grades, answers, shares_words=shares_words))


def print_cases(console: Console) -> None:
    """Run the live cases with the bundled models and print them, won or lost."""
    console.print()
    console.print(cases_table(run_cases(load_encoder(), load_reranker())))


def print_next_steps(console: Console) -> None:
    """Say what to do next."""
    console.print()
    _say(console, _NEXT)


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


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False)
