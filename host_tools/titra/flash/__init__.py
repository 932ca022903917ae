"""Put firmware on a board: what is there, what has changed, copy, compare, restart, self-test."""
