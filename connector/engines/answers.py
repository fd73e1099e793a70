"""Checks what a cluster answers, so that the rest of the code can read it without checks. Pure.

A proxy's page, a truncated answer or one from an unknown kind of server raises MalformedAnswerError here, and nowhere
else.
Only what the connector reads is checked; what it passes on to the user may be anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from elastic_transport import SerializationError

from connector.engines.answer import DEEPEST, Answer, described
from connector.errors import MalformedAnswerError

T = TypeVar("T")

_LARGEST_SCORE = 3.4028234663852886e38
_OF_REQUESTS = "Unable to serialize"
"""How elastic-transport begins an error about a request rather than an answer."""
_OF_CONTENT_TYPES = "Unknown mimetype"
_OF_FEW_HITS = frozenset({"_explanation", "inner_hits", "matched_queries"})
_NESTED = frozenset({dict, list})
_MISSING: Any = object()


def unreadable(what: str, error: Exception) -> Exception:
    """Return the error for an answer that is not JSON or too deeply nested; any other error is returned as it is."""
    if isinstance(error, RecursionError):
        if "decoding" not in str(error):
            return error
        return MalformedAnswerError(what, "it is nested too deeply to be read", "[" * 8)
    message = error.message if isinstance(error, SerializationError) else str(error.args[0] if error.args else error)
    if message.startswith(_OF_REQUESTS):
        return error
    reason, _, came = message.partition(": ")
    if reason.startswith(_OF_CONTENT_TYPES):
        return MalformedAnswerError(what, "it has an unknown content type", came)
    return MalformedAnswerError(what, "it can't be read as JSON", came.removeprefix("b'") or reason)


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Raise MalformedAnswerError if the answer to a call can't be read: see `unreadable`."""
    try:
        yield
    except (SerializationError, RecursionError) as error:
        raise unreadable(what, error) from error


