"""What the oracle tries on a solution, exercise by exercise; written from the cards, not the checks.

A trial draws arguments that the exercise's card allows, calls the solution, and returns all that
the card promises: results, arguments afterwards, gradients. These files are run inside a kernel,
after `common.py`, and use its names; they are no modules of this package.
"""
