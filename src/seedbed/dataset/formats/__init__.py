"""Row shapes that trainers expect: one format per file."""
