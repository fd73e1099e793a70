"""Finds out what is at a URL, what works there, and what to do about the rest. No I/O.

`examine` is a flow: it yields a `ServerRequest` and receives the `ServerResponse`.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from connector.cli.cluster_problems import not_a_cluster_sentence, status_sentence
from connector.cli.model_trials import Choice, Model
from connector.cli.problem import Where
from connector.clients.connect import ANSWERED_BY_PROXIES
from connector.engines import Dialect
from connector.engines.answers import mappings_in
from connector.engines.capabilities import Capabilities, read_capabilities
from connector.engines.checks import (
    SEARCH_NOTHING,
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
from connector.models.folders import BUNDLED

_FORBIDDEN = 403


@dataclass(frozen=True)
class VectorField:
    """A vector field of an index, and the encoder that its mapping names."""

    index: str
    field: str
    dims: int
    encoder: Mapping[str, Any] | None


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
        models: the encoder and the reranker.
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

    def add_trial(self, kind: str, model: Model, check: Check) -> None:
        """Add what came of trying a model.

        Args:
            kind: "encoder" or "reranker".
            model: the model, with its times.
            check: whether it works.
        """
        self.models[kind] = model
        self.checks.append(check)

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {**asdict(self), "is_well": self.is_well}


def examine(
    url: str, *, has_credentials: bool = False, models: Choice | None = None
) -> Generator[ServerRequest, ServerResponse, Report]:
    """Find out what is at a URL and what works there.

    Args:
        url: the URL for the report, without credentials.
        has_credentials: whether the requests carry any.
        models: the models that searches will use; the bundled ones by default.

    Returns:
        The findings; only about the server if it is no cluster that this user can search. No model has been loaded.
    """
    models = models or Choice()
    report = Report(url, clients={name: _installed(name) for name in ("elasticsearch", "opensearch-py")})
    info = yield ServerRequest("GET", "/")
    searched = (yield SEARCH_NOTHING) if info.status == _FORBIDDEN else None
    problem = _problem_of_server(info, searched, Where(url, has_credentials))
    if problem is not None:
        report.checks.append(problem)
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
    report.models = models.find()
    mappings = yield ServerRequest("GET", "/_mapping")
    report.checks += _check_mappings(report, mappings, dialect_of(capabilities), models)
    return report


def _problem_of_server(info: ServerResponse, searched: ServerResponse | None, where: Where) -> Check | None:
    """Return why no search can run; None if one can, or may.

    Args:
        info: the response to `GET /`.
        searched: the response to a search, if this user may not read `GET /`.
        where: the server.
    """
    if info.status is None:
        remedy = info.remedy or "start the cluster, or correct the URL's host, port or scheme"
        return Check("server", "fails", str(info.body), remedy)
    if info.is_ok:
        is_cluster = engine_name(read_capabilities(info.body, None)) is not None
        sentence = None if is_cluster else not_a_cluster_sentence(str(info.body), where)
    elif searched is not None:
        if searched.status != _FORBIDDEN:
            return None
        sentence = status_sentence(_FORBIDDEN, searched.body, where)
    elif not isinstance(info.body, Mapping) and info.status not in ANSWERED_BY_PROXIES:
        sentence = not_a_cluster_sentence(str(info.body), where)
    else:
        sentence = status_sentence(info.status, info.body, where)
    return None if sentence is None else Check("server", "fails", sentence.message, sentence.remedy)


def _describe_server(report: Report, capabilities: Capabilities) -> None:
    report.engine = engine_name(capabilities)
    report.flavour, report.licence = capabilities.flavour, capabilities.licence
    report.version = None if capabilities.version is None else ".".join(map(str, capabilities.version))


def _check_server(report: Report, info: ServerResponse, capabilities: Capabilities) -> Check:
    if report.engine is None:
        remedy = (
            "nothing, if searches work: the connector runs itself whatever it can't know the cluster to run; "
            "grant the privilege `monitor` to let it find out"
        )
        return Check("server", "unknown", f"does not report what it is ({info.status})", remedy)
    return check_version(capabilities, report.clients)


def _check_mappings(report: Report, response: ServerResponse, dialect: Dialect, models: Choice) -> list[Check]:
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
                checks.append(_check_field(report, f"{index}: {path}", dims, written_by, models))
            encoder = None if written_by is None else written_by.to_meta()
            report.vectors.append(VectorField(index, path, dims, encoder))
    return checks or [Check("indices", "works", "none has vectors; searches are lexical, then reranked")]


def _check_field(report: Report, name: str, dims: int, written_by: Any, models: Choice) -> Check:
    encoder = report.models["encoder"]
    described = "the bundled encoder" if models.encoder == BUNDLED else "the encoder named by --encoder"
    if written_by is None:
        remedy = "search it with the encoder that wrote it; the connector can only check the number of dims"
        return Check(name, "unknown", f"{dims} dims; the mapping does not name the encoder that wrote them", remedy)
    said = f"{dims} dims, written by {written_by.name} ({written_by.revision or 'weights unknown'})"
    if (written_by.name, written_by.revision) == (encoder.name, encoder.revision):
        return Check(name, "works", f"{said}, {described}")
    remedy = f"search it with encoder={written_by.name!r}; {described} is rejected"
    if written_by.name == encoder.name:
        remedy = "its weights differ from those on disk: index the documents again, or install the original weights"
    return Check(name, "unknown", said, remedy)


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
