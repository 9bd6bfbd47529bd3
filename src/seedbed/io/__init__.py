"""Records in and out: one file format per file."""
