"""The endpoints of the cluster and of indices: info, health, refresh, and creating, deleting and describing indices."""

from __future__ import annotations

from typing import Any

from connector.embedded.failures import illegal
from connector.embedded.rest.calls import Answer, Call, json_object, resolve_call
from connector.embedded.storage.catalog import Catalog
from connector.embedded.storage.index import Index
from connector.embedded.storage.limits import Limits

VERSION = {"number": "8.19.21", "build_flavor": "embedded", "lucene_version": "9.12.2"}


class IndexCalls:
    """Handlers of calls on the cluster and on indices."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def info(self, _: Call) -> Answer:
        """GET /."""
        body = {"name": "embedded", "cluster_name": "embedded", "cluster_uuid": "embedded", "version": VERSION}
        return Answer(200, {**body, "tagline": "You Know, for Search"})

    def health(self, call: Call) -> Answer:
        """GET /_cluster/health: always green."""
        shards = len(resolve_call(self._catalog, call))
        body = {"cluster_name": "embedded", "status": "green", "timed_out": False, "number_of_nodes": 1}
        body |= {"number_of_data_nodes": 1, "active_primary_shards": shards, "active_shards": shards}
        zeros = ["relocating_shards", "initializing_shards", "unassigned_shards", "delayed_unassigned_shards"]
        zeros += ["number_of_pending_tasks", "number_of_in_flight_fetch", "task_max_waiting_in_queue_millis"]
        return Answer(200, {**body, **dict.fromkeys(zeros, 0), "active_shards_percent_as_number": 100.0})

    def create_index(self, call: Call) -> Answer:
        """PUT /{index}."""
        body = call.json()
        with self._catalog.transaction():
            self._catalog.create(call.parts["index"], body)
        return Answer(200, {"acknowledged": True, "shards_acknowledged": True, "index": call.parts["index"]})

    def delete_index(self, call: Call) -> Answer:
        """DELETE /{index}; wildcards are rejected, as on a real node by default."""
        if "*" in call.parts["index"] or call.parts["index"] == "_all":
            raise illegal("Wildcard expressions or all indices are not allowed")
        found = resolve_call(self._catalog, call)
        with self._catalog.transaction():
            for index in found:
                self._catalog.delete(index)
        return Answer(200, {"acknowledged": True})

    def get_index(self, call: Call) -> Answer:
        """GET and HEAD /{index}."""
        described = {
            index.name: {"aliases": {}, "mappings": index.mapping.definition, "settings": _settings(index)}
            for index in resolve_call(self._catalog, call)
        }
        return Answer(200, described)

    def get_mapping(self, call: Call) -> Answer:
        """GET /{index}/_mapping."""
        return Answer(
            200, {index.name: {"mappings": index.mapping.definition} for index in resolve_call(self._catalog, call)}
        )

    def put_mapping(self, call: Call) -> Answer:
        """PUT /{index}/_mapping."""
        update = json_object(call.required())
        merged = [(index, index.mapping.merged(update)) for index in resolve_call(self._catalog, call)]
        for index, mapping in merged:
            Limits.of(index.settings).check(mapping)
        with self._catalog.transaction():
            for index, mapping in merged:
                self._catalog.save_mapping(index, mapping)
        return Answer(200, {"acknowledged": True})

    def get_settings(self, call: Call) -> Answer:
        """GET /{index}/_settings."""
        return Answer(200, {index.name: {"settings": _settings(index)} for index in resolve_call(self._catalog, call)})

    def refresh(self, call: Call) -> Answer:
        """POST /{index}/_refresh: nothing to do."""
        shards = len(resolve_call(self._catalog, call))
        return Answer(200, {"_shards": {"total": shards, "successful": shards, "failed": 0}})


def _settings(index: Index) -> dict[str, Any]:
    nested: dict[str, Any] = {"number_of_shards": "1", "number_of_replicas": "0"}
    for name, value in index.settings.items():
        target = nested
        *parents, leaf = name.split(".")
        for parent in parents:
            target = target.setdefault(parent, {})
        target[leaf] = value
    known = {"provided_name": index.name, "creation_date": str(index.created_ms), "uuid": index.uuid}
    return {"index": {**nested, **known, "version": {"created": "8536000"}}}
