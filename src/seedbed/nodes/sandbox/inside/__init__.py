"""What runs in the sandboxed process. Standard library only, and nothing else of seedbed.

A short program takes some ten milliseconds, and so would the import of a handful of modules. So these are spare with
what they import: `typing` is for the type checker only, and paths are texts.
"""
