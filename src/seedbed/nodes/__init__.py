"""What happens to one record: one node type per file."""
