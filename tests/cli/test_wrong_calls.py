"""What a user gets for a wrong call: one line that names the remedy, an exit code, and no wait for a model.

All calls run one after the other in a process of its own, and each is followed by a look at what is loaded.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from tests.scripted_server import CERTIFICATE, Script, serving

LIBRARIES = ("torch", "transformers", "sentence_transformers", "onnxruntime")
SECRET = "b1ue-heron"
DRIVER = f"""
import contextlib, io, json, sys
from connector.cli import main

sys.modules["pyarrow"] = sys.modules["pyarrow.parquet"] = None  # as if the extra were not installed
for name, arguments in json.load(sys.stdin).items():
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(arguments)
        except SystemExit as ended:
            code = ended.code
        except Exception as error:
            code = repr(error)
    loaded = [each for each in {LIBRARIES!r} if each in sys.modules]
    print(json.dumps([name, code, out.getvalue(), err.getvalue(), loaded]))
"""


@dataclass(frozen=True)
class WrongCall:
    """A wrong call: its arguments, and what its line must contain: what is wrong, then what to do."""

    arguments: str
    wrong: str
    remedy: str
    code: int = 2


CALLS = {
    "misspelt command": WrongCall("serach cars red", "no such command serach", "did you mean search?"),
    "misspelt subcommand": WrongCall("models buld", "no such command buld", "did you mean build?"),
    "misspelt option": WrongCall("search cars red --siez 3", "--siez", "did you mean --size?"),
    "unknown option": WrongCall("search cars red --xyz", "--xyz", "see `connector search --help`"),
    "missing argument": WrongCall("search cars", "missing argument TEXT", "see `connector search --help`"),
    "missing option": WrongCall("index {good}", "missing option --index", "see `connector index --help`"),
    "missing value": WrongCall("search cars red --size", "--size", "see `connector --help`"),
    "argument too many": WrongCall("search cars red car", "(car)", "see `connector search"),
    "size of nothing": WrongCall("search cars red --size 0", "--size: 0", "see `connector search --help`"),
    "negative size": WrongCall("search cars red --size -3", "--size: -3", "see `connector search --help`"),
    "size in words": WrongCall("search cars red --size many", "--size: many", "see `connector search --help`"),
    "blend beyond 1": WrongCall("search cars red --blend 2", "--blend: 2", "see `connector search --help`"),
    "missing file": WrongCall("index nowhere.jsonl --index cars", "nowhere.jsonl", "does not exist"),
    "directory as file": WrongCall("index {folder} --index cars", "{folder}", "is a directory"),
    "unknown kind of file": WrongCall("index {page} --index cars", "page.html", "must end in .jsonl"),
    "broken line": WrongCall(
        "index {broken} --index cars --url embedded:{store}", "broken.jsonl, line 1", "JSON object"
    ),
    "engine in memory": WrongCall("index {good} --index cars --url embedded:", "--url", "name a folder"),
    "job in memory": WrongCall("reindex {good} --alias cars --url embedded:", "--url", "name a folder"),
    "wrong type": WrongCall("index {table} --index cars --type age=number", "age=number", "one of long, double"),
    "type that does not fit": WrongCall(
        "index {table} --index cars --url embedded:{store} --text-field body --type age=long", "'old' in row 1", "text"
    ),
    "missing extra": WrongCall("index {parquet} --index cars --url embedded:{store}", "pyarrow", "parquet"),
    "unknown field": WrongCall(
        "index {good} --index cars --url embedded:{store} --text-field boddy", "boddy", "the nearest are body"
    ),
    "URL without scheme": WrongCall("search cars red --url localhost:9200", "no scheme", "write http://localhost:9200"),
    "URL of another kind": WrongCall("search cars red --url ftp://there", "ftp://", "must begin with http://"),
    "unreadable URL": WrongCall(
        f"search cars red --url http://me:{SECRET}@host:port:bad", "can't be read", "http://host:9200"
    ),
    "closed port": WrongCall("search cars red --url {closed}", "nothing listens at {closed}", "start the cluster"),
    "no credentials": WrongCall("search cars red --url {unauthorized}", "requires credentials (401)", "--api-key"),
    "wrong credentials": WrongCall(
        f"search cars red --url {{unauthorized}} --api-key {SECRET}", "rejects the credentials", "correct the API key"
    ),
    "forbidden": WrongCall("search cars red --url {forbidden}", "forbids this to the user (403)", "grant the user"),
    "forbidden to index": WrongCall("index {good} --index cars --url {forbidden}", "forbids this", "grant the user"),
    "forbidden to reindex": WrongCall("reindex cars --url {forbidden} --alias a", "forbids this", "grant the user"),
    "overloaded": WrongCall("search cars red --url {overloaded}", "can't answer now (503)", "try again"),
    "self-signed certificate": WrongCall("search cars red --url {tls}", "is not trusted (self", "--ca-certs"),
    "TLS on a plain port": WrongCall("search cars red --url {tls_on_plain}", "does not speak TLS", "write http://"),
    "no TLS on a TLS port": WrongCall("search cars red --url {plain_on_tls}", "without an answer", "write https://"),
    "web page": WrongCall("search cars red --url {web}", "is not Elasticsearch or OpenSearch", "correct the host"),
    "another service": WrongCall("search cars red --url {service}", "is not Elasticsearch or", "correct the host"),
    "missing index": WrongCall("search cars red --url {empty}", "there is no index cars", "connector index"),
    "misspelt index": WrongCall("search crs red --url {almost}", "there is no index crs", "did you mean cars?"),
    "missing embedded index": WrongCall("search cars red --url embedded:", "there is no index cars", "connector index"),
    "unknown encoder": WrongCall(
        "search cars red --url {cluster} --text-field body --encoder ./nowhere", "./nowhere", "folder"
    ),
    "unknown reranker": WrongCall(
        "search cars red --url {cluster} --text-field body --reranker ./nowhere", "./nowhere", "folder"
    ),
    "password as option": WrongCall(f"search cars red --password {SECRET}", "--password", "ELASTICSEARCH_PASSWORD"),
    "password with the name": WrongCall(f"search cars red --user me:{SECRET}", "--user", "ELASTICSEARCH_PASSWORD"),
    "no terminal for a password": WrongCall("search cars red --user me", "needs a password", "ELASTICSEARCH_PASSWORD"),
    "two kinds of credentials": WrongCall("search cars red --user me --api-key k", "API key and a user", "keep one"),
    "header without colon": WrongCall(f"search cars red --header {SECRET}", "--header", "must be NAME: VALUE"),
    "bad cloud ID": WrongCall("search cars red --cloud-id cloudy", "cloudy", "copy it from the deployment's page"),
    "missing certificates": WrongCall("search cars red --ca-certs nowhere.pem", "nowhere.pem", "name a file"),
    "bad certificates": WrongCall("search cars red --ca-certs {good}", "documents.jsonl", "PEM certificates"),
    "unknown profile": WrongCall("search cars red --profile stagin", "stagin", "did you mean staging?"),
    "unknown job": WrongCall("reindex resume nothing --url embedded:{store} --state {folder}", "nothing", "status"),
    "missing source": WrongCall("reindex cars --url {empty} --alias vehicles", "there is no index cars", "correct the"),
    "source not there": WrongCall(
        "reindex none.jsonl --url {cluster} --alias vehicles", "none.jsonl", "must be an existing file"
    ),
    "no alias": WrongCall("reindex {good} --url {cluster}", "connector: --alias: must name", "will point to the file"),
    "demo of a closed port": WrongCall("demo --url {closed}", "nothing listens at {closed}", "start the cluster"),
    "unknown backend": WrongCall("models build --backend onyx", "onyx", "onnx"),
}


@dataclass(frozen=True)
class Ending:
    """How a call ended."""

    code: Any
    out: str
    err: str
    loaded: list[str]


def answer_index_missing(method: str, path: str) -> tuple[int, Any]:
    cause = {"type": "index_not_found_exception", "reason": "no such index [cars]", "index": "cars"}
    return (200, CLUSTER) if path == "/" else (404, {"error": {"root_cause": [cause], **cause}, "status": 404})


def answer_index_almost(method: str, path: str) -> tuple[int, Any]:
    return (200, {"cars": {"mappings": {}}}) if path == "/_mapping" else answer_index_missing(method, path)


def answer_well(method: str, path: str) -> tuple[int, Any]:
    return 200, CLUSTER if path == "/" else {"hits": {"hits": []}}


def always(status: int, body: Any) -> Callable[[str, str], tuple[int, Any]]:
    return lambda method, path: (status, body)


CLUSTER = {"version": {"number": "8.19.0", "build_flavor": "default"}, "tagline": "You Know, for Search"}
DENIED = {"type": "security_exception", "reason": "this user may not"}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Files and URLs by the names that the calls give them."""
    folder = tmp_path_factory.mktemp("wrong calls")
    texts = {
        "good": ("documents.jsonl", '{"_id": "1", "body": "a red car"}\n'),
        "broken": ("broken.jsonl", "{"),
        "table": ("table.csv", "body,age\ncar,old\n"),
        "page": ("page.html", "<html>"),
        "parquet": ("documents.parquet", "PAR1"),
        "config": ("config.toml", f'[staging]\nurl = "http://127.0.0.1:1"\napi_key = "{SECRET}"\n'),
    }
    found = {"folder": str(folder), "store": str(folder / "store")}
    for name, (file, text) in texts.items():
        (folder / file).write_text(text)
        found[name] = str(folder / file)
    (folder / "config.toml").chmod(0o600)
    scripts = {
        "unauthorized": Script(always(401, {"error": DENIED, "status": 401})),
        "forbidden": Script(always(403, {"error": DENIED, "status": 403})),
        "overloaded": Script(always(503, b"<html>bad gateway</html>"), content_type="text/html"),
        "web": Script(always(200, b"<html>hello</html>"), product=None, content_type="text/html"),
        "service": Script(always(200, {"hello": "world"}), product=None),
        "empty": Script(answer_index_missing),
        "almost": Script(answer_index_almost),
        "cluster": Script(answer_well),
    }
    with ExitStack() as stack:
        for name, script in scripts.items():
            found[name] = stack.enter_context(serving(script)).url
        found["tls"] = stack.enter_context(serving(Script(answer_well), with_tls=True)).url
        found["plain_on_tls"] = found["tls"].replace("https", "http")
        found["tls_on_plain"] = found["cluster"].replace("http", "https")
        with serving(Script(answer_well)) as closed:
            found["closed"] = closed.url.rpartition(":")[0] + ":1"
        yield found


