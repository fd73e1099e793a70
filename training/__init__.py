"""How the bundled reranker is made and measured; the product never imports this."""