def searches_in(body: object, bodies: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the responses of an `_msearch`, one per body sent; one with an `error` is not checked further."""
    answer = Answer("_msearch", body)
    responses = responses_in(body, len(bodies))
    for place, (response, asked) in enumerate(zip(responses, bodies, strict=True)):
        if "error" not in answer.checked(response, f"responses[{place}]", dict):
            counts = asked.get("track_total_hits") is not False
            _check_search(answer, response, f"responses[{place}].", is_sorted="sort" in asked, counts=counts)
    return responses


def responses_in(body: object, count: int) -> list[Any]:
    """Return the responses of an `_msearch`, as many as there were searches, without checking them further."""
    answer = Answer("_msearch", body)
    responses = answer.part(answer.checked(body, "", dict), "responses", list)
    if len(responses) != count:
        raise answer.fault(f"responses has {len(responses)} items, must have {count}")
    return responses


def search_in(body: object, *, is_sorted: bool = False) -> dict[str, Any]:
    """Return the answer to one search.

    Args:
        body: the answer.
        is_sorted: hits may have no score.
    """
    answer = Answer("_search", body)
    found = answer.checked(body, "", dict)
    _check_search(answer, found, "", is_sorted=is_sorted)
    return found


def _check_search(answer: Answer, response: dict[str, Any], at: str, *, is_sorted: bool, counts: bool = False) -> None:
    answer.part(response, f"{at}timed_out", bool)
    shards = answer.part(response, f"{at}_shards", dict)
    for name in ("total", "successful", "failed"):
        answer.part(shards, f"{at}_shards.{name}", int)
    answer.optional(shards, f"{at}_shards.skipped", int)
    answer.not_too_deep(answer.optional(shards, f"{at}_shards.failures", list), f"{at}_shards.failures")
    if (profile := answer.optional(response, f"{at}profile", dict)) is not None:
        answer.optional(profile, f"{at}profile.shards", list)
    answer.optional(response, f"{at}pit_id", str)
    hits = answer.part(response, f"{at}hits", dict)
    if counts or "total" in hits:
        total = answer.part(hits, f"{at}hits.total", dict)
        answer.part(total, f"{at}hits.total.value", int)
        answer.part(total, f"{at}hits.total.relation", str)
    if hits.get("max_score") is not None:
        _check_score(answer, hits["max_score"], f"{at}hits.max_score")
    found = answer.part(hits, f"{at}hits.hits", list)
    if not _are_plain(found):
        for place, hit in enumerate(found):
            _check_hit(answer, hit, f"{at}hits.hits[{place}]", is_sorted=is_sorted)


def _are_plain(hits: list[Any]) -> bool:
    """True for hits as nearly all are; this check is fast because it builds no paths and calls little for each hit."""
    try:
        for hit in hits:
            if not (
                type(hit) is dict
                and type(hit["_index"]) is str
                and type(hit["_id"]) is str
                and type(score := hit["_score"]) is float
                and -_LARGEST_SCORE <= score <= _LARGEST_SCORE
                and _OF_FEW_HITS.isdisjoint(hit)
                and ("fields" not in hit or _have_plain_values(hit["fields"]))
            ):
                return False
    except KeyError:
        return False
    return True


def _have_plain_values(fields: Any) -> bool:
    return type(fields) is dict and all(
        type(values) is list and _NESTED.isdisjoint(map(type, values)) for values in fields.values()
    )


def _check_hit(answer: Answer, hit: object, at: str, *, is_sorted: bool) -> None:
    found = answer.checked(hit, at, dict)
    for name in ("_index", "_id"):
        answer.part(found, f"{at}.{name}", str)
    score = found.get("_score", _MISSING)
    if score is _MISSING:
        raise answer.fault(f"{at}._score is missing")
    if score is not None or not is_sorted:
        _check_score(answer, score, f"{at}._score")
    if "fields" in found:
        _check_fields(answer, found, at)
    answer.optional(found, f"{at}._explanation", dict)
    named = found.get("matched_queries", ())
    if not isinstance(named, list | dict | tuple) or not all(isinstance(name, str) for name in named):
        raise answer.fault(f"{at}.matched_queries must be names")
    for name, inner in (answer.optional(found, f"{at}.inner_hits", dict) or {}).items():
        path = f"{at}.inner_hits.{name}"
        inner_hits = answer.part(answer.checked(inner, path, dict), f"{path}.hits", dict)
        for place, each in enumerate(answer.part(inner_hits, f"{path}.hits", list)):
            inner_at = f"{path}.hits[{place}]"
            inner_hit = answer.checked(each, inner_at, dict)
            answer.optional(inner_hit, f"{inner_at}._nested", dict)
            if "fields" in inner_hit:
                _check_fields(answer, inner_hit, inner_at)


def _check_fields(answer: Answer, hit: dict[str, Any], at: str) -> None:
    fields = answer.part(hit, f"{at}.fields", dict)
    for name, values in fields.items():
        answer.checked(values, f"{at}.fields[{name!r}]", list)
    answer.not_too_deep(fields, f"{at}.fields")


def _check_score(answer: Answer, score: object, path: str) -> None:
    is_number = isinstance(score, int | float) and not isinstance(score, bool)
    if not is_number or not abs(score) <= _LARGEST_SCORE:  # type: ignore[arg-type]
        raise answer.fault(f"{path} is {described(score)}, must be a finite number")


def mappings_in(body: object) -> dict[str, Any]:
    """Return the mappings of `GET INDEX/_mapping`, by index."""
    answer = Answer("_mapping", body)
    found = answer.checked(body, "", dict)
    for index, definition in found.items():
        mapping = answer.part(answer.checked(definition, index, dict), f"{index}.mappings", dict)
        answer.optional(mapping, f"{index}.mappings._meta", dict)
        _count_fields(answer, mapping, f"{index}.mappings")
    return found


def field_count(mappings: Mapping[str, Any]) -> int:
    """Return how many fields the checked mappings of all indices have in total."""
    answer = Answer("_mapping", None)
    return sum(_count_fields(answer, body["mappings"], index) for index, body in mappings.items())


def _count_fields(answer: Answer, mapping: Mapping[str, Any], at: str) -> int:
    """Count a mapping's fields, including objects and sub-fields, and check the definition of each."""
    level: list[Mapping[str, Any]] = [mapping]
    depth, count = 0, 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise answer.fault(f"{at} is nested more than {DEEPEST} levels deep")
        below: list[Mapping[str, Any]] = []
        for parent in level:
            for group in ("properties", "fields") if depth > 1 else ("properties", "fields", "runtime"):
                if group in parent:
                    for name, definition in answer.part(parent, group, dict).items():
                        found = answer.checked(definition, name, dict)
                        if type(found.get("type", "")) is not str:
                            answer.part(found, "type", str)
                        for size in ("dims", "dimension"):
                            answer.optional(found, size, int)
                        below.append(found)
        count += len(below)
        level = below
    return count


def point_in_time_in(body: object, name: str = "id") -> str:
    """Return the id of an opened point in time."""
    answer = Answer("open_point_in_time", body)
    return answer.part(answer.checked(body, "", dict), name, str)


def rendered_in(body: object) -> Any:
    """Return the search rendered from a template."""
    answer = Answer("_render/template", body)
    return answer.part(answer.checked(body, "", dict), "template_output", dict)


def bulk_items_in(body: object, count: int) -> list[tuple[str, dict[str, Any]]]:
    """Return the result of each of `count` actions: the action's kind, and its item with a status."""
    answer = Answer("_bulk", body)
    items = answer.part(answer.checked(body, "", dict), "items", list)
    if len(items) != count:
        raise answer.fault(f"items has {len(items)} items, must have {count}")
    found = []
    for place, each in enumerate(items):
        item = answer.checked(each, f"items[{place}]", dict)
        if len(item) != 1:
            raise answer.fault(f"items[{place}] has {len(item)} kinds of action, must have one")
        ((kind, outcome),) = item.items()
        at = f"items[{place}].{kind}"
        answer.part(answer.checked(outcome, at, dict), f"{at}.status", int)
        for name in ("_seq_no", "_primary_term"):
            answer.optional(outcome, f"{at}.{name}", int)
        found.append((kind, outcome))
    return found


def object_in(what: str, body: object) -> dict[str, Any]:
    """Return an answer that must be an object."""
    return Answer(what, body).checked(body, "", dict)


def part_of(what: str, body: object, path: Sequence[str], kind: type[T]) -> T:
    """Return the part of an answer at a path through objects."""
    answer = Answer(what, body)
    parent, at = answer.checked(body, "", dict), ""
    for name in path[:-1]:
        at = f"{at}.{name}" if at else name
        if name not in parent:
            raise answer.fault(f"{at} is missing")
        parent = answer.checked(parent[name], at, dict)
    at = f"{at}.{path[-1]}" if at else path[-1]
    if path[-1] not in parent:
        raise answer.fault(f"{at} is missing")
    return answer.checked(parent[path[-1]], at, kind)
