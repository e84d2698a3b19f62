"""Unrolled's autograder: run a student's notebook and compare what it produces with the reference.

Rooms, in the order in which data flows (no module imports a later one):

`payload`   values to plain data and back      `compare`   numbers against numbers
`diagnose`  which known mistake is it          `keys`      the committed answer keys
`check`     what notebooks call                `notebook`  reading, writing, cell roles
`kernel`    running cells                      `reference` the reference's values under a seed
`release`   solutions -> key and exercises     `graft`     a submission's cells into the key
`record`    the result of grading              `entry`     whose result it is
`nbval_plugin`  nbval with our comparison
`grade`     one submission -> one record       `entries`   a file of records -> entries
`grades`    entries and policy -> grades       `policy_files`  what an instructor decided
`changes`   two gradings compared              `similar`   solutions that are alike
`collect`   the solution cells of a class      `report`    grades -> something to read
`export`    the grader for other platforms     `commands_report`  the commands of these
`cli`       the command line

The first five import NumPy and the standard library only: they also run in the browser.
"""

__version__ = "0.1.0"
