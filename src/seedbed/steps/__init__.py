"""What happens to the dataset: one step type per file."""
