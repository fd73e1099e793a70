"""An index's mapping: its fields and their types, checked as a real node does."""

from __future__ import annotations

import copy
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from connector.embedded.analysis.analysis import ANALYZERS
from connector.embedded.failures import EngineError, illegal
from connector.embedded.failures import mapping_fault as _fault
from connector.embedded.storage.values import DATE_FORMATS, DEFAULT_DATE_FORMAT
from connector.embedded.storage.vector_parameters import vector_parameters

_PARAMETERS = {
    "text": {"analyzer", "search_analyzer", "index", "fields"},
    "keyword": {"ignore_above", "index", "fields"},
    **{kind: {"index", "fields"} for kind in ("integer", "long", "float", "double", "boolean")},
    "date": {"index", "format", "fields"},
    "dense_vector": {"dims", "similarity", "index", "index_options", "element_type"},
}
_ROOT_KEYS = {"properties", "dynamic", "_meta", "_source"}
_OBJECT_KEYS = {"type", "properties", "dynamic", "enabled"}
_DYNAMIC = {True: "true", False: "false", "true": "true", "false": "false", "strict": "strict"}


@dataclass(frozen=True)
class Field:
    """A searchable field; a multi-field has a path of its own."""

    path: str
    type: str
    parameters: AbstractMapping[str, Any]

    @property
    def analyzer(self) -> str:
        """The analyzer of a text field's values."""
        return str(self.parameters.get("analyzer", "standard"))

    @property
    def search_analyzer(self) -> str:
        """The analyzer of queries on a text field."""
        return str(self.parameters.get("search_analyzer", self.analyzer))

    @property
    def is_indexed(self) -> bool:
        """True if the field has an inverted index or, for vectors, can be searched."""
        return str(self.parameters.get("index", True)).lower() == "true"

    @property
    def element_type(self) -> str:
        """The element type of a vector field: float, byte or bit."""
        return str(self.parameters.get("element_type", "float"))

    @property
    def date_format(self) -> str:
        """The format of a date field's strings."""
        return str(self.parameters.get("format", DEFAULT_DATE_FORMAT))


@dataclass(frozen=True)
class Mapping:
    """A parsed mapping.

    `definition` is the answer to GET _mapping; `fields` has every leaf and multi-field by path; `multi_fields` has the
    paths below each leaf; `objects` tells what each object does with unknown fields: "true", "false", "strict" or
    "disabled"; `nested` are the objects that are searched separately, each element of a list on its own.
    """

    definition: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Field] = field(default_factory=dict)
    multi_fields: dict[str, list[str]] = field(default_factory=dict)
    objects: dict[str, str] = field(default_factory=lambda: {"": "true"})
    nested: set[str] = field(default_factory=set)

    def nested_above(self, path: str) -> str:
        """Return the path of the nested objects that a field is in; "" if it is in none."""
        return next((above for above in self.nested if path.startswith(f"{above}.")), "")

    @property
    def source_excludes(self) -> list[str]:
        """The patterns of what `_source` excludes."""
        return _strings(self.definition.get("_source", {}).get("excludes", []))

    @property
    def source_includes(self) -> list[str]:
        """The patterns of what `_source` includes; none means everything."""
        return _strings(self.definition.get("_source", {}).get("includes", []))

    @cached_property
    def vector_paths(self) -> tuple[str, ...]:
        """The paths of the dense_vector fields."""
        return tuple(path for path, mapped in self.fields.items() if mapped.type == "dense_vector")

    @cached_property
    def vector_names(self) -> tuple[str, ...]:
        """The last parts of the paths of dense_vector fields, except those that a field of another type shares."""
        others = {path.rpartition(".")[2] for path, mapped in self.fields.items() if mapped.type != "dense_vector"}
        return tuple(sorted({path.rpartition(".")[2] for path in self.vector_paths} - others))

    def merged(self, update: AbstractMapping[str, Any]) -> Mapping:
        """Return this mapping merged with another.

        Raises:
            EngineError: the update changes a field that exists, or isn't a mapping that the engine supports.
        """
        addition = parse_mapping(update)
        for path in addition.objects.keys() & self.objects.keys():
            if (path in addition.nested) != (path in self.nested):
                raise illegal(f"can't merge a non-nested mapping [{path}] with a nested mapping")
        for path, added in addition.fields.items():
            mapped = self.fields.get(path)
            if mapped is None and path in self.objects:
                raise illegal(f"can't merge a non object mapping [{path}] with an object mapping")
            if mapped is None:
                continue
            if mapped.type != added.type:
                raise illegal(f"mapper [{path}] cannot be changed from type [{mapped.type}] to [{added.type}]")
            for name in sorted(mapped.parameters.keys() | added.parameters.keys()):
                if mapped.parameters.get(name) != added.parameters.get(name) and not (
                    name == "dims" and name not in mapped.parameters
                ):
                    was, wanted = mapped.parameters.get(name), added.parameters.get(name)
                    reason = f"Cannot update parameter [{name}] from [{was}] to [{wanted}]"
                    raise illegal(f"Mapper for [{path}] conflicts with existing mapper:\n\t{reason}")
        for path in addition.objects.keys() & self.fields.keys():
            raise illegal(f"can't merge a non object mapping [{path}] with an object mapping")
        return parse_mapping(_laid_over(self.definition, addition.definition))


