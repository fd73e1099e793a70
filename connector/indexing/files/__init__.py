"""Files of documents: JSON in its several layouts, CSV and Parquet, read as streams, right or not at all."""

from connector.indexing.files.kinds import file_records, is_file_name
from connector.indexing.files.records import BadRecordError, Record, documents_in, unwrapped

__all__ = ["BadRecordError", "Record", "documents_in", "file_records", "is_file_name", "unwrapped"]
