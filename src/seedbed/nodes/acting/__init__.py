"""Models that act: tools, the turns in which they are used, and the roles of a dialogue."""
