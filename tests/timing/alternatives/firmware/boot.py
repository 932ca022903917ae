"""First thing that runs; the bench finds the pins through it."""

import board  # noqa: F401
