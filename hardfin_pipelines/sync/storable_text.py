"""Text as a database takes it: vendors' texts may hold what none can keep."""

_UNSTORABLE = "\0"


def is_storable(text: str) -> bool:
    """Whether a text can be kept as it is. False is no proof of the contrary: it is a quick look."""
    return text.isascii() and _UNSTORABLE not in text


def storable_text(text: str) -> str:
    """A text without what a database refuses: NUL, and halves of surrogate pairs."""
    if is_storable(text):
        return text
    plain = text.encode("utf-8", "replace").decode("utf-8")
    return plain.replace(_UNSTORABLE, "\N{REPLACEMENT CHARACTER}")