def _laid_over(mapped: dict[str, Any], update: AbstractMapping[str, Any]) -> dict[str, Any]:
    result = dict(mapped)
    for key, value in update.items():
        nested = key in ("properties", "fields") or (
            isinstance(result.get(key), dict) and key not in ("_meta", "_source")
        )
        result[key] = _laid_over(result.get(key, {}), value) if nested else value
    return result


def parse_mapping(definition: AbstractMapping[str, Any]) -> Mapping:
    """Check and complete a mapping as sent (`{"properties": ...}`).

    Raises:
        EngineError: 400 mapper_parsing_exception, as on a real node, and for what this engine does not support.
    """
    if not isinstance(definition, dict):
        raise _fault("Expected map for property [mappings]")
    unknown = sorted(definition.keys() - _ROOT_KEYS)
    if unknown:
        raise _fault(
            f"Root mapping definition has unsupported parameters: {unknown}; "
            f"the embedded engine knows {sorted(_ROOT_KEYS)}"
        )
    source = definition.get("_source", {})
    if (
        not isinstance(source, dict)
        or source.keys() - {"includes", "excludes", "enabled"}
        or source.get("enabled", True) is not True
    ):
        raise _fault("unsupported parameters for [_source]: the embedded engine knows [includes, excludes]")
    mapping = Mapping(definition=copy.deepcopy(dict(definition)))
    mapping.objects[""] = _dynamic(definition.get("dynamic", True), "_doc")
    if "dynamic" in definition:
        mapping.definition["dynamic"] = mapping.objects[""]
    if "properties" in definition:
        mapping.definition["properties"] = _properties(mapping, "", definition["properties"])
    return mapping


def _properties(mapping: Mapping, prefix: str, properties: Any) -> dict[str, Any]:
    if not isinstance(properties, dict):
        raise _fault(f"Expected map for property [properties] on field [{prefix.rstrip('.') or '_doc'}]")
    result = {}
    for name in sorted(properties):
        definition, path = properties[name], prefix + name
        if not name or "." in name:
            raise _fault(f"field name [{name}] is empty or holds a dot: the embedded engine wants nested [properties]")
        if not isinstance(definition, dict):
            raise _fault(f"Expected map for property [{path}]")
        if (
            "properties" in definition
            or definition.get("type") in ("object", "nested")
            or definition.keys() & {"dynamic", "enabled"}
        ):
            result[name] = _object(mapping, path, definition)
        else:
            result[name] = _leaf(mapping, path, definition)
    return result


