"""Measurements beside their bounds: `make bench`. Nothing here is asserted by the tests but the counts of calls."""
