"""The one place where connectors, landing, the rules and the store meet; it knows no vendor's names and no Dagster."""
