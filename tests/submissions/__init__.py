"""Sample submissions: made from the exercises' source, never stored."""
