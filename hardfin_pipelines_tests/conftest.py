"""Fixtures for every test folder."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["hardfin_pipelines_tests.store_fixtures", "hardfin_pipelines_tests.real_records"]

# How long an example takes says what else the machine is doing, nothing of the product.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
