"""Drawings of a loaded pipeline: for the terminal, as Mermaid, as SVG. From a pipeline to text, nothing else."""
