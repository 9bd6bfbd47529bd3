"""Templates and expressions in pipeline files: text with holes, and the values of expressions over a record."""
