"""What holds for every test."""

import os

from hypothesis import settings

# A busy machine is not a fault. `HYPOTHESIS_PROFILE=thorough` looks longer than a developer waits.
settings.register_profile("quick", deadline=None, max_examples=15)
settings.register_profile("thorough", deadline=None, max_examples=100)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
