"""No wrong verdicts at scale: every reference solution, changed in thousands of small ways.

`operators`  what can be changed in a piece of code, one small thing at a time
`syntax`     a solution's syntax tree: where a change applies, and the changed source
`observe`    what the names and operands of a solution hold while its checks run
`mutants`    all mutants of a solution: it, with one small change that may make it wrong
`rewrites`   all rewrites of a solution: it, said in another way, with the same meaning
`judge`      runs either in the exercise's place, through its check cells, on graded seeds
`oracle`     an opinion of its own on a mutant: does it do something else on any input at all?
`trials/`    what the oracle tries, one file for each chapter: other shapes, sizes, extreme values
`survivors`  the mutants that no check catches, each with the reason why none has to
`run`        `python -m tests.mutation`: all of it, with progress; stop it and start it again

A mutant is *caught* if a check rejects it on every seed that is tried. One that is not must either
do the same as the reference on everything that the exercise allows, or differ in a way that the
exercise does not speak of; `survivors.json` says which, and why. `test_mutation.py` holds it:
a sample of the mutants in `make test`, all of them in `make test-long`.
"""
