"""What hands touch: the button, and the keyboard that stands in for it."""