@pytest.fixture(scope="module")
def run_all(places: dict[str, str]) -> Callable[[dict[str, list[str]]], dict[str, Ending]]:
    """A function that runs calls in one process, without the developer's own environment."""
    ours = {key: value for key, value in os.environ.items() if not key.startswith(("ELASTICSEARCH_", "CONNECTOR_"))}
    environment = {**ours, "CONNECTOR_CONFIG": places["config"], "HF_HUB_OFFLINE": "1"}

    def run(calls: dict[str, list[str]]) -> dict[str, Ending]:
        done = subprocess.run(
            [sys.executable, "-c", DRIVER],
            input=json.dumps(calls),
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
            encoding="utf-8",
            check=True,
        )
        return {name: Ending(*rest) for name, *rest in map(json.loads, done.stdout.splitlines())}

    return run


def in_words(call: WrongCall, places: dict[str, str]) -> list[str]:
    return [word.format_map(places) for word in call.arguments.split()]


@pytest.fixture(scope="module")
def endings(places: dict[str, str], run_all: Any) -> dict[str, Ending]:
    ended: dict[str, Ending] = run_all({name: in_words(call, places) for name, call in CALLS.items()})
    return ended


@pytest.fixture(scope="module")
def json_endings(places: dict[str, str], run_all: Any) -> dict[str, Ending]:
    calls = {name: call for name, call in CALLS.items() if call.arguments.startswith("search")}
    ended: dict[str, Ending] = run_all({name: [*in_words(call, places), "--json"] for name, call in calls.items()})
    return ended


