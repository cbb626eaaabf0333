"""The rules of sync: pure functions over plain values, without I/O, clock or randomness."""
