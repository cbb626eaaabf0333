"""How a connection signs in where a vendor offers more than one way (Salesforce docs: OAuth authorization flows)."""

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from hardfin_pipelines.organizations.mapping_entries import ConfigurationPart
from hardfin_pipelines.organizations.text_types import ShortText, expected

Flow = Literal["consent", "client_credentials", "jwt_bearer"]

_SALESFORCE_HOSTS = (".salesforce.com", ".salesforce.mil")


def _salesforce_url(value: str) -> str:
    parts = urlsplit(value)
    host = parts.hostname or ""
    plain = parts.path in ("", "/") and not (parts.query or parts.fragment or parts.username or parts.port)
    if parts.scheme != "https" or not host.endswith(_SALESFORCE_HOSTS) or not plain:
        raise expected("a login address of Salesforce such as https://acme.my.salesforce.com", value)
    return f"https://{host}"


class Login(ConfigurationPart):
    """How a Salesforce connection signs in. Left out: a person's consent, at the deployment's login address."""

    url: Annotated[str, AfterValidator(_salesforce_url)] | None = Field(
        default=None,
        description="The org's My Domain, or https://test.salesforce.com for one of Salesforce's test orgs.",
    )
    flow: Flow = Field(default="consent", description="How the connection gets its tokens.")
    user: ShortText | None = Field(default=None, description="The user to act as, where the flow is jwt_bearer.")

    def document(self) -> dict[str, Any]:
        """The login as it stands in a document, in one form only."""
        document: dict[str, Any] = {} if self.url is None else {"url": self.url}
        if self.flow != "consent":
            document["flow"] = self.flow
        return document | ({} if self.user is None else {"user": self.user})
