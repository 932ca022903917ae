"""The pins of the reference bench. Nothing drives ENABLE and ALLOW here; the bench looks at them."""

STEP = 2
ENABLE = 4
ALLOW = 5
STOP = 14
