"""Templates: from their text to a value, and what is in it resolved. Pure."""
