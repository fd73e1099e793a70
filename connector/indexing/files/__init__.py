"""Files of documents: JSON in its several layouts, CSV and Parquet, as streams, and refused rather than misread."""

from connector.indexing.files.kinds import file_records, is_file_name
from connector.indexing.files.records import BadRecordError, Record, documents_in, unwrapped

__all__ = ["BadRecordError", "Record", "documents_in", "file_records", "is_file_name", "unwrapped"]
