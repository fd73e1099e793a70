import subprocess
import sys
import warnings

import pytest

from connector.cli.stdlib import SKIPPED, StdlibDocument, module_names, stdlib_documents


@pytest.fixture(scope="module")
def documents() -> dict[str, StdlibDocument]:
    return {document.id: document for document in stdlib_documents()}


def test_a_few_thousand_documents_are_found_each_with_text(documents: dict[str, StdlibDocument]) -> None:
    assert 3_000 < len(documents) < 10_000
    assert all(document.title and document.body for document in documents.values())
    assert {document.kind for document in documents.values()} == {
        *("module", "class", "function", "method", "property", "topic")
    }


def test_a_function_comes_with_module_kind_signature_and_docstring(documents: dict[str, StdlibDocument]) -> None:
    document = documents["textwrap.dedent"]
    assert (document.module, document.kind, document.name, document.signature) == (
        *("textwrap", "function", "dedent", "(text)"),
    )
    assert document.title == "dedent (function in textwrap)"
    assert documents["pathlib.Path.glob"].title == "glob (method in Path in pathlib)"
    assert document.body.startswith("Remove any common leading whitespace")


@pytest.mark.parametrize("name", ["asyncio.wait", "os.path.join", "heapq.heappush", "str.split", "pathlib.Path.glob"])
def test_names_are_those_people_import(documents: dict[str, StdlibDocument], name: str) -> None:
    assert name in documents


@pytest.mark.parametrize(
    "alias", ["asyncio.tasks.wait", "posixpath.join", "random.Random.choice", "builtins.str.split"]
)
def test_an_alias_is_no_second_document(documents: dict[str, StdlibDocument], alias: str) -> None:
    assert alias not in documents


def test_modules_with_side_effects_are_left_out() -> None:
    assert {name.partition(".")[0] for name in module_names()}.isdisjoint(SKIPPED)


def test_private_names_are_left_out(documents: dict[str, StdlibDocument]) -> None:
    assert [name for name in documents if any(part.startswith("_") for part in name.split("."))] == []


def test_two_processes_extract_the_same_and_print_nothing() -> None:
    code = (
        "import hashlib\nfrom connector.cli.stdlib import stdlib_documents\n"
        "print(hashlib.sha256(repr(stdlib_documents()).encode()).hexdigest())"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(2)]
    assert runs[0].stdout == runs[1].stdout
    assert [len(run.stdout.splitlines()) for run in runs] == [1, 1]
    assert [run.stderr for run in runs] == ["", ""]


def test_a_hook_that_a_program_replaced_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = stdlib_documents()
    monkeypatch.setattr(sys, "excepthook", lambda *_: None)
    monkeypatch.setattr(warnings, "showwarning", lambda *_, **__: None)
    assert stdlib_documents() == before


def test_a_long_body_is_cut_at_a_word_in_what_is_indexed() -> None:
    document = StdlibDocument("m.f", "m", "function", "f", "()", "m.f()", "one two three")
    assert document.to_source(9)["body"] == "one two"
    assert document.to_source(13)["body"] == "one two three"
    assert document.to_source()["_id"] == "m.f"
