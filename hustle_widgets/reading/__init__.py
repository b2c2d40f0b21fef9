"""A visit's files: which they are, what their headers say, and whether they belong together."""
