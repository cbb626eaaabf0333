"""The settings of a deployment, read from environment variables that begin with HARDFIN_."""

import os
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "HARDFIN_"


class SettingsError(ValueError):
    """A setting is wrong; the message is one line that names the variable and says what was expected."""


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _absolute_root(root: str) -> str:
    return root if "://" in root else str(_absolute(Path(root)))


def _base_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        message = "expected a URL such as https://api.example.com"
        raise ValueError(message)
    return url.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_base_url)]


class Settings(BaseSettings):
    """What one deployment is told by its environment; the truth about organizations is in the database.

    Attributes:
        home: Folder of everything kept on this machine. HARDFIN_HOME, default `./.hardfin`.
        database_url: The platform store. HARDFIN_DATABASE_URL, default a SQLite file in `home`.
        landing_root: Where landed records are kept: a folder, or an object storage URL such as s3://bucket/prefix.
            HARDFIN_LANDING_ROOT, default `landing` in `home`.
        secret_key: What seals the connections' secrets: one Fernet key, or several with commas between (the first
            seals, all open, so a key can be replaced step by step). HARDFIN_SECRET_KEY, default the file `secret.key`
            in `home`, which is made at first use and can be read by its owner only.
        hubspot_url: HubSpot's API. HARDFIN_HUBSPOT_URL.
        hubspot_app_url: Where HubSpot asks a person for consent. HARDFIN_HUBSPOT_APP_URL.
        hubspot_client_id: The id of our HubSpot app. HARDFIN_HUBSPOT_CLIENT_ID.
        hubspot_client_secret: Its secret. HARDFIN_HUBSPOT_CLIENT_SECRET.
        salesforce_login_url: Where people and tokens of Salesforce orgs log in, for connections that name no address of
            their own. HARDFIN_SALESFORCE_LOGIN_URL.
        salesforce_client_id: The consumer key of our Salesforce app. HARDFIN_SALESFORCE_CLIENT_ID.
        salesforce_client_secret: Its consumer secret. HARDFIN_SALESFORCE_CLIENT_SECRET.
        salesforce_private_key_file: The PEM of the key that signs for connections whose flow is jwt_bearer.
            HARDFIN_SALESFORCE_PRIVATE_KEY_FILE.
        salesforce_daily_share: The share of an org's calls of 24 hours that Hardfin never brings it beyond, whatever it
            is asked for; who used them does not matter. HARDFIN_SALESFORCE_DAILY_SHARE, default 0.95.
        salesforce_ca_file: Certificates to trust instead of the machine's, where a proxy stands before Salesforce.
            HARDFIN_SALESFORCE_CA_FILE.
        quickbooks_url: QuickBooks' API. HARDFIN_QUICKBOOKS_URL.
        quickbooks_consent_url: Where Intuit asks a person for consent. HARDFIN_QUICKBOOKS_CONSENT_URL.
        quickbooks_token_url: Where Intuit gives tokens. HARDFIN_QUICKBOOKS_TOKEN_URL.
        quickbooks_revoke_url: Where Intuit takes them back. HARDFIN_QUICKBOOKS_REVOKE_URL. These three are those of
            Intuit's discovery document for production.
        quickbooks_client_id: The id of our app at Intuit. HARDFIN_QUICKBOOKS_CLIENT_ID.
        quickbooks_client_secret: Its secret. HARDFIN_QUICKBOOKS_CLIENT_SECRET.
        quickbooks_calls_per_month: Metered reads of all QuickBooks connections together in a calendar month (UTC).
            HARDFIN_QUICKBOOKS_CALLS_PER_MONTH, default 500,000, which Intuit's free tier has.
        quickbooks_calls_per_connection: The same of one connection. HARDFIN_QUICKBOOKS_CALLS_PER_CONNECTION, default
            20,000: a tick every five minutes is 8,640.
        netsuite_url: NetSuite's REST services, where they are not at each account's own host. HARDFIN_NETSUITE_URL,
            default "": https://ACCOUNT.suitetalk.api.netsuite.com.
        netsuite_client_id: The client id of our NetSuite integration, for connections that name none of their own.
            HARDFIN_NETSUITE_CLIENT_ID.
        netsuite_private_key_file: The PEM of the key whose certificate NetSuite's administrators map.
            HARDFIN_NETSUITE_PRIVATE_KEY_FILE.
        poll_concurrency: How many connections a tick asks at once. HARDFIN_POLL_CONCURRENCY.
        daily_reserve: The share of an account's calls of the day that is left to the customer's other integrations,
            where the vendor counts by the day. HARDFIN_DAILY_RESERVE, default 0.2.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    home: Annotated[Path, AfterValidator(_absolute)] = Path(".hardfin")
    database_url: str = Field(default_factory=lambda data: f"sqlite:///{data['home'] / 'hardfin.db'}", repr=False)
    landing_root: Annotated[str, AfterValidator(_absolute_root)] = Field(
        default_factory=lambda data: str(data["home"] / "landing")
    )
    secret_key: SecretStr = Field(default_factory=lambda data: SecretStr(_kept_key(data["home"] / "secret.key")))
    hubspot_url: BaseUrl = "https://api.hubapi.com"
    hubspot_app_url: BaseUrl = "https://app.hubspot.com"
    hubspot_client_id: str = ""
    hubspot_client_secret: SecretStr = SecretStr("")
    salesforce_login_url: BaseUrl = "https://login.salesforce.com"
    salesforce_client_id: str = ""
    salesforce_client_secret: SecretStr = SecretStr("")
    salesforce_private_key_file: Annotated[Path, AfterValidator(_absolute)] | None = None
    salesforce_daily_share: float = Field(default=0.95, gt=0, le=1)
    salesforce_ca_file: Annotated[Path, AfterValidator(_absolute)] | None = None
    quickbooks_url: BaseUrl = "https://quickbooks.api.intuit.com"
    quickbooks_consent_url: BaseUrl = "https://appcenter.intuit.com/connect/oauth2"
    quickbooks_token_url: BaseUrl = "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer"  # noqa: S105  # an address
    quickbooks_revoke_url: BaseUrl = "https://developer.api.intuit.com/v2/oauth2/tokens/revoke"
    quickbooks_client_id: str = ""
    quickbooks_client_secret: SecretStr = SecretStr("")
    quickbooks_calls_per_month: int = Field(default=500_000, ge=1)
    quickbooks_calls_per_connection: int = Field(default=20_000, ge=1)
    netsuite_url: BaseUrl | Literal[""] = ""
    netsuite_client_id: str = ""
    netsuite_private_key_file: Annotated[Path, AfterValidator(_absolute)] | None = None
    poll_concurrency: int = Field(default=50, ge=1, le=500)
    daily_reserve: float = Field(default=0.2, ge=0, le=0.9)


def load_settings() -> Settings:
    """The settings of this process.

    Raises:
        SettingsError: A variable holds something that cannot be used, or the key file cannot be read or made.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError("; ".join(_explained(entry) for entry in error.errors(include_url=False))) from None
    except OSError as error:
        place = error.filename or "the key file"
        raise SettingsError(
            f"{PREFIX}HOME: cannot read or make {place} ({error.strerror}): "
            f"give a folder this user can write to, or set {PREFIX}SECRET_KEY"
        ) from None


def _explained(entry: Any) -> str:
    name = PREFIX + "_".join(str(part) for part in entry["loc"]).upper()
    return f"{name}: {entry['msg'].removeprefix('Value error, ')}"


def _kept_key(path: Path) -> str:
    """The key in the file, made first where it is missing; of two processes that make it at once, one wins."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".secret-")  # mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(Fernet.generate_key())
                file.flush()
                os.fsync(file.fileno())
            # A link appears whole or not at all, and never replaces a key that is in use.
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            Path(draft).unlink(missing_ok=True)
    return path.read_text(encoding="ascii").strip()
