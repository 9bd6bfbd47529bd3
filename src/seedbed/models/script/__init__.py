"""A model that answers by rules: what the scripted provider and the scripted server share."""
