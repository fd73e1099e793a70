"""Files of documents: JSON in its several layouts, CSV and Parquet, as streams, and refused rather than misread."""

from connector.indexing.files.column_types import (
    ColumnType,
    fit_to_mapping,
    infer_types,
    parse_types,
    typed_row,
)
from connector.indexing.files.kinds import file_records, is_file_name, is_table, named_by_content
from connector.indexing.files.records import BadRecordError, Record, content_id, documents_in, unwrapped

__all__ = [
    "BadRecordError",
    "ColumnType",
    "Record",
    "content_id",
    "documents_in",
    "file_records",
    "fit_to_mapping",
    "infer_types",
    "is_file_name",
    "is_table",
    "named_by_content",
    "parse_types",
    "typed_row",
    "unwrapped",
]
