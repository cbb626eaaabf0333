"""SOQL: read with a grammar, carried out as SQL."""