def _object(mapping: Mapping, path: str, definition: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(definition.keys() - _OBJECT_KEYS)
    kind = definition.get("type", "object")
    if unknown or kind not in ("object", "nested"):
        raise _unknown_parameter(
            unknown[0] if unknown else "properties", path, str(definition.get("type", "object")), _OBJECT_KEYS
        )
    if kind == "nested":
        if mapping.nested_above(path):
            raise _fault(f"[{path}] is nested in nested objects, which the embedded engine does not support")
        mapping.nested.add(path)
    inherited = mapping.objects[path.rpartition(".")[0]]
    mapping.objects[path] = _dynamic(definition["dynamic"], path) if "dynamic" in definition else inherited
    if definition.get("enabled", True) in (False, "false"):
        mapping.objects[path] = "disabled"
    result = {key: value for key, value in definition.items() if key not in ("type", "properties")}
    properties = _properties(mapping, f"{path}.", definition.get("properties", {}))
    named = {"type": kind} if kind == "nested" or not properties else {}
    return {**result, **named, "properties": properties} if properties else {**result, **named}


def _leaf(mapping: Mapping, path: str, definition: dict[str, Any]) -> dict[str, Any]:
    kind = definition.get("type")
    if kind is None:
        raise _fault(f"No type specified for field [{path}]")
    if not isinstance(kind, str) or kind not in _PARAMETERS:
        raise _fault(
            f"The mapper type [{kind}] declared on field [{path}] does not exist "
            f"in the embedded engine: it knows {sorted(_PARAMETERS)}"
        )
    for name in sorted(definition.keys() - {"type"} - _PARAMETERS[kind]):
        raise _unknown_parameter(name, path, kind, _PARAMETERS[kind])
    parameters = {key: value for key, value in definition.items() if key not in ("type", "fields")}
    if kind == "dense_vector":
        parameters = vector_parameters(path, parameters)
    if str(parameters.get("index", True)).lower() not in ("true", "false"):
        raise _fault(f"Failed to parse value [{parameters['index']}] as only [true] or [false] are allowed.")
    if "ignore_above" in parameters:
        parameters["ignore_above"] = _ignore_above(parameters["ignore_above"])
    for name in ("analyzer", "search_analyzer"):
        if name in parameters and parameters[name] not in list(ANALYZERS):
            raise _fault(
                f"analyzer [{parameters[name]}] has not been configured in mappings: "
                f"the embedded engine knows {list(ANALYZERS)}"
            )
    if parameters.get("format", DEFAULT_DATE_FORMAT) not in DATE_FORMATS:
        raise _fault(f"date format [{parameters['format']}] on field [{path}] is not one the embedded engine knows")
    mapping.fields[path] = Field(path, kind, parameters)
    result = {"type": kind, **parameters}
    if "fields" in definition:
        multi_fields = definition["fields"]
        if not isinstance(multi_fields, dict) or not all(
            isinstance(part, dict) and "fields" not in part for part in multi_fields.values()
        ):
            raise _fault(f"[fields] on field [{path}] must be a map of fields that have no [fields] of their own")
        result["fields"] = {name: _leaf(mapping, f"{path}.{name}", multi_fields[name]) for name in sorted(multi_fields)}
        mapping.multi_fields[path] = [f"{path}.{name}" for name in result["fields"]]
    return result


def _ignore_above(value: Any) -> int:
    try:
        number = int(str(value))
    except ValueError as error:
        raise _fault(f'For input string: "{value}"') from error
    if number < 0:
        raise _fault(f"[ignore_above] must be positive, got [{number}]")
    return number


def _dynamic(value: Any, path: str) -> str:
    if not isinstance(value, (bool, str)) or value not in _DYNAMIC:
        raise _fault(f"[dynamic] of [{path}] is [{value}]: the embedded engine knows [true, false, strict]")
    return _DYNAMIC[value]


def _strings(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _unknown_parameter(name: str, path: str, kind: str, known: set[str]) -> EngineError:
    where = f"on mapper [{path}] of type [{kind}]"
    return _fault(f"unknown parameter [{name}] {where}: the embedded engine knows {sorted(known)}")
