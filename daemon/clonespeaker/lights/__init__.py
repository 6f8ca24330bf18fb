"""Lights that tell the state."""