@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_call_is_one_line_that_names_the_remedy(
    name: str, endings: dict[str, Ending], places: dict[str, str]
) -> None:
    call, ending = CALLS[name], endings[name]
    (line,) = ending.err.splitlines()
    assert line.startswith("connector: ")
    assert call.wrong.format_map(places).lower() in line.lower()
    assert call.remedy in line
    assert ending.code == call.code
    assert ending.out == ""


@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_call_is_answered_before_a_model_is_loaded(name: str, endings: dict[str, Ending]) -> None:
    assert endings[name].loaded == []


@pytest.mark.parametrize("name", CALLS)
def test_a_line_shows_no_secret_and_nothing_of_python(name: str, endings: dict[str, Ending]) -> None:
    for sign in (SECRET, "Error(", "Exception(", "Traceback", "Errno", "object at 0x"):
        assert sign not in endings[name].err


@pytest.mark.parametrize("name", [name for name, call in CALLS.items() if call.arguments.startswith("search")])
def test_json_has_the_error_too(name: str, json_endings: dict[str, Ending]) -> None:
    ending = json_endings[name]
    if name == "missing value":  # the option takes --json as its value
        return
    printed = json.loads(ending.out)
    assert printed["exit_code"] == ending.code == 2
    assert printed["error"].keys() == {"type", "message", "remedy"}
    assert printed["error"]["message"] in ending.err
    assert (printed["error"]["remedy"] or "") in ending.err
    assert SECRET not in ending.out


def test_certificates_that_are_named_are_trusted(places: dict[str, str], run_all: Any) -> None:
    trusting = ["doctor", places["tls"], "--ca-certs", str(CERTIFICATE), "--json"]
    careless = ["doctor", places["tls"], "--no-verify-certs", "--json"]
    for ending in run_all({"trusting": trusting, "careless": careless}).values():
        assert json.loads(ending.out)["version"] == "8.19.0"
        assert ending.err == ""
