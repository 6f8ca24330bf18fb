"""Talk with a person's AI clone: hold the button, speak, let go, and the clone answers in its own voice."""

__version__ = "0.1.0"
