"""Reports: each a pure function of records. Nothing here grades, runs or reads a notebook."""
