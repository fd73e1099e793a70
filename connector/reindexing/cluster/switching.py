"""The new index and its alias: created, settled after loading, switched in one step, and switched back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from elasticsearch import ApiError, BadRequestError, NotFoundError

from connector.errors import AliasChangedError, ReindexError
from connector.reindexing.cluster.cluster import Cluster
from connector.reindexing.cluster.cluster_answers import uuid_in
from connector.reindexing.plan import JobPlan


def create_target(cluster: Cluster, plan: JobPlan) -> str:
    """Create the new index, unless this job did so before it was interrupted, and return its uuid."""
    assert plan.target is not None
    target = plan.target
    try:
        cluster.call(lambda es: es.indices.create(index=target, body=plan.body))
    except BadRequestError as error:
        if error.error != "resource_already_exists_exception":
            raise
    return uuid_of(cluster, target)


def uuid_of(cluster: Cluster, index: str) -> str:
    """Return the uuid of an index; "" if there is no such index."""
    try:
        described = cluster.call(lambda es: es.indices.get_settings(index=index).body)
    except NotFoundError:
        return ""
    return uuid_in(described, index)


def check_unchanged(cluster: Cluster, index: str, uuid: str) -> None:
    """Refuse to continue with an index that was deleted, even if it was created again.

    Raises:
        ReindexError: the index has another uuid, or none.
    """
    found = uuid_of(cluster, index)
    if found != uuid:
        raise _lost(index, "was deleted and made again" if found else "is gone")


def add_field(cluster: Cluster, index: str, change: Mapping[str, Any]) -> None:
    """Add a field to the mapping of a live index."""
    cluster.call(lambda es: es.indices.put_mapping(index=index, body=dict(change)))


def is_switched(cluster: Cluster, plan: JobPlan) -> bool:
    """True if the alias points to the new index and to nothing else."""
    return plan.alias is None or cluster.aliases(plan.alias).keys() == {plan.target}


@contextmanager
def lower_settings(cluster: Cluster, plan: JobPlan) -> Iterator[None]:
    """Turn off refreshes and replicas while the block runs, and restore them however it ends."""
    if plan.target is None or not plan.settled:
        yield
        return
    put_settings(cluster, plan.target, plan.loading)
    try:
        yield
    finally:
        put_settings(cluster, plan.target, plan.settled)


def put_settings(cluster: Cluster, index: str, settings: Mapping[str, Any]) -> None:
    """Change the settings of an index; null restores a default.

    Raises:
        ReindexError: the index is gone.
    """
    try:
        cluster.call(lambda es: es.indices.put_settings(index=index, settings=dict(settings)))
    except NotFoundError as error:
        raise _lost(index, "is gone") from error


def switch(cluster: Cluster, plan: JobPlan) -> None:
    """Switch the alias to the new index in one step.

    Raises:
        AliasChangedError: somebody else moved the alias since the job began.
    """
    assert plan.target is not None
    if plan.alias is None or is_switched(cluster, plan):
        return
    _check_alias(cluster, plan.alias, plan.alias_before)
    properties = next(iter(plan.alias_before.values()), {})
    _move(cluster, plan.alias, list(plan.alias_before), {plan.target: properties})


def is_back(cluster: Cluster, plan: JobPlan) -> bool:
    """True if the alias is as it was before the job, False if it is as the job left it.

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


def switch_back(cluster: Cluster, plan: JobPlan) -> None:
    """Switch the alias back to the old index; if there was none, remove the alias.

    Raises:
        AliasChangedError, ReindexError: as for `is_back`.
    """
    if not is_back(cluster, plan):
        _move(cluster, str(plan.alias), [str(plan.target)], plan.alias_before)


def _check_alias(cluster: Cluster, alias: str, expected: Mapping[str, Any]) -> None:
    found = cluster.aliases(alias)
    if found.keys() != expected.keys():
        raise _changed(alias, list(expected), list(found))


def _move(cluster: Cluster, alias: str, old: list[str], new: Mapping[str, Mapping[str, Any]]) -> None:
    """Move an alias in one step, which fails as a whole if it is no longer on the old index."""
    actions: list[dict[str, Any]] = [{"remove": {"index": index, "alias": alias, "must_exist": True}} for index in old]
    actions += [{"add": {"index": index, "alias": alias, **properties}} for index, properties in new.items()]
    try:
        cluster.call(lambda es: es.indices.update_aliases(actions=actions))
    except ApiError as error:
        found = cluster.aliases(alias)
        if found.keys() == new.keys():  # moved by an attempt whose answer was lost
            return
        if isinstance(error, NotFoundError):
            raise _changed(alias, old, list(found)) from error
        raise AliasChangedError(f"alias {alias!r} can't be moved: {error}") from error
    found = cluster.aliases(alias)
    if found.keys() != new.keys():
        raise _changed(alias, list(new), list(found))


def _lost(index: str, what: str) -> ReindexError:
    return ReindexError(
        f"index {index!r} {what} since the job began; run `connector reindex cancel JOB`, then start the job again"
    )


def _changed(alias: str, expected: list[str], found: list[str]) -> AliasChangedError:
    return AliasChangedError(
        f"alias {alias!r} points to {', '.join(found) or 'nothing'}, and should point to "
        f"{', '.join(expected) or 'nothing'}: somebody else moved it. Both indices are kept; find out who did, "
        "correct the alias, then resume the job"
    )
