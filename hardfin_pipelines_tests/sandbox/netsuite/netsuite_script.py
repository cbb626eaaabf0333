"""Run by the interpreter that has the `netsuite` client library: drives it unmodified and prints what it got.

The library's host is fixed, but every call takes `url`. Arguments: base URL, account, the four TBA keys. What to do is
a list of [method, arguments, keywords] in JSON on standard input; `url` in the keywords is put behind the base URL.
"""

import asyncio
import json
import sys
import warnings
from typing import Any

warnings.simplefilter("ignore")

from netsuite import Config, TokenAuth  # type: ignore[import-not-found]  # noqa: E402  # in its own environment
from netsuite.exceptions import NetsuiteAPIRequestError  # type: ignore[import-not-found]  # noqa: E402  # likewise
from netsuite.rest_api import NetSuiteRestApi  # type: ignore[import-not-found]  # noqa: E402  # likewise


async def main() -> list[Any]:
    """Carries out the list."""
    base, account, *keys = sys.argv[1:]
    names = ("consumer_key", "consumer_secret", "token_id", "token_secret")
    auth = TokenAuth(**dict(zip(names, keys, strict=True)))
    api = NetSuiteRestApi(Config(account=account, auth=auth))
    results: list[Any] = []
    for method, arguments, keywords in json.load(sys.stdin):
        keywords["url"] = base + keywords["url"]
        try:
            results.append(await getattr(api, method)(*arguments, **keywords))
        except NetsuiteAPIRequestError as error:
            results.append({"status": error.status_code, "text": error.response_text})
    return results


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main())))  # noqa: T201  # what the test reads
