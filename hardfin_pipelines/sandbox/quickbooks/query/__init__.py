"""QuickBooks' query language: its grammar, and how a statement is run."""
