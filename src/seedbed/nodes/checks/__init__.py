"""What `verify` can check, one kind of check a file: each has its written form and its behaviour."""
