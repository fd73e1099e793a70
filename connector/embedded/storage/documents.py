"""Parse a document's source by a mapping: the values for each column, and the fields to add to the mapping."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from connector.embedded.failures import EngineError, unparsable_document
from connector.embedded.storage.json_text import parse_json
from connector.embedded.storage.limits import Limits
from connector.embedded.storage.mapping import Field, Mapping
from connector.embedded.storage.values import (
    NUMBERS,
    FieldValueError,
    boolean_of,
    date_of,
    dynamic_definition,
    number_of,
    text_of,
)
from connector.embedded.storage.vector_parameters import MAX_DIMS, max_dims
from connector.embedded.storage.vectors import as_array, dims_of, fault, numbers_in

_MIN_DYNAMIC_DIMS = 128
_MAX_TERM_BYTES = 32_766
_METADATA = {"_id", "_index", "_source", "_routing", "_seq_no", "_version", "_field_names", "_ignored", "_doc_count"}


@dataclass
class ParsedDocument:
    """The values by field path, the paths where a value was too long, and the mapping with the new fields.

    `nested` has the values of each nested object, by the objects' path. Only their vectors are searched; these are also
    in `values`, one per object, with None for an object without one.
    """

    mapping: Mapping
    values: dict[str, list[Any]] = field(default_factory=dict)
    nested: dict[str, list[dict[str, list[Any]]]] = field(default_factory=dict)
    ignored: set[str] = field(default_factory=set)


def load_source(source: bytes) -> dict[str, Any]:
    """Parse a document's bytes.

    Raises:
        EngineError: 400 document_parsing_exception: it is not a JSON object, or has NaN or Infinity.
    """
    try:
        document = parse_json(source)
    except ValueError as error:
        raise unparsable_document(f"failed to parse: {error}", "x_content_parse_exception", str(error)) from error
    if not isinstance(document, dict):
        raise unparsable_document("failed to parse: Expected START_OBJECT", "not_x_content_exception")
    return document


def parse_document(mapping: Mapping, document: dict[str, Any], doc_id: str, limits: Limits) -> ParsedDocument:
    """Parse every value that the mapping indexes, in a document to be written.

    Raises:
        EngineError: 400 document_parsing_exception or strict_dynamic_mapping_exception, as on a real node.
    """
    for name in document.keys() & _METADATA:
        reason = f"Field [{name}] is a metadata field and cannot be added inside a document"
        raise unparsable_document(f"failed to parse field [{name}] of type [{name}]: {reason}", cause=reason)
    parsed = ParsedDocument(mapping)
    _Reader(parsed, doc_id, limits).read_object(document, "")
    return parsed


def reparse_document(mapping: Mapping, document: dict[str, Any], doc_id: str) -> ParsedDocument:
    """Parse a stored document's values; one that its field no longer accepts is ignored, and the field is recorded."""
    parsed = ParsedDocument(mapping)
    _LenientReader(parsed, doc_id, Limits()).read_object(document, "")
    return parsed


