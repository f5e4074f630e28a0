"""Settings of all tests: no example of hypothesis fails because the machine is busy.

In CI they are the same each time, so that what it says is about the change; elsewhere others are tried.
"""

import os

from hypothesis import settings

settings.register_profile("ours", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("ours")
