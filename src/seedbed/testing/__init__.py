"""Public fakes at the edge of the network: a scripted model and a scripted OpenAI-compatible server."""