class _Reader:
    def __init__(self, parsed: ParsedDocument, doc_id: str, limits: Limits) -> None:
        self._parsed = parsed
        self._doc_id = doc_id
        self._limits = limits
        self._nested_objects = 0

    def read_object(self, document: dict[str, Any], prefix: str) -> None:
        for key, value in document.items():
            name, dot, rest = key.partition(".")
            if not name or (dot and not rest.strip(".")):
                raise unparsable_document("failed to parse: field name cannot be an empty string")
            if not name.strip():
                raise unparsable_document(f"failed to parse: field name cannot contain only whitespace: [{key}]")
            self._read_member(prefix, name, {rest: value} if dot else value)

    def _read_member(self, prefix: str, name: str, value: Any) -> None:
        path = f"{prefix}.{name}" if prefix else name
        mapping = self._parsed.mapping
        mapped = mapping.fields.get(path)
        if mapped is not None:
            self._read_leaf(mapped, value)
        elif path in mapping.objects:
            if mapping.objects[path] != "disabled":
                self._read_objects(path, value)
        elif value is not None and mapping.objects[prefix] != "false":
            self._read_unmapped(prefix, path, value)

    def _read_objects(self, path: str, value: Any) -> None:
        for element in _flattened(value):
            if not isinstance(element, dict):
                reason = (
                    f"object mapping for [{path}] tried to parse field [{path}] as object, but found a concrete value"
                )
                raise unparsable_document(reason)
            if path in self._parsed.mapping.nested:
                self._read_nested(path, element)
            else:
                self.read_object(element, path)

    def _read_nested(self, path: str, element: dict[str, Any]) -> None:
        self._nested_objects += 1
        if self._nested_objects > self._limits.nested_objects:
            raise unparsable_document(
                f"The number of nested documents has exceeded the allowed limit of [{self._limits.nested_objects}]. "
                "This limit can be set by changing the [index.mapping.nested_objects.limit] index level setting."
            )
        outer, self._parsed.values = self._parsed.values, {}
        self.read_object(element, path)
        inner, self._parsed.values = self._parsed.values, outer
        siblings = self._parsed.nested.setdefault(path, [])
        for name, mapped in inner.items():
            if self._parsed.mapping.fields[name].type == "dense_vector":
                vectors = outer.setdefault(name, [])
                vectors += [None] * (len(siblings) - len(vectors)) + mapped
        siblings.append(inner)

    def _read_unmapped(self, prefix: str, path: str, value: Any) -> None:
        elements = list(_flattened(value))
        if self._parsed.mapping.objects[prefix] == "strict":
            name, where = path.rpartition(".")[2], prefix or "_doc"
            reason = f"mapping set to strict, dynamic introduction of [{name}] within [{where}] is not allowed"
            raise EngineError(400, "strict_dynamic_mapping_exception", reason)
        if not elements:
            return
        definition: dict[str, Any] = (
            {"type": "object"} if isinstance(elements[0], dict) else dynamic_definition(elements[0])
        )
        if _MIN_DYNAMIC_DIMS <= len(elements) <= MAX_DIMS and all(isinstance(element, float) for element in elements):
            definition = {"type": "dense_vector", "dims": len(elements)}
        self._define(path, definition)
        self._read_member(prefix, path.rpartition(".")[2], value)

    def _define(self, path: str, definition: dict[str, Any]) -> None:
        above, _, name = path.rpartition(".")
        while name:
            kind = {"type": "nested"} if above in self._parsed.mapping.nested else {}
            definition = {**kind, "properties": {name: definition}}
            above, _, name = above.rpartition(".")
        merged = self._parsed.mapping.merged(definition)
        try:
            self._limits.check_growth(self._parsed.mapping, merged)
        except EngineError as fault:
            raise unparsable_document(f"failed to parse: {fault.reason}", cause=fault.reason) from fault
        self._parsed.mapping = merged

    def _read_leaf(self, mapped: Field, value: Any) -> None:
        if mapped.type == "dense_vector":
            if value is not None:
                self._read_vector(mapped, value)
            return
        values = list(_flattened(value))
        for path in (mapped.path, *self._parsed.mapping.multi_fields.get(mapped.path, ())):
            target = self._parsed.mapping.fields[path]
            read = [self._read_value(target, element) for element in values]
            if read:
                self._parsed.values.setdefault(path, []).extend(element for element in read if element is not None)

    def _read_value(self, target: Field, value: Any) -> Any:
        try:
            if target.type in NUMBERS:
                return None if value == "" else number_of(target.type, value)
            if target.type == "boolean":
                return boolean_of(value)
            if target.type == "date":
                return date_of(target.date_format, value)
            text = text_of(value)
        except FieldValueError as fault:
            where = (
                f"failed to parse field [{target.path}] of type [{target.type}] in document with id '{self._doc_id}'"
            )
            raise unparsable_document(
                f"{where}. Preview of field's value: '{value}'", fault.kind, fault.reason
            ) from fault
        if len(text) <= target.parameters.get("ignore_above", len(text)):
            if target.type == "keyword" and len(text) > _MAX_TERM_BYTES // 4:
                self._check_term(target, text)
            return text
        self._parsed.ignored.add(target.path)
        return None

    def _check_term(self, target: Field, text: str) -> None:
        length = len(text.encode("utf-8", "surrogatepass"))
        if length > _MAX_TERM_BYTES:
            raise unparsable_document(
                f"failed to parse field [{target.path}] of type [keyword] in document with id '{self._doc_id}': its "
                f"UTF8 encoding is longer than the max length {_MAX_TERM_BYTES}, it has {length}; use [ignore_above]"
            )

    def _read_vector(self, mapped: Field, value: Any) -> None:
        numbers = numbers_in(value, mapped, hex_floats=False) if isinstance(value, str) else value
        if not isinstance(numbers, list) or not set(map(type, numbers)) <= {int, float}:
            reason = "Failed to parse object: expecting token of type [VALUE_NUMBER] in an array"
            raise unparsable_document(
                f"failed to parse: {reason} for field [{mapped.path}]", "parsing_exception", reason
            )
        if mapped.path in self._parsed.values:
            raise unparsable_document(
                f"Field [{mapped.path}] of type [dense_vector] doesn't support indexing multiple values"
            )
        dims, given = mapped.parameters.get("dims"), dims_of(mapped, numbers)
        if dims is None:
            if not 1 <= given <= max_dims(mapped.element_type):
                reason = f"The number of dimensions should be in the range [1, {MAX_DIMS}] but was [{given}]"
                raise unparsable_document(f"failed to parse: {reason}")
            self._define(mapped.path, {"type": mapped.type, **mapped.parameters, "dims": given})
        elif given != dims:
            where = f"The [dense_vector] field [{mapped.path}] in doc [document with id '{self._doc_id}']"
            reason = f"{where} has a different number of dimensions [{given}] than defined in the mapping [{dims}]"
            raise unparsable_document(f"failed to parse: {reason}", cause=reason)
        vector = as_array(numbers)
        reason_against = fault(numbers, vector, mapped)
        if reason_against is not None:
            raise unparsable_document(f"failed to parse: {reason_against}", cause=reason_against)
        self._parsed.values[mapped.path] = [vector]


class _LenientReader(_Reader):
    """Reads a stored document, which may have been written by a version with fewer checks."""

    def _read_member(self, prefix: str, name: str, value: Any) -> None:
        path = f"{prefix}.{name}" if prefix else name
        try:
            super()._read_member(prefix, name, value)
        except EngineError:
            self._parsed.ignored.add(path)
            self._parsed.values.pop(path, None)

    def _read_unmapped(self, prefix: str, path: str, value: Any) -> None:
        """Do nothing: a field that was not mapped when the document was written is not indexed."""


def _flattened(value: Any) -> Iterator[Any]:
    """Yield the non-null elements of a value, at any depth of lists."""
    if isinstance(value, list):
        for element in value:
            yield from _flattened(element)
    elif value is not None:
        yield value
