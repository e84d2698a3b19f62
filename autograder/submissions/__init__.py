"""Whose notebooks lie where: folders and archives into a stream of submissions.

`names`   what a path says of its student: the naming of Canvas, Moodle and Blackboard, folders, flat files
`roster`  a CSV that maps such names to students
`zipped`  archives that others made, read within limits and never unpacked
`find`    the stream itself

Nothing here reads a notebook's content, and nothing is written to disk under a name that others chose.
"""

from autograder.submissions.find import Found, SubmissionsError, find
from autograder.submissions.roster import Roster, RosterError, read_roster

__all__ = ["Found", "Roster", "RosterError", "SubmissionsError", "find", "read_roster"]
