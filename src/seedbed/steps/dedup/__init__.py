"""Steps that remove rows that say the same."""
