"""How a model judges: rubrics and scales, what it is told, and how verdicts become scores."""
