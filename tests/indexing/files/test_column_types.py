"""A column's type is the narrowest that fits all its cells, and nothing of a cell is lost."""

import pytest

from connector.errors import RequestError
from connector.exact_json import text_of
from connector.indexing.files import fit_to_mapping, infer_types, parse_types, typed_row


def type_of(*cells: str) -> str:
    return infer_types([{"column": cell} for cell in cells])["column"].name


@pytest.mark.parametrize(
    ("cells", "name"),
    [
        (["0", "-12", "9223372036854775807"], "long"),
        (["9223372036854775808"], "double"),
        (["1", "2.50", "-3e-5"], "double"),
        (["true", "FALSE"], "boolean"),
        (["2024-02-29", "2024-01-01T10:00:00Z", "2024-01-01T10:00:00.123456789+02:00"], "date"),
        (["2024-01-01 10:00:00"], "date"),
        (["2024/01/31", "2024/01/31 23:59:59"], "date"),
        (["007"], "text"),
        (["1,5"], "text"),
        (["+1"], "text"),
        (["-0", "1"], "double"),
        ([" 1"], "text"),
        (["1e400"], "text"),
        (["NaN"], "text"),
        (["١٢"], "text"),
        (["2023-02-29"], "text"),
        (["2024-01-01", "2024-01-01 10:00:00"], "text"),
        (["01/02/2024"], "text"),
        (["yes", "no"], "text"),
        (["1", "2", "n/a"], "text"),
    ],
)
def test_the_narrowest_type_that_fits_all_cells_is_taken(cells: list[str], name: str) -> None:
    assert type_of(*cells) == name


def test_a_cell_far_down_decides_too() -> None:
    assert type_of(*["1"] * 5_000, "unknown") == "text"


def test_values_keep_every_digit() -> None:
    types = infer_types([{"price": "1.10", "count": "12", "ok": "True", "zip": "01234", "day": "2024-01-01"}])
    row = typed_row({"price": "1.10", "count": "12", "ok": "True", "zip": "01234", "day": "2024-01-01"}, types)
    assert text_of(row) == '{"price": 1.10, "count": 12, "ok": true, "zip": "01234", "day": "2024-01-01"}'


def test_columns_named_as_text_have_no_type() -> None:
    types = infer_types([{"id": "7", "title": "2024"}], as_text={"id", "title"})
    assert types == {}
    assert typed_row({"id": "7"}, types) == {"id": "7"}


def test_a_named_type_is_taken_or_the_cell_that_does_not_fit_is_named() -> None:
    assert infer_types([{"sku": "007"}], {"sku": "keyword"})["sku"].name == "keyword"
    assert infer_types([{"price": "5"}], {"price": "double"})["price"].name == "double"
    with pytest.raises(RequestError, match="does not fit '007' in row 2 below the header"):
        infer_types([{"sku": "7"}, {"sku": "007"}], {"sku": "long"})
    with pytest.raises(RequestError, match=r"prise=long.*these are price"):
        infer_types([{"price": "5"}], {"prise": "long"})


@pytest.mark.parametrize("wrong", ["price", "price=", "=long", "price=money"])
def test_a_wrong_type_is_refused(wrong: str) -> None:
    with pytest.raises(RequestError, match=r"must be COLUMN=TYPE.*long, double, boolean, date, keyword, text"):
        parse_types([wrong])


def test_in_an_index_that_exists_its_fields_decide() -> None:
    types = infer_types([{"year": "2024", "price": "5.5", "ok": "true", "new": "1"}])
    mapping = {"properties": {"year": {"type": "keyword"}, "price": {"type": "float"}, "ok": {"type": "text"}}}
    fitted = fit_to_mapping(types, mapping)
    assert typed_row({"year": "2024", "price": "5.5", "ok": "true", "new": "1"}, fitted) == {
        "year": "2024",
        "price": 5.5,
        "ok": "true",
        "new": 1,
    }
