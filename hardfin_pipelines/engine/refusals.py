"""What the engine refuses to do, in one clear line for the person who asked."""


class Refusal(Exception):
    """A request that cannot be carried out as asked. Nothing was changed; the message says what to do."""
