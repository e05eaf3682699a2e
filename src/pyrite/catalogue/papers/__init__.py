"""One module a paper, named by its key: `CLAIMS`, `METHODS` and `run(seed, method, setting)`; see `catalogue.recipe`."""
