"""A connection's tokens, sealed in the store: a `TokenStore` for connectors."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine

from hardfin_pipelines.connectors.errors import NeedsAttention
from hardfin_pipelines.connectors.tokens import Tokens
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.platform.connection_store import ConnectionRow
from hardfin_pipelines.platform.credential_store import read_credential, save_credential
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.secrets import Vault


class StoredTokens:
    """The tokens of one connection. A new token is durable before it is used."""

    def __init__(self, engine: Engine, vault: Vault, row: ConnectionRow, *, renewable: bool = True) -> None:
        """`renewable` is false where our app at the vendor is not configured: then only static tokens can be used."""
        self._engine = engine
        self._vault = vault
        self._row = row
        self._renewable = renewable

    def load(self) -> Tokens:
        """The tokens as last saved by any process.

        Raises:
            NeedsAttention: The connection has none.
            Refusal: They must be renewed and our app is not configured: the operator's fault, not the account's.
        """
        with reading(self._engine) as connection:
            found = read_credential(connection, self._row.org, self._row.connection_id, self._vault)
        if found is None:
            raise NeedsAttention(
                self._row.integration, f"{self._row.connection_id} has no credentials: connect the account again"
            )
        tokens = _tokens(found.document)
        if tokens.refresh and not self._renewable:
            raise Refusal(app_missing(self._row.integration))
        return tokens

    def save(self, tokens: Tokens) -> None:
        """Keep new tokens."""
        with writing(self._engine) as connection:
            save_tokens(connection, self._row, tokens, self._vault)


def app_missing(integration: str) -> str:
    """What the operator is told where an integration's OAuth app is not configured."""
    prefix = f"HARDFIN_{integration.upper()}_CLIENT"
    return f"set {prefix}_ID and {prefix}_SECRET to those of our {integration} app"


def save_tokens(connection: Connection, row: ConnectionRow, tokens: Tokens, vault: Vault) -> None:
    """Keep a connection's tokens, in the caller's transaction."""
    save_credential(connection, row.org, row.connection_id, _document(tokens), vault, datetime.now(UTC))


def _document(tokens: Tokens) -> dict[str, str | None]:
    return {
        "access": tokens.access,
        "refresh": tokens.refresh,
        "expires_at": tokens.expires_at.isoformat() if tokens.expires_at else None,
        "issued_at": tokens.issued_at.isoformat() if tokens.issued_at else None,
        "instance_url": tokens.instance_url,
        "previous_refresh": tokens.previous_refresh,
    }


def _tokens(document: Mapping[str, Any]) -> Tokens:
    return Tokens(
        access=document["access"],
        refresh=document["refresh"],
        expires_at=_moment(document["expires_at"]),
        issued_at=_moment(document["issued_at"]),
        # Documents of earlier releases have neither.
        instance_url=document.get("instance_url") or "",
        previous_refresh=document.get("previous_refresh") or "",
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
