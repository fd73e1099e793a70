"""Plans a job: inspects the source and the alias, and refuses a source that can't be read without a loss."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from connector.documents.paths import definition_at
from connector.engines import Dialect
from connector.errors import RequestError, SourceError
from connector.indexing.mapping import index_body, put_field
from connector.models.encoder import Fingerprint
from connector.reindexing.cluster.cluster import Cluster
from connector.reindexing.existing_field import check_field, merged_meta
from connector.reindexing.plan import DELETES_KEPT_S, JobPlan
from connector.reindexing.request import JobRequest
from connector.reindexing.texts import sources_of

_PER_INDEX = (
    "uuid", "creation_date", "provided_name", "version.", "resize.", "history.", "blocks.", "lifecycle.", "frozen",
    "routing.allocation.initial_recovery.", "search.throttled", "verified_before_close", "store.snapshot",
    "plugins.index_state_management.", "default_pipeline", "final_pipeline", "refresh_interval", "number_of_replicas",
    "auto_expand_replicas",
)  # fmt: skip
_RESTORED_LATER = _PER_INDEX[-5:]


def plan_job(cluster: Cluster, request: JobRequest, fingerprint: Fingerprint) -> JobPlan:
    """Inspect the source and the alias, and decide what the job will do.

    Raises:
        SourceError: the source can't be read without a loss.
        IndexMismatchError: the index can't hold the vector field.
        RequestError: the alias can't be used, or the text fields hold no text.
    """
    dialect, keeping_source = cluster.engine.dialect, cluster.engine.settings_that_keep_source()
    if request.kind != "index":
        body = index_body(dialect, request.text_fields, request.vector_field, fingerprint, request.passages)
        body["settings"] |= keeping_source
        return _into_new_index(cluster, request, body, {}, ())
    described = cluster.describe(request.source)
    for index, body in described.items():
        check_source(index, body)
    indices = tuple((name, body["settings"]["index"]["uuid"]) for name, body in sorted(described.items()))
    sources = sources_of(cluster, request, described)
    request = request.with_sources(sources)
    if request.in_place:
        for index, body in described.items():
            cluster.engine.check_takes_vectors(index, _flat(body["settings"]["index"]))
            check_field(index, body["mappings"], request, fingerprint, dialect)
        return JobPlan(indices=indices, sources=sources)
    if len(indices) > 1 or cluster.is_data_stream(request.source):
        raise SourceError(
            f"{request.source!r} is {len(indices)} indices or a data stream, whose documents may share ids; "
            "reindex each index on its own, or write the vectors into them with --in-place"
        )
    ((name, described_body),) = described.items()
    created = copied_body(described_body, request, fingerprint, dialect)
    created["settings"] = {**keeping_source, **created["settings"]}
    settings = _flat(described_body["settings"]["index"])
    plan = _into_new_index(cluster, request, created, settings, indices, source=name)
    return replace(plan, sources=sources)


def check_source(index: str, described: Mapping[str, Any]) -> None:
    """Refuse an index whose documents can't be read back whole.

    Raises:
        SourceError: with the index and the reason.
    """
    source = described.get("mappings", {}).get("_source", {})
    settings = _flat(described.get("settings", {}).get("index", {}))
    mode = settings.get("mapping.source.mode", source.get("mode"))
    if mode is None and settings.get("mode") in ("logsdb", "time_series"):
        mode = "synthetic"
    reason = None
    if str(source.get("enabled", True)).lower() == "false" or mode == "disabled":
        reason = "does not keep _source, so there is nothing to read its documents from"
    elif mode == "synthetic":
        reason = "has a synthetic _source, which is not the document that was indexed"
    elif source.get("excludes") or source.get("includes"):
        reason = "leaves fields out of _source, and writing its documents again would lose them"
    if reason is not None:
        raise SourceError(f"index {index!r} {reason}; reindex from where its documents came from (a file, a database)")


def copied_body(
    described: Mapping[str, Any], request: JobRequest, fingerprint: Fingerprint, dialect: Dialect
) -> dict[str, Any]:
    """Return the body of the new index: the old mapping and settings, with the vector field and its encoder."""
    mapping = json.loads(json.dumps(described["mappings"]))
    ours = index_body(dialect, (), request.vector_field, fingerprint, request.passages)
    place = request.vector_place
    put_field(mapping.setdefault("properties", {}), place, definition_at(ours["mappings"], place))
    mapping["_meta"] = merged_meta(mapping.get("_meta", {}), ours["mappings"]["_meta"], request)
    settings = _flat(described["settings"]["index"])
    kept = {name: value for name, value in settings.items() if not name.startswith(_PER_INDEX)}
    needed = {name.removeprefix("index."): value for name, value in _flat(ours["settings"]).items()}
    needed.pop("number_of_shards", None)
    return {"settings": {**kept, **needed}, "mappings": mapping}


def _into_new_index(
    cluster: Cluster,
    request: JobRequest,
    body: dict[str, Any],
    source_settings: Mapping[str, Any],
    indices: tuple[tuple[str, str], ...],
    source: str | None = None,
) -> JobPlan:
    alias = request.alias or request.source
    if not cluster.engine.is_cluster:
        if alias == source or cluster.call(lambda es: bool(es.indices.exists(index=alias))):
            raise RequestError(
                "alias", alias, "is an existing index, and the embedded engine has no aliases; name a new index"
            )
        return JobPlan(indices=indices, target=alias, body=body)
    before = cluster.aliases(alias)
    if not before and cluster.call(lambda es: bool(es.indices.exists(index=alias))):
        raise RequestError(
            "alias", alias, "is the name of an index; name another alias, or write into the index with --in-place"
        )
    if len(before) > 1:
        raise RequestError("alias", alias, f"points to {len(before)} indices, and a single one can't be replaced")
    settled = {name: source_settings.get(name) for name in _RESTORED_LATER}
    loading = {"refresh_interval": "-1", "number_of_replicas": "0"}
    during = {"gc_deletes": f"{DELETES_KEPT_S}s"} if indices else {}
    stamp = time.strftime("%Y%m%d%H%M%S", time.gmtime())
    target = f"{alias}-{stamp}-{secrets.token_hex(2)}"
    created = {**body, "settings": {**body["settings"], **loading, **during}}
    done = {name: source_settings.get(name) for name in during}
    return JobPlan(indices, target, alias, before, loading, _settled(settled), created, done)


def _settled(settings: dict[str, Any]) -> dict[str, Any]:
    """Leave out settings that need not be restored: a pipeline that was never set, or replicas that expand."""
    kept = {name: value for name, value in settings.items() if value is not None}
    defaults: dict[str, Any] = {"refresh_interval": None}
    if "auto_expand_replicas" not in kept or kept["auto_expand_replicas"] == "false":
        defaults["number_of_replicas"] = None
        kept.pop("auto_expand_replicas", None)
    else:
        kept.pop("number_of_replicas", None)
    return {**defaults, **kept}


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found
