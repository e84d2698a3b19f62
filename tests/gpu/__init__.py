"""The course on a GPU: `pytest -m gpu` on a machine that has one. Without one these are skipped, and say so."""
