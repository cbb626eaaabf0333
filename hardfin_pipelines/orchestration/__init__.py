"""All that imports dagster: it decides when, and shows what happened. Truth is in the product's own tables."""
