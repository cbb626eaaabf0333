"""Fixtures for every test folder."""

pytest_plugins = ["hardfin_pipelines_tests.store_fixtures", "hardfin_pipelines_tests.real_records"]
