"""The new index: made, settled after loading, put behind its alias at once, and taken back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from elasticsearch import ApiError, BadRequestError, NotFoundError

from connector.errors import AliasChangedError, ReindexError
from connector.reindexing.cluster.cluster import Cluster
from connector.reindexing.cluster.cluster_answers import uuid_in
from connector.reindexing.plan import Plan


def create_target(cluster: Cluster, plan: Plan) -> str:
    """Make the new index, or find it made by this job before it was cut off; give its uuid."""
    assert plan.target is not None
    target = plan.target
    try:
        cluster.call(lambda es: es.indices.create(index=target, body=plan.body))
    except BadRequestError as error:
        if error.error != "resource_already_exists_exception":
            raise
    return uuid_of(cluster, target)


def uuid_of(cluster: Cluster, index: str) -> str:
    """Return an index's uuid, "" where there is none."""
    try:
        described = cluster.call(lambda es: es.indices.get_settings(index=index).body)
    except NotFoundError:
        return ""
    return uuid_in(described, index)


def check_is_ours(cluster: Cluster, index: str, uuid: str) -> None:
    """Refuse to go on with an index that was deleted, or deleted and made again.

    Raises: ReindexError.
    """
    found = uuid_of(cluster, index)
    if found != uuid:
        raise _lost(index, "was deleted and made again" if found else "is gone")


def add_field(cluster: Cluster, index: str, change: Mapping[str, Any]) -> None:
    """Add a field to a live index's mapping."""
    cluster.call(lambda es: es.indices.put_mapping(index=index, body=dict(change)))


def is_switched(cluster: Cluster, plan: Plan) -> bool:
    """True if the alias points to the new index and to nothing else."""
    return plan.alias is None or cluster.aliases(plan.alias).keys() == {plan.target}


@contextmanager
def lowered(cluster: Cluster, plan: Plan) -> Iterator[None]:
    """Load without refreshes and replicas; what the index is to have is set again at the end, however it comes."""
    if plan.target is None or not plan.settled:
        yield
        return
    put_settings(cluster, plan.target, plan.loading)
    try:
        yield
    finally:
        put_settings(cluster, plan.target, plan.settled)


def put_settings(cluster: Cluster, index: str, settings: Mapping[str, Any]) -> None:
    """Set an index's settings; null takes a setting back to its default. Raises: ReindexError: the index is gone."""
    try:
        cluster.call(lambda es: es.indices.put_settings(index=index, settings=dict(settings)))
    except NotFoundError as error:
        raise _lost(index, "is gone") from error


def switch(cluster: Cluster, plan: Plan) -> None:
    """Put the new index in the place of the one that the alias points to, in one step.

    Raises:
        AliasChangedError: the alias is not what it was when the job began.
    """
    assert plan.target is not None
    if plan.alias is None or is_switched(cluster, plan):
        return
    _check_alias(cluster, plan.alias, plan.alias_before)
    properties = next(iter(plan.alias_before.values()), {})
    _move(cluster, plan.alias, list(plan.alias_before), {plan.target: properties})


def is_back(cluster: Cluster, plan: Plan) -> bool:
    """True if the alias is where it was before the job; else it is where the job put it.

    Raises:
        AliasChangedError: it is neither.
        ReindexError: there is no alias, or the old index is gone.
    """
    assert plan.target is not None
    if plan.alias is None:
        raise ReindexError("the embedded engine has no aliases, so nothing was switched that could be rolled back")
    found = cluster.aliases(plan.alias)
    if found == plan.alias_before:
        return True
    if found.keys() != {plan.target}:
        raise _changed(plan.alias, [plan.target], list(found))
    for index in plan.alias_before:
        if not uuid_of(cluster, index):
            raise ReindexError(f"index {index!r}, which alias {plan.alias!r} would go back to, is gone")
    return False


def switch_back(cluster: Cluster, plan: Plan) -> None:
    """Put the old index back in its place; without an old one the alias is taken away.

    Raises: as `is_back`.
    """
    if not is_back(cluster, plan):
        _move(cluster, str(plan.alias), [str(plan.target)], plan.alias_before)


def _check_alias(cluster: Cluster, alias: str, expected: Mapping[str, Any]) -> None:
    found = cluster.aliases(alias)
    if found.keys() != expected.keys():
        raise _changed(alias, list(expected), list(found))


def _move(cluster: Cluster, alias: str, old: list[str], new: Mapping[str, Mapping[str, Any]]) -> None:
    """Move an alias in one step, which fails as a whole where it is not on the old index any more."""
    actions: list[dict[str, Any]] = [{"remove": {"index": index, "alias": alias, "must_exist": True}} for index in old]
    actions += [{"add": {"index": index, "alias": alias, **properties}} for index, properties in new.items()]
    try:
        cluster.call(lambda es: es.indices.update_aliases(actions=actions))
    except ApiError as error:
        found = cluster.aliases(alias)
        if found.keys() == new.keys():  # moved by a try whose answer was lost
            return
        if isinstance(error, NotFoundError):
            raise _changed(alias, old, list(found)) from error
        raise AliasChangedError(f"alias {alias!r} can't be moved: {error}") from error
    found = cluster.aliases(alias)
    if found.keys() != new.keys():
        raise _changed(alias, list(new), list(found))


def _lost(index: str, what: str) -> ReindexError:
    return ReindexError(
        f"index {index!r} {what} since the job began; start anew with `connector reindex cancel JOB`, then the same "
        "command again"
    )


def _changed(alias: str, expected: list[str], found: list[str]) -> AliasChangedError:
    return AliasChangedError(
        f"alias {alias!r} points to {', '.join(found) or 'nothing'}, and should point to "
        f"{', '.join(expected) or 'nothing'}: somebody else moved it. Both indices are kept; see who did, put the "
        "alias right, then resume the job"
    )
