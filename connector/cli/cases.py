"""Three cases that bi-encoders are known to get wrong, scored live by the bi-encoder and the reranker."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from connector.models.encoder import Encoder
from connector.models.reranker import Reranker


@dataclass(frozen=True)
class Case:
    """A query and two passages, the first of which should score higher."""

    query: str
    better: str
    worse: str
    what: str


CASES = (
    Case(
        "small fast car",
        "The car is small and fast, delivery is slow.",
        "The car is small and slow, delivery is fast.",
        "which word belongs to which",
    ),
    Case(
        "climate change effects",
        "global warming impacts",
        "effects of a change of climate in the office",
        "the same meaning in other words",
    ),
    Case(
        "electric car battery efficiency",
        "how far an electric vehicle drives on one charge",
        "battery life in smartphones",
        "the same words about something else",
    ),
)


@dataclass(frozen=True)
class Scored:
    """Both models' scores of a case's two passages: cosines and raw logits, the better passage's first."""

    case: Case
    cosines: tuple[float, float]
    logits: tuple[float, float]


def run_cases(encoder: Encoder, reranker: Reranker, cases: Sequence[Case] = CASES) -> list[Scored]:
    """Score each case's passages with the bi-encoder (cosine) and with the reranker (raw logit)."""
    scored = []
    for case in cases:
        passages = [case.better, case.worse]
        cosines = encoder.encode(passages) @ encoder.encode_queries([case.query])[0]
        logits = reranker.score(case.query, passages)
        scored.append(Scored(case, (float(cosines[0]), float(cosines[1])), (float(logits[0]), float(logits[1]))))
    return scored


def cases_table(scored: Sequence[Scored]) -> Table:
    """Return a table of both models' scores, and which model put the better passage first."""
    table = Table(title="Live cases: in each, the first passage should win", title_justify="left", show_lines=True)
    table.add_column("query and difficulty")
    table.add_column("passage")
    table.add_column("bi-encoder cosine", justify="right")
    table.add_column("reranker score", justify="right")
    for row in scored:
        table.add_row(
            f"{row.case.query}\n({row.case.what})",
            f"{row.case.better}\n{row.case.worse}",
            _pair(row.cosines),
            _pair(row.logits),
        )
    return table


def _pair(scores: tuple[float, float]) -> str:
    return f"{scores[0]:.3f}\n{scores[1]:.3f}\n{'won' if scores[0] > scores[1] else 'lost'}"
