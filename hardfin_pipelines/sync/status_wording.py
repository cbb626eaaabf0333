"""How a connection's status is said."""


def status_in_words(status: str, reason: str = "") -> str:
    """What follows a connection's name in a sentence: "is paused (quarter end)", "needs attention"."""
    verb = status if status.startswith("needs ") else f"is {status}"
    return f"{verb} ({reason})" if reason else verb
