"""Hypothesis for all tests: a machine that is busy with other things must not make an example fail by time."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "busy machine",
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.function_scoped_fixture,  # a store or a folder of a test serves all its examples
    ],
)
settings.load_profile("busy machine")
