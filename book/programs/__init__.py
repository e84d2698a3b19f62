"""The programs of the Code chapter: pages show them, tests run them.

Belongs here: one file per group of programs and library (``_numpy``,
``_torch``, ``_keras``), short enough to be read on a page, and what they
share: data, the training loop, and weights carried from one library to
another. Does not belong here: anything long enough to need an explanation
of its own; that is a chapter.
"""
