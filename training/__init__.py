"""Room: training. How the bundled reranker is made and measured; it uses the product, the product never uses it."""
