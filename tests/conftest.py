"""What holds for every test."""

from hypothesis import settings

settings.register_profile("penstock", deadline=None)  # a busy machine is not a fault
settings.load_profile("penstock")
