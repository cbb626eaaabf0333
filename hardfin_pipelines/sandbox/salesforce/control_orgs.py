"""Control operations on organizations: their schema, users, sessions and settings."""

import dataclasses
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

from hardfin_pipelines.sandbox.control_requests import Fields, Table, only, wanted
from hardfin_pipelines.sandbox.salesforce.fields import field_from_json
from hardfin_pipelines.sandbox.salesforce.org import NewStage, Org

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.salesforce.sandbox import SalesforceSandbox

_POLICY = ("installed", "admin_approved_only", "run_as", "approved_users")


class OrgControl:
    """What administrators do, over HTTP."""

    def __init__(self, sandbox: "SalesforceSandbox", org_of: Callable[[Fields], Org]) -> None:
        """`org_of` takes the organization's id or My Domain out of the members and finds it."""
        self._sandbox = sandbox
        self._org = org_of

    def table(self) -> Table:
        """The operations."""
        org = "/orgs/{org_id}"
        return [
            ("GET", "/orgs", lambda _: [self._json(each) for each in self._sandbox.orgs.values()]),
            ("POST", "/orgs", self._add),
            ("GET", org, lambda fields: self._json(self._org(fields))),
            ("PATCH", f"{org}/settings", self._change_settings),
            ("PATCH", f"{org}/app", self._change_policy),
            ("POST", f"{org}/sessions", self._add_session),
            (
                "DELETE",
                f"{org}/sessions",
                lambda fields: {"ended": self._sandbox.tokens.expire_sessions(self._org(fields))},
            ),
            ("DELETE", f"{org}/cursors", lambda fields: self._org(fields).cursors.close_all()),
            ("POST", f"{org}/users", self._add_user),
            ("POST", f"{org}/objects", self._add_object),
            ("POST", f"{org}/fields", self._add_field),
            ("DELETE", f"{org}/fields", self._remove_field),
            ("PUT", f"{org}/stages", self._set_stages),
            ("PATCH", f"{org}/stages", self._rename_stage),
            ("POST", f"{org}/sales-processes", self._add_process),
            ("POST", f"{org}/visibility", self._set_visibility),
        ]

    def _json(self, org: Org) -> Fields:
        return {
            "id": org.id,
            "my_domain": org.my_domain,
            "name": org.name,
            "edition": org.edition,
            "currency": org.currency,
            "multi_currency": org.schema.multi_currency,
            "is_sandbox": org.is_sandbox,
            "integration_user_id": org.integration_user_id,
            "users": list(org.permissions),
            "records": org.record_counts(),
            "calls": self._sandbox.call_log.summary(org.id),
            "settings": dataclasses.asdict(org.settings),
        }

    def _add(self, fields: Fields) -> Fields:
        options = ("name", "edition", "currency", "additional_currencies", "multi_currency", "time_zone", "is_sandbox")
        only(fields, "my_domain", *options)
        my_domain = wanted(fields, "my_domain")
        return self._json(self._sandbox.add_org(my_domain, **{key: fields[key] for key in options if key in fields}))

    def _change_settings(self, fields: Fields) -> Fields:
        org = self._org(fields)
        org.settings.change(fields)
        return dataclasses.asdict(org.settings)

    def _change_policy(self, fields: Fields) -> Fields:
        org = self._org(fields)
        only(fields, *_POLICY)
        policy = self._sandbox.tokens.policy(org)
        if fields.get("installed") is False:
            self._sandbox.tokens.uninstall(org)
        for name, value in fields.items():
            setattr(policy, name, set(value) if name == "approved_users" else value)
        return dataclasses.asdict(policy)

    def _add_session(self, fields: Fields) -> Fields:
        org = self._org(fields)
        only(fields, "user_id")
        user_id = fields.get("user_id") or org.integration_user_id
        tokens = self._sandbox.tokens
        return {
            "access_token": tokens.issue_session(org, user_id),
            "refresh_token": tokens.issue_refresh(org, user_id),
        }

    def _add_user(self, fields: Fields) -> Fields:
        org = self._org(fields)
        only(fields, "alias", "first_name", "last_name")
        return {"id": org.add_user(wanted(fields, "alias"), fields.get("first_name", ""), wanted(fields, "last_name"))}

    def _add_object(self, fields: Fields) -> Fields:
        org = self._org(fields)
        only(fields, "name", "label", "plural")
        made = org.add_object(wanted(fields, "name"), wanted(fields, "label"), fields.get("plural"))
        return {"name": made.name, "prefix": made.prefix}

    def _add_field(self, fields: Fields) -> Fields:
        org = self._org(fields)
        only(fields, "object", "field")
        made = field_from_json(wanted(fields, "field", dict))
        org.add_field(wanted(fields, "object"), made)
        return made.as_json()

    def _remove_field(self, fields: Fields) -> None:
        org = self._org(fields)
        only(fields, "object", "field")
        org.remove_field(wanted(fields, "object"), wanted(fields, "field"))

    def _set_stages(self, fields: Fields) -> None:
        org = self._org(fields)
        only(fields, "stages")
        stages = [
            NewStage(each["api_name"], each["label"], Decimal(str(each["probability"])), bool(each.get("closed")))
            for each in wanted(fields, "stages", list)
        ]
        org.set_stages(stages)

    def _rename_stage(self, fields: Fields) -> None:
        org = self._org(fields)
        only(fields, "api_name", "label")
        org.rename_stage(wanted(fields, "api_name"), wanted(fields, "label"))

    def _add_process(self, fields: Fields) -> Fields:
        org = self._org(fields)
        only(fields, "name", "developer_name", "stages")
        made = org.add_sales_process(
            wanted(fields, "name"), wanted(fields, "developer_name"), wanted(fields, "stages", list)
        )
        return {"record_type_id": made.record_type_id, "process_id": made.process_id}

    def _set_visibility(self, fields: Fields) -> Fields:
        """Hides a record, a field of an object, or an object from a user; `hidden` false shows it again."""
        org = self._org(fields)
        only(fields, "user_id", "object", "field", "record_id", "hidden")
        user_id = fields.get("user_id") or org.integration_user_id
        hidden = fields.get("hidden", True)
        if "record_id" in fields:
            org.hide_record(user_id, wanted(fields, "record_id"), hidden=hidden)
        elif "field" in fields:
            org.hide_field(user_id, wanted(fields, "object"), wanted(fields, "field"), hidden=hidden)
        else:
            org.hide_object(user_id, wanted(fields, "object"), hidden=hidden)
        return dataclasses.asdict(org.permissions[user_id])
