"""How a connector signs its calls, by the credentials it was given."""

from dataclasses import dataclass

import httpx

from hardfin_pipelines.connectors.base import CallCounts
from hardfin_pipelines.connectors.clock import Clock
from hardfin_pipelines.connectors.netsuite import errors
from hardfin_pipelines.connectors.netsuite.oauth import OAuthApp, TokenEndpoint
from hardfin_pipelines.connectors.netsuite.signing import BearerSigner, Signer, TokenKeys, TokenSigner
from hardfin_pipelines.connectors.renewal import Authenticator, RenewalLock
from hardfin_pipelines.connectors.retries import RetryPolicy
from hardfin_pipelines.connectors.tokens import TokenStore


@dataclass(frozen=True, slots=True)
class SignIn:
    """What signing in takes besides credentials.

    Attributes:
        http: The process's shared client.
        api_url: Where the account's services are.
        account_id: In capitals, with underscores.
        tokens: Where access tokens are kept.
        lock: Held while they are renewed.
        attempts: Tries of a call to the token endpoint.
        calls: Counts them.
        clock: Time and waiting.
    """

    http: httpx.AsyncClient
    api_url: str
    account_id: str
    tokens: TokenStore
    lock: RenewalLock
    attempts: int
    calls: CallCounts
    clock: Clock

    def signer(self, credentials: OAuthApp | TokenKeys) -> Signer:
        """What signs calls with some credentials."""
        if isinstance(credentials, TokenKeys):
            return TokenSigner(credentials, self.account_id, self.clock)
        endpoint = TokenEndpoint(
            http=self.http,
            api_url=self.api_url,
            app=credentials,
            clock=self.clock,
            retries=RetryPolicy(self.attempts),
        )
        auth = Authenticator(
            integration=errors.INTEGRATION,
            vendor=errors.VENDOR,
            renewer=endpoint,
            store=self.tokens,
            lock=self.lock,
            calls=self.calls,
            clock=self.clock,
        )
        return BearerSigner(auth)
