"""Running programs that nobody trusts: each in a process of its own that can reach next to nothing."""
