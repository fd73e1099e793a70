import io

import numpy as np
from rich.console import Console

from connector.cli.cases import Case, cases_table, run_cases
from connector.models.load import as_encoder, as_reranker

CASE = Case("query", "better passage", "worse passage", "what is hard")


def test_won_and_lost_are_told_as_they_are() -> None:
    vectors = {"query": [1.0, 0.0], "better passage": [0.6, 0.8], "worse passage": [0.8, 0.6]}
    encoder = as_encoder(lambda texts: np.array([vectors.get(text, [1.0, 0.0]) for text in texts]))
    reranker = as_reranker(lambda query, passages: np.array([2.0 if "better" in text else -1.0 for text in passages]))
    (scored,) = run_cases(encoder, reranker, [CASE])
    np.testing.assert_allclose(scored.cosines, (0.6, 0.8), rtol=1e-6)
    assert scored.logits == (2.0, -1.0)
    out = io.StringIO()
    Console(file=out, width=120).print(cases_table([scored]))
    (last_row,) = (line for line in out.getvalue().splitlines() if "won" in line)
    assert last_row.index("lost") < last_row.index("won")


def test_a_draw_is_not_won() -> None:
    encoder = as_encoder(lambda texts: np.ones((len(texts), 2)))
    reranker = as_reranker(lambda query, passages: np.zeros(len(passages)))
    out = io.StringIO()
    Console(file=out, width=120).print(cases_table(run_cases(encoder, reranker, [CASE])))
    assert "won" not in out.getvalue()
