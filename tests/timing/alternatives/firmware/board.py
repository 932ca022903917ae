"""The pins of the reference bench. The programs here know nothing of ENABLE and ALLOW."""

STEP = 2
ENABLE = 4
ALLOW = 5
STOP = 14
