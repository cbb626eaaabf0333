"""Control operations on a company's records."""

from collections.abc import Callable
from typing import Any

from hardfin_pipelines.sandbox.control_requests import Fields, Table, WrongRequestError, moment, only, wanted
from hardfin_pipelines.sandbox.quickbooks.company import Company
from hardfin_pipelines.sandbox.quickbooks.entities import entities, entity_name
from hardfin_pipelines.sandbox.quickbooks.webhooks import FORMATS, payload


class RecordControl:
    """What people and tests do to records, over HTTP. Numbers that must be exact are sent as texts."""

    def __init__(self, company_of: Callable[[Fields], Company]) -> None:
        """`company_of` takes the realm id out of the members and finds its company."""
        self._company = company_of

    def table(self) -> Table:
        """The operations."""
        company = "/companies/{realm}"
        records = f"{company}/records/{{entity}}"
        record = f"{records}/{{id}}"
        return [
            ("POST", records, self._create),
            ("POST", f"{records}/bulk-create", self._bulk_create),
            ("POST", f"{records}/merge", self._merge),
            ("GET", record, self._show),
            ("PATCH", record, self._update),
            ("DELETE", record, self._delete),
            ("POST", f"{record}/deactivate", self._deactivate),
            ("POST", f"{record}/reactivate", self._reactivate),
            ("POST", f"{record}/touch", self._touch),
            ("GET", f"{company}/webhook-payload/{{form}}", self._webhook),
        ]

    def _place(self, fields: Fields) -> tuple[Company, str]:
        """The company and the entity that a request is about."""
        company, text = self._company(fields), fields.pop("entity")
        name = entity_name(text)
        if name not in entities():
            raise WrongRequestError(f"there is no entity {text!r}; send one of {', '.join(entities())}")
        return company, name

    def _create(self, fields: Fields) -> Fields:
        company, entity = self._place(fields)
        only(fields, "values", "at")
        return {"id": company.create(entity, wanted(fields, "values", dict), at=moment(fields, "at"))}

    def _bulk_create(self, fields: Fields) -> Fields:
        """Many rows, or `count` of one: then `{n}` in its texts becomes the number."""
        company, entity = self._place(fields)
        only(fields, "rows", "values", "count", "at")
        if "rows" in fields:
            rows = wanted(fields, "rows", list)
        else:
            values = wanted(fields, "values", dict)
            rows = [_numbered(values, number) for number in range(1, wanted(fields, "count", int) + 1)]
        return {"ids": company.create_many(entity, rows, at=moment(fields, "at"))}

    def _merge(self, fields: Fields) -> None:
        company, entity = self._place(fields)
        only(fields, "winner", "losers", "at")
        company.merge(entity, wanted(fields, "winner"), wanted(fields, "losers", list), at=moment(fields, "at"))

    def _show(self, fields: Fields) -> dict[str, Any]:
        company, entity = self._place(fields)
        return company.record(entity, fields["id"])

    def _update(self, fields: Fields) -> dict[str, Any]:
        company, entity = self._place(fields)
        only(fields, "id", "values", "at")
        company.update(entity, fields["id"], wanted(fields, "values", dict), at=moment(fields, "at"))
        return company.record(entity, fields["id"])

    def _delete(self, fields: Fields) -> None:
        company, entity = self._place(fields)
        only(fields, "id", "at")
        company.delete(entity, fields["id"], at=moment(fields, "at"))

    def _deactivate(self, fields: Fields) -> dict[str, Any]:
        company, entity = self._place(fields)
        only(fields, "id", "at")
        company.deactivate(entity, fields["id"], at=moment(fields, "at"))
        return company.record(entity, fields["id"])

    def _reactivate(self, fields: Fields) -> dict[str, Any]:
        company, entity = self._place(fields)
        only(fields, "id", "at")
        company.reactivate(entity, fields["id"], at=moment(fields, "at"))
        return company.record(entity, fields["id"])

    def _touch(self, fields: Fields) -> dict[str, Any]:
        company, entity = self._place(fields)
        only(fields, "id", "values", "at")
        company.touch(entity, fields["id"], fields.get("values") or {}, at=moment(fields, "at"))
        return company.record(entity, fields["id"])

    def _webhook(self, fields: Fields) -> Any:
        company = self._company(fields)
        only(fields, "form")
        if fields["form"] not in FORMATS:
            raise WrongRequestError(f"there is no form {fields['form']!r}; ask for one of {', '.join(FORMATS)}")
        return payload([company], fields["form"])


def _numbered(values: dict[str, Any], number: int) -> dict[str, Any]:
    return {
        name: value.replace("{n}", str(number)) if isinstance(value, str) else value for name, value in values.items()
    }
