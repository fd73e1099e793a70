"""What the columns of a table hold: numbers, dates and booleans, told from text by all the cells of a column. Pure.

A cell is converted only if nothing of it is lost: 007 stays text, and 1.10 keeps its digits.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from connector.documents.paths import definition_at
from connector.errors import RequestError
from connector.exact_json import loads

_LONG = re.compile(r"0|-?[1-9]\d{0,18}", re.ASCII)
_DOUBLE = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})?)?", re.ASCII)
_SPACED = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}", re.ASCII)
_SLASHED = re.compile(r"\d{4}/\d{2}/\d{2}(?: \d{2}:\d{2}:\d{2})?", re.ASCII)
_FRACTION = re.compile(r"\.\d+")
_LEAST, _MOST = -(2**63), 2**63 - 1


@dataclass(frozen=True)
class ColumnType:
    """A type of a column.

    Attributes:
        name: Elasticsearch's name for it.
        definition: the field's mapping.
        families: the types of mapped fields whose values may be converted so.
        fits: whether a cell can be converted.
        convert: makes the value of a document from a cell.
    """

    name: str
    definition: Mapping[str, Any]
    families: tuple[str, ...]
    fits: Callable[[str], bool]
    convert: Callable[[str], Any]


def _is_date(form: re.Pattern[str]) -> Callable[[str], bool]:
    def fits(cell: str) -> bool:
        if not form.fullmatch(cell):
            return False
        try:
            datetime.fromisoformat(_FRACTION.sub("", cell).replace("/", "-").replace("Z", "+00:00"))
        except ValueError:
            return False
        return True

    return fits


def _date(form: re.Pattern[str], named: str | None) -> ColumnType:
    definition = {"type": "date", **({} if named is None else {"format": named})}
    return ColumnType("date", definition, (), _is_date(form), str)


def _any(cell: str) -> bool:  # noqa: ARG001
    return True


_KEYWORD = {"type": "keyword", "ignore_above": 256}
TEXT = ColumnType("text", {"type": "text", "fields": {"keyword": _KEYWORD}}, (), _any, str)
_TYPES = (
    ColumnType(
        "long",
        {"type": "long"},
        ("long", "integer", "short", "byte", "unsigned_long", "double", "float", "half_float", "scaled_float"),
        lambda cell: bool(_LONG.fullmatch(cell)) and _LEAST <= int(cell) <= _MOST,
        int,
    ),
    ColumnType(
        "double",
        {"type": "double"},
        ("double", "float", "half_float", "scaled_float"),
        lambda cell: bool(_DOUBLE.fullmatch(cell)) and math.isfinite(float(cell)),
        loads,
    ),
    ColumnType(
        "boolean",
        {"type": "boolean"},
        ("boolean",),
        lambda cell: cell.lower() in ("true", "false"),
        lambda cell: cell.lower() == "true",
    ),
    _date(_ISO, None),
    _date(_SPACED, "yyyy-MM-dd HH:mm:ss||strict_date_optional_time||epoch_millis"),
    _date(_SLASHED, "yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis"),
    ColumnType("keyword", {"type": "keyword"}, (), _any, str),
    TEXT,
)
TYPE_NAMES = tuple(dict.fromkeys(each.name for each in _TYPES))


def parse_types(given: Sequence[str]) -> dict[str, str]:
    """Return the types that a user names, by column.

    Args:
        given: `column=type` each.

    Raises:
        RequestError: one is not of this form, or the type is unknown.
    """
    types = {}
    for each in given:
        column, equals, name = each.rpartition("=")
        if not (equals and column) or name not in TYPE_NAMES:
            raise RequestError("--type", each, f"must be COLUMN=TYPE, and the type one of {', '.join(TYPE_NAMES)}")
        types[column] = name
    return types


def infer_types(
    rows: Iterable[Mapping[str, str]], named: Mapping[str, str] = MappingProxyType({}), as_text: Collection[str] = ()
) -> dict[str, ColumnType]:
    """Return the type of each column: the narrowest that fits all its cells.

    Args:
        rows: the rows of a table, from column names to cells that are not empty.
        named: the names of the types that the user chose, by column.
        as_text: the columns that are read as they are, and have no type here.

    Raises:
        RequestError: a column does not exist, or a cell does not fit its type.
    """
    left: dict[str, tuple[ColumnType, ...]] = {}
    for number, row in enumerate(rows, 1):
        for column, cell in row.items():
            if column in as_text:
                continue
            before = left.get(column) or _candidates(named.get(column))
            if before[0].fits is _any:
                left[column] = before
                continue
            left[column] = tuple(each for each in before if each.fits(cell))
            if not left[column]:
                raise RequestError(
                    "--type",
                    f"{column}={before[0].name}",
                    f"does not fit {cell!r} in row {number:,} below the header; correct the cell, or choose text",
                )
    if missing := [column for column in named if column not in left]:
        known = ", ".join(left) or "none"
        raise RequestError("--type", f"{missing[0]}={named[missing[0]]}", f"is for no typed column; these are {known}")
    return {column: types[0] for column, types in left.items()}


def _candidates(name: str | None) -> tuple[ColumnType, ...]:
    return tuple(each for each in _TYPES if each.name == name or (name is None and each.name != "keyword"))


def fit_to_mapping(types: Mapping[str, ColumnType], mapping: Mapping[str, Any]) -> dict[str, ColumnType]:
    """Return the types with which rows fit an index that exists: a column whose field has another type stays text."""
    return {
        column: each if (definition_at(mapping, column) or each.definition).get("type") in _accepting(each) else TEXT
        for column, each in types.items()
    }


def _accepting(each: ColumnType) -> tuple[str, ...]:
    return (*each.families, each.name)


def typed_row(row: Mapping[str, str], types: Mapping[str, ColumnType]) -> dict[str, Any]:
    """Return a row as a document: each cell by the type of its column, if it has one."""
    return {column: types[column].convert(cell) if column in types else cell for column, cell in row.items()}
