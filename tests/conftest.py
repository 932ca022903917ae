"""Settings for all tests.

Hypothesis searches with a fresh seed on a developer's machine and prints what reproduces a
failure; with CI set it takes the same examples each time, so that a change is judged by what it
changes.
"""

import os

from hypothesis import settings

settings.register_profile("local", deadline=None, print_blob=True)
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")
