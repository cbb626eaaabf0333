"""The session of one connection, as `connectors.renewal` keeps it.

Using a dead refresh token may end the whole grant at Salesforce (Salesforce docs: refresh token rotation).
"""

from hardfin_pipelines.connectors import renewal
from hardfin_pipelines.connectors.base import CallCounts
from hardfin_pipelines.connectors.clock import Clock
from hardfin_pipelines.connectors.errors import NeedsAttention
from hardfin_pipelines.connectors.renewal import RenewalLock
from hardfin_pipelines.connectors.salesforce.errors import INTEGRATION
from hardfin_pipelines.connectors.salesforce.oauth import TokenEndpoint, is_dead_grant
from hardfin_pipelines.connectors.tokens import Tokens, TokenStore


class _Renewer:
    """Renews sessions; says of which org the last one is."""

    ends_when_said = False
    """A session in use lives on past the day after which we renew it."""

    def __init__(self, endpoint: TokenEndpoint) -> None:
        self._endpoint = endpoint
        self.organization_id = ""

    @property
    def mints(self) -> bool:
        return self._endpoint.mints

    async def renewed(self, stored: Tokens) -> Tokens:
        grant = await self._endpoint.renew(stored.refresh)
        self.organization_id = grant.organization_id
        return grant.tokens

    def is_dead_grant(self, error: NeedsAttention) -> bool:
        return is_dead_grant(error)


class Authenticator(renewal.Authenticator):
    """Gives the tokens to call with."""

    def __init__(
        self,
        *,
        endpoint: TokenEndpoint | None,
        store: TokenStore,
        lock: RenewalLock,
        calls: CallCounts,
        clock: Clock,
    ) -> None:
        """`endpoint` is None where there is no app: then only the token at hand can be used, as long as it lives."""
        self._of_org = None if endpoint is None else _Renewer(endpoint)
        super().__init__(
            integration=INTEGRATION,
            vendor="Salesforce",
            renewer=self._of_org,
            store=store,
            lock=lock,
            calls=calls,
            clock=clock,
        )

    @property
    def organization_id(self) -> str:
        """The org, once its session was renewed; "" before."""
        return "" if self._of_org is None else self._of_org.organization_id

    def site(self) -> str:
        """The org's own address; "" where it is not known."""
        tokens = self._tokens or self._store.load()
        return tokens.instance_url
