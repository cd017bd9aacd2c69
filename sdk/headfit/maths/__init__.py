"""Mathematics on arrays that knows nothing of photos, heads or files."""
