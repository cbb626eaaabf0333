"""Hardfin's side: entities and what the engine knows of them (links, ledger, cursors, pending work, audit)."""
