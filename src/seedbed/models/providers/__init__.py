"""Who serves models: one provider per file."""
