"""Mathematical answers: a reader of LaTeX and plain notation, and a comparison by sympy in a process of its own."""
