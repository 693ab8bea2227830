"""What holds for every test."""

from hypothesis import HealthCheck, settings

# A busy machine is slow, not wrong: examples are counted, their milliseconds are not.
settings.register_profile("ninelives", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ninelives")
