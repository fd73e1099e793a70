"""Retrievers and rerankers of other frameworks, thin around `Connector`; each needs its extra."""
