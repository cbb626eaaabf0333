"""Sealing what must not be read from the database or its backups."""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr


class SecretsError(Exception):
    """A secret cannot be sealed or opened; the message is one line and holds no secret."""


class Vault:
    """Seals and opens secrets with the deployment's key.

    Several keys replace one another step by step: the first seals, all of them open.
    """

    def __init__(self, key: SecretStr | str) -> None:
        """Take one Fernet key, or several with commas between.

        Raises:
            SecretsError: One of them is no Fernet key.
        """
        text = key.get_secret_value() if isinstance(key, SecretStr) else key
        keys = [part.strip() for part in text.split(",") if part.strip()]
        try:
            self._fernet = MultiFernet([Fernet(part) for part in keys])
        except ValueError:
            raise SecretsError(
                "HARDFIN_SECRET_KEY: expected Fernet keys (32 bytes in URL-safe base64) with commas between"
            ) from None

    def __repr__(self) -> str:
        return "Vault(...)"

    def seal(self, plain: bytes) -> bytes:
        """The secret, to be stored; sealing it twice gives different bytes."""
        return self._fernet.encrypt(plain)

    def unseal(self, sealed: bytes) -> bytes:
        """The secret again.

        Raises:
            SecretsError: It was sealed with another key, or changed since.
        """
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            raise SecretsError(_WRONG_KEY) from None

    def reseal(self, sealed: bytes) -> bytes:
        """The same secret sealed with the first key.

        Raises:
            SecretsError: It was sealed with a key that is not among ours, or changed since.
        """
        try:
            return self._fernet.rotate(sealed)
        except InvalidToken:
            raise SecretsError(_WRONG_KEY) from None


_WRONG_KEY = (
    "a stored secret does not open with this key: set HARDFIN_SECRET_KEY (or secret.key in the home folder) "
    "to the key it was sealed with, or connect the account again"
)
