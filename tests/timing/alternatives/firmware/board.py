"""The pins of the reference bench. Nothing drives ALLOW here; the bench has a probe on it."""

STEP = 2
ALLOW = 5
STOP = 14
