"""HTTP libraries behind one small interface: one per file."""
