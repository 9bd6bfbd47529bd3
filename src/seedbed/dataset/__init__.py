"""What trainers read and what seedbed keeps."""
