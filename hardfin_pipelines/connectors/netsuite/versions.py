"""Where a NetSuite account's REST services are (Oracle docs: SuiteTalk REST web services)."""

import re

SUITEQL_PATH = "/services/rest/query/v1/suiteql"
TOKEN_PATH = "/services/rest/auth/oauth2/v1/token"  # noqa: S105  # an address
SERVER_TIME_PATH = "/services/rest/system/v1/serverTime"
"""Beside `governanceLimits`; that it is there is read out of Oracle's description, which shows no address."""
GOVERNANCE_PATH = "/services/rest/system/v1/governanceLimits"

_ACCOUNT_ID = re.compile(r"[A-Z0-9]{1,30}(_[A-Z0-9]{1,10})?")


def account_key(account_id: str) -> str:
    """An account's id as NetSuite shows it, in capitals with underscores: `1234567_SB1`.

    Raises:
        ValueError: It is none.
    """
    key = account_id.strip().upper().replace("-", "_")
    if not _ACCOUNT_ID.fullmatch(key):
        wanted = "expected what Setup > Company > Company Information shows, such as 1234567 or 1234567_SB1"
        raise ValueError(f"NetSuite account id is {account_id[:60]!r}: {wanted}")
    return key


def account_url(account_id: str) -> str:
    """Where an account's services are: its id in lower case, with dashes.

    Raises:
        ValueError: It is no account id.
    """
    return f"https://{account_key(account_id).lower().replace('_', '-')}.suitetalk.api.netsuite.com"
