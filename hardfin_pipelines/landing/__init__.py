"""Landed records: what vendors sent, kept as received in Parquet, and the journal that spares asking twice.

Nothing is imported here: pyarrow and pandas are loaded by the module that needs them.
"""
