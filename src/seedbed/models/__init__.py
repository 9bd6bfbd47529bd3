"""Talking to language models: one provider per file, and the models around a model."""
