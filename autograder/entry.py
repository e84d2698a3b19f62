"""What a gradebook holds of one submission, and what every report of a class is made from.

Here belongs the plain record of whose submission it is and what grading made of it. Where it is kept lies in
`gradebook`; what is printed of it, in `report`.
"""

from __future__ import annotations

from dataclasses import dataclass

from autograder.record import Record


@dataclass(frozen=True)
class Entry:
    """One graded submission of one student.

    Attributes
    ----------
    student
        The student, as the roster or the submission's folder names them.
    submission
        The notebook's path, relative to the folder or archive that was graded.
    chapter
        The chapter's id; empty if the file is of no known chapter.
    seed, key
        What it was graded with: the seed, and the hash of the answer key (empty if there was none).
    submitted
        When it was handed in, in ISO 8601 with a zone, or None if nothing says so.
    record
        The automatic result, as `grade` made it.
    """

    student: str
    submission: str
    chapter: str
    seed: int
    key: str
    submitted: str | None
    record: Record
