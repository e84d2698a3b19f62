"""The benchmark: `make bench`, or `python -m tests.bench [--json FILE] [grader|others|site|all]`.

`exercises`     what is graded: two sets of eight cells     `figures`     medians, machine, versions
`environments`  the other graders, installed                `contender`   what they all can do
`with_nbgrader`, `with_otter`, `with_nbval`, `with_ours`    the same cells, as each wants them
`floor`         the cells in a bare fork, and nothing else  `others`      all of them, in turn
`grader`        our start-up, first verdict, memory         `site`        building the book

Nothing here passes or fails; figures differ between machines. The tests never measure time.
"""
