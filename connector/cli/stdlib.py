"""The demo's documents: the documentation of the running Python, one document per object.

Ids are the names that people import: `asyncio.wait`, `str.split`, `pathlib.Path.glob`, `topic:with`. An object that
several modules export appears once, under its shortest public name.
"""

import contextlib
import importlib
import importlib.util
import inspect
import io
import pkgutil
import re
import sys
import types
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass

# Importing these prints, opens a window or browser, changes the terminal, or imports tests and generated tables.
SKIPPED = frozenset(
    {"antigravity", "this", "idlelib", "test", "turtle", "turtledemo", "tkinter", "lib2to3", "distutils", "ensurepip"}
    | {"pydoc_data", "encodings", "readline", "rlcompleter", "sre_compile", "sre_constants", "sre_parse", "nturl2path"}
    | {"ntpath", "genericpath", "posix", "nt", "opcode", "site", "msilib"}
)
# Programs replace these, so the current object may not be the library's.
_REPLACEABLE = frozenset(
    {"sys.excepthook", "sys.displayhook", "sys.breakpointhook", "sys.unraisablehook", "threading.excepthook"}
    | {"warnings.showwarning", "warnings.formatwarning"}
)
_RENAMED = {"posixpath": "os.path"}
_BEHIND = frozenset({"posix", "nt", "genericpath"})
_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")
_GENERATED = ("Alias for field number", "Create and return a new object.", "Helper for pickle.")


@dataclass(frozen=True)
class StdlibDocument:
    """A documented object: `id` as imported; `kind` is module, class, function, method, property or topic.

    The title has the name in single words ("glob (method in Path in pathlib)"), since BM25 sees a dotted name as one
    token.
    """

    id: str
    module: str
    kind: str
    name: str
    signature: str
    title: str
    body: str

    def to_source(self, body_length: int | None = None) -> dict[str, str]:
        """Return the document to index; its body is cut at a word's end, after at most `body_length` characters."""
        source = asdict(self)
        source["_id"] = source.pop("id")
        if body_length is not None and len(self.body) > body_length:
            source["body"] = self.body[:body_length].rsplit(None, 1)[0]
        return source


def stdlib_documents() -> list[StdlibDocument]:
    """Return the documented public modules, classes, functions and methods of the standard library, and pydoc's topics.

    It imports what it describes, and suppresses warnings and output. Modules that this platform lacks are skipped.

    Returns:
        The documents ordered by id, the same on every run of the same Python.
    """
    modules = _import_all(module_names())
    found: dict[str, StdlibDocument] = {}
    values = {(name, module): getattr(modules[module], name.rpartition(".")[2]) for name, module in _names(modules)}
    seen = {id(getattr(value, "__func__", value)) for value in values.values()}
    for (name, module), value in sorted(values.items(), key=lambda item: item[0]):
        found.update((document.id, document) for document in _describe(module, name, value, seen))
    for name, module_object in modules.items():
        if text := _own_doc(module_object):
            found[name] = StdlibDocument(name, name, "module", name, "", f"{name} (module)", text)
    found.update((document.id, document) for document in _topics())
    return [found[key] for key in sorted(found)]


def module_names() -> list[str]:
    """Return the names of the public standard modules and their public submodules, importable or not."""
    names = []
    for name in sorted(sys.stdlib_module_names):
        if name.startswith("_") or name in SKIPPED:
            continue
        names.append(name)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            names.extend(_submodules(name, list(spec.submodule_search_locations)))
    return names


def _submodules(package: str, paths: list[str]) -> Iterator[str]:
    for info in sorted(pkgutil.iter_modules(paths), key=lambda info: info.name):
        if info.name.startswith("_") or info.name in {"tests", "test"}:
            continue
        name = f"{package}.{info.name}"
        yield name
        if info.ispkg:
            yield from _submodules(name, [f"{path}/{info.name}" for path in paths])


def _import_all(names: list[str]) -> dict[str, types.ModuleType]:
    modules: dict[str, types.ModuleType] = {}
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        for name in names:
            with contextlib.suppress(ImportError, OSError, AttributeError):
                modules[_RENAMED.get(name, name)] = importlib.import_module(name)
    return modules


def _names(modules: dict[str, types.ModuleType]) -> list[tuple[str, str]]:
    """Return (public name, module) of every class and function, one name per object."""
    best: dict[int, tuple[tuple[bool, int, str], str, str]] = {}
    for module_name, module in modules.items():
        for attribute, value in _public(module):
            name = attribute if module_name == "builtins" else f"{module_name}.{attribute}"
            if name in _REPLACEABLE:
                continue
            home = _RENAMED.get(str(value.__module__), str(value.__module__)).lstrip("_").split(".")[0]
            key = (home != module_name.split(".")[0], name.count("."), name)
            if id(value) not in best or key < best[id(value)][0]:
                best[id(value)] = (key, name, module_name)
    return [(name, module_name) for _, name, module_name in best.values()]


def _public(module: types.ModuleType) -> Iterator[tuple[str, object]]:
    """Yield a module's public classes and functions: those in `__all__`, else its own and those of its C module."""
    offered = getattr(module, "__all__", None)
    for attribute in sorted(set(dir(module) if offered is None else offered)):
        value = inspect.getattr_static(module, attribute, None)
        if attribute.startswith("_") or not (inspect.isclass(value) or inspect.isroutine(value)):
            continue
        home = getattr(value, "__module__", None)
        if not isinstance(home, str):
            continue
        if offered is not None or home == module.__name__ or home.startswith("_") or home in _BEHIND:
            yield attribute, value


def _describe(module: str, name: str, value: object, seen: set[int]) -> Iterator[StdlibDocument]:
    kind = "class" if inspect.isclass(value) else "function"
    if text := _own_doc(value):
        yield _document(name, module, kind, value, text)
    if not inspect.isclass(value):
        return
    for attribute, member in sorted(vars(value).items()):
        function = getattr(member, "__func__", member)
        if attribute.startswith("_") or id(function) in seen:
            continue
        seen.add(id(function))
        is_property = isinstance(function, (property, types.GetSetDescriptorType)) or hasattr(function, "attrname")
        if (is_property or inspect.isroutine(function)) and (text := _own_doc(function)):
            yield _document(f"{name}.{attribute}", module, "property" if is_property else "method", function, text)


def _document(name: str, module: str, kind: str, value: object, text: str) -> StdlibDocument:
    signature = ""
    if kind != "property" and callable(value):
        with contextlib.suppress(ValueError, TypeError, AttributeError, NameError):
            signature = _ADDRESS.sub("", str(inspect.signature(value)))
    owner, _, own_name = name.rpartition(".")
    place = " in ".join(part for part in (owner.removeprefix(module).strip("."), module) if part)
    return StdlibDocument(name, module, kind, own_name, signature, f"{own_name} ({kind} in {place})", text)


def _topics() -> Iterator[StdlibDocument]:
    from pydoc_data.topics import topics

    for name, text in sorted(topics.items()):
        heading, _, rest = text.strip().partition("\n")
        body = rest.lstrip("*=-~\n ")
        yield StdlibDocument(f"topic:{name}", "pydoc_data.topics", "topic", name, "", heading.strip(), body or heading)


def _own_doc(value: object) -> str:
    """Return an object's own docstring; empty if it has none, inherits it, or it was generated."""
    text = vars(value).get("__doc__") if inspect.isclass(value) else getattr(value, "__doc__", None)
    if not isinstance(text, str) or text.startswith(_GENERATED):
        return ""
    return inspect.cleandoc(text).strip()
