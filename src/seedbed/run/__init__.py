"""Making it happen: the executor, the run store, resume, events and progress."""
