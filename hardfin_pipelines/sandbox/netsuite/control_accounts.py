"""Control operations on accounts: their features, roles, users, keys and settings."""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hardfin_pipelines.sandbox.control_requests import Fields, Table, WrongRequestError, only, wanted
from hardfin_pipelines.sandbox.netsuite.account import Account
from hardfin_pipelines.sandbox.netsuite.roles import User

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.netsuite.sandbox import NetSuiteSandbox

_OPTIONS = ("name", "tier", "one_world", "multi_location", "without", "time_zone", "date_format", "currency")


class AccountControl:
    """What administrators do, over HTTP."""

    def __init__(self, sandbox: "NetSuiteSandbox", account_of: Callable[[Fields], Account]) -> None:
        """`account_of` takes the account's id out of the members and finds it."""
        self._sandbox = sandbox
        self._account = account_of

    def table(self) -> Table:
        """The operations."""
        account = "/accounts/{account_id}"
        return [
            ("GET", "/accounts", lambda _: [self._json(each) for each in self._sandbox.accounts.values()]),
            ("POST", "/accounts", self._add),
            ("GET", account, lambda fields: self._json(self._account(fields))),
            ("PATCH", f"{account}/settings", self._change_settings),
            ("PATCH", f"{account}/features", self._change_features),
            ("PUT", f"{account}/roles/{{name}}", self._put_role),
            ("POST", f"{account}/users", self._add_user),
            ("PATCH", f"{account}/users/{{user_id}}", self._change_user),
            ("POST", f"{account}/certificates", self._add_certificate),
            ("DELETE", f"{account}/certificates/{{kid}}", self._revoke_certificate),
            ("POST", f"{account}/tokens", self._issue_token),
            ("DELETE", f"{account}/tokens", self._end_tokens),
            ("POST", f"{account}/tba-tokens", self._add_tba_token),
            ("DELETE", f"{account}/in-flight", lambda fields: self._account(fields).slots.reset()),
        ]

    def _json(self, account: Account) -> Fields:
        return {
            "id": account.id,
            "name": account.name,
            "host": account.host,
            "tier": account.tier,
            "client_id": self._sandbox.client_id,
            "features": sorted(account.features),
            "roles": {name: dataclasses.asdict(role) for name, role in account.roles.items()},
            "users": {key: _user_json(user) for key, user in account.users.items()},
            "integration_user_id": account.integration_user.id,
            "rows": {name: account.count(name) for name in ("item", "aggregateitemlocation", "transaction")},
            "calls": self._sandbox.call_log.summary(account.id),
            "in_flight": account.in_flight,
            "most_in_flight": account.most_in_flight,
            "refused": account.slots.refused,
            "settings": dataclasses.asdict(account.settings),
        }

    def _add(self, fields: Fields) -> Fields:
        only(fields, "account_id", *_OPTIONS)
        account_id = wanted(fields, "account_id")
        options = {name: fields[name] for name in _OPTIONS if name in fields}
        return self._json(self._sandbox.add_account(account_id, **options))

    def _change_settings(self, fields: Fields) -> Fields:
        account = self._account(fields)
        account.settings.change(fields)
        return dataclasses.asdict(account.settings)

    def _change_features(self, fields: Fields) -> list[str]:
        """Members are features with true or false."""
        account = self._account(fields)
        for name in fields:
            wanted(fields, name, bool)
        for name, on in fields.items():
            account.set_feature(name, on=on)
        return sorted(account.features)

    def _put_role(self, fields: Fields) -> Fields:
        """Adds a role, or changes one that is there: its permissions and what is hidden from it."""
        account = self._account(fields)
        only(fields, "name", "permissions", "hidden")
        name = fields["name"]
        held = account.roles.get(name) or account.add_role(name, ())
        if "permissions" in fields:
            held.permissions = set(wanted(fields, "permissions", list))
        if "hidden" in fields:
            held.hidden = {str(each).lower() for each in wanted(fields, "hidden", list)}
        return dataclasses.asdict(held)

    def _add_user(self, fields: Fields) -> Fields:
        account = self._account(fields)
        only(fields, "name", "role", "date_format", "time_zone")
        preferences = {name: fields[name] for name in ("date_format", "time_zone") if name in fields}
        return _user_json(account.add_user(wanted(fields, "name"), wanted(fields, "role"), **preferences))

    def _change_user(self, fields: Fields) -> Fields:
        account = self._account(fields)
        only(fields, "user_id", "date_format", "time_zone")
        return _user_json(account.change_user(fields.pop("user_id"), **fields))

    def _add_certificate(self, fields: Fields) -> Fields:
        account = self._account(fields)
        only(fields, "pem", "user_id")
        made = self._sandbox.keys.add_certificate(account, wanted(fields, "pem"), self._user(account, fields))
        return {"kid": made.kid, "client_id": made.client_id, "valid_until": made.valid_until.isoformat()}

    def _revoke_certificate(self, fields: Fields) -> None:
        account = self._account(fields)
        found = self._sandbox.keys.certificate(account, fields["kid"])
        if found is None:
            raise WrongRequestError(f"account {account.id} has no certificate {fields['kid']!r}")
        found.revoked = True

    def _issue_token(self, fields: Fields) -> Fields:
        account = self._account(fields)
        only(fields, "user_id")
        return {"access_token": self._sandbox.issue_access_token(account, self._user(account, fields))}

    def _end_tokens(self, fields: Fields) -> Fields:
        return {"ended": self._sandbox.keys.end_tokens(self._account(fields))}

    def _add_tba_token(self, fields: Fields) -> Fields:
        account = self._account(fields)
        only(fields, "user_id")
        keys = self._sandbox.keys.add_tba_token(account, self._user(account, fields))
        return {
            "consumer_key": keys.consumer_key,
            "consumer_secret": keys.consumer_secret,
            "token": keys.token,
            "token_secret": keys.token_secret,
        }

    def _user(self, account: Account, fields: Fields) -> User | None:
        user_id: Any = fields.get("user_id")
        if user_id is None:
            return None
        if user_id not in account.users:
            raise WrongRequestError(f"account {account.id} has no user {user_id!r}; users: {', '.join(account.users)}")
        return account.users[user_id]


def _user_json(user: User) -> Fields:
    named = {"id": user.id, "name": user.name, "role": user.role.name}
    return {**named, "date_format": user.date_format, "time_zone": user.time_zone}
