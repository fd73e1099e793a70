"""Retrievers and rerankers for other frameworks, as thin wrappers of `Connector`; each needs an extra."""
