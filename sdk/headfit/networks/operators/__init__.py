"""What operators mean, whoever runs them: their checks, windows and arithmetic."""
