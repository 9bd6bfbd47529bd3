"""What runs in the sandboxed process. Standard library only, and nothing else of seedbed."""
