"""What operators mean, whoever runs them: their checks, windows, packing and arithmetic."""
