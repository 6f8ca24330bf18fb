"""Sound: capture, playback, and what PCM needs on the way."""
