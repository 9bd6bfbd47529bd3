"""The pipeline as written and made sure of. Calls no model, writes nothing."""
