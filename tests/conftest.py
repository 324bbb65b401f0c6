"""What holds for every test: Hypothesis without a stopwatch, and repeatable in CI."""

from __future__ import annotations

import os

from hypothesis import settings

# How long one example takes says more of the machine than of us. In CI the examples
# are the same each time: a failure there must be one that anybody can repeat.
settings.register_profile(
    "kidohan", deadline=None, derandomize=os.environ.get("CI") == "true"
)
settings.load_profile("kidohan")
