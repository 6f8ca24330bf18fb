"""Settings: what can be set, where it comes from, what is wrong with it; and the secrets beside them."""
