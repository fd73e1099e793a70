"""A batch reindex: documents of an index or a file get vectors, in a new index behind an alias or in place."""
