"""A device set up without a keyboard: settings and a key left on the card's boot partition, taken over at the start."""
