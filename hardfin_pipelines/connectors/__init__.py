"""One folder a vendor. A connector knows its vendor; it knows neither Hardfin's entities nor Dagster."""
