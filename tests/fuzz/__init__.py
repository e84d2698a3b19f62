"""Fuzzing: whatever a file, a kernel or a submission says, the grader gives a record or one line.

The law, for all of it: a record, or exit code 2 with one line, and never a traceback; bounded memory;
no points but for honest cells, none lost by them; a record is strict JSON and valid Unicode; nothing that
a terminal obeys reaches a terminal.

`corruptions` spoils real notebooks by a seed     `law`      what must hold of every record
`scripted`    kernels that say what a test says   `corpus/`  what once failed, run by `test_corpus`

To see the notebook behind a number: `python -m tests.fuzz.corruptions 417 > spoilt.ipynb`.
"""
