"""The meaning of operators, shared by all that run them: checks, windows and arithmetic."""
