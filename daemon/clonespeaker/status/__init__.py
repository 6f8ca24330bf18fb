"""The local websocket: what the daemon is doing, told; and commands, taken."""
