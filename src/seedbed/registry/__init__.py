"""How plug-ins and user code are found by name."""
