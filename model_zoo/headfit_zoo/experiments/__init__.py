"""The paper's table measured with our own parts, and what goes beyond it."""
