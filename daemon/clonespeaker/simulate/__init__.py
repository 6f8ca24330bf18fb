"""A simulated clone: the API to the letter, for demos, tests and fault injection."""
