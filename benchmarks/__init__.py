"""Measurements beside their bounds: `make bench`. What they promise is asserted here, not by the tests."""
