"""`minimum_should_match`: 2, -1, 75%, -25%, and conditions such as 2<-25% 9<-3."""

from __future__ import annotations

from connector.embedded.failures import ShardError


def minimum_should_match(clauses: int, specification: str) -> int:
    """Return how many of `clauses` optional clauses must match; if it is more than `clauses`, nothing matches.

    Raises:
        ShardError: the specification can't be read.

    Source: Elasticsearch's Queries.calculateMinShouldMatch.
    """
    specification = specification.strip()
    if "<" in specification:
        result = clauses
        for condition in specification.split():
            bound, _, then = condition.partition("<")
            if clauses <= _integer(bound):
                return result
            result = minimum_should_match(clauses, then)
        return result
    if "%" in specification:
        share = int(clauses * _integer(specification.replace("%", "")) / 100)
    else:
        share = _integer(specification)
    return max(0, share if share >= 0 and not specification.startswith("-") else clauses + share)


def _integer(text: str) -> int:
    try:
        if not -(2**31) <= int(text) < 2**31:
            raise ValueError
        return int(text)
    except ValueError as error:
        raise ShardError(f'For input string: "{text}"', "number_format_exception") from error
