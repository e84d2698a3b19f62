"""Unrolled's autograder: run a student's notebook and compare what it produces with the reference.

Rooms, in the order in which data flows (no module imports a later one):

`payload`   values to plain data and back      `compare`   numbers against numbers
`diagnose`  which known mistake is it          `keys`      the committed answer keys
`check`     what notebooks call                `wasm`      floating-point errors in the browser
`page`      an exercise run on its page        `notebook`  reading, writing, cell roles
`kernel`    running cells                      `reference` the reference's values under a seed
`release`   solutions -> key and exercises     `graft`     a submission's cells into the key
`record`    the result of grading              `entry`     whose result it is
`nbval_plugin`  nbval with our comparison
`grade`     one submission -> one record       `submissions` folders and archives -> submissions
`gradebook` records, kept                      `batch`     a class into a gradebook
`entries`   records read from a file           `grades`    entries and policy -> grades
`policy_files`  what an instructor decided     `changes`   two gradings compared
`similar`   solutions that are alike           `collect`   the solution cells of a class
`report`    grades -> something to read        `export`    the grader for other platforms
`commands`  what the larger commands do        `cli`       the command line

The first seven import NumPy and the standard library only: they also run in the browser.
"""

__version__ = "0.1.0"
