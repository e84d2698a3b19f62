"""A class into a gradebook: finding, keeping, resuming, scaling out."""
