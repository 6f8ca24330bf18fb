"""The clone: its HTTP API, and how its replies become events and sound."""
