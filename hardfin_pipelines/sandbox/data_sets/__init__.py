"""What the sandbox's accounts hold, in words of no vendor, so that every vendor's server can be filled with it."""
