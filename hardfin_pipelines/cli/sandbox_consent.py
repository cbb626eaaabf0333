"""What a person does in a browser to let an app in: read the vendor's page, choose, be sent back."""

from collections.abc import Iterable
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx

from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.vendors import Secret


class Page(HTMLParser):
    """The links of a page, and its form.

    Attributes:
        links: Where its links lead.
        action: Where its form goes.
        fields: The form's values that nobody chooses.
        choices: The values of each radio button's and each button's name.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.action = ""
        self.fields: dict[str, str] = {}
        self.choices: dict[str, list[str]] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Takes what a person can use."""
        given = {name: value or "" for name, value in attrs}
        name, value = given.get("name", ""), given.get("value", "")
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "form":
            self.action = given.get("action", "")
        elif tag == "input" and given.get("type") == "hidden":
            self.fields[name] = value
        elif tag == "button" or (tag == "input" and given.get("type") == "radio"):
            self.choices.setdefault(name, []).append(value)


def follow_link(url: str, part: str) -> httpx.Response:
    """Open a page and the one of its links that has a part; where the page leads on by itself, be led.

    Raises:
        Refusal: The page has no such link.
    """
    with httpx.Client() as browser:
        opened = browser.get(url)
        if opened.is_redirect:
            return opened
        link = next((each for each in Page(opened.text).links if part in each), None)
        if link is None:
            raise Refusal(f"{_place(url)} shows no link with {part!r} (status {opened.status_code})")
        return browser.get(urljoin(url, link))


def fill_form(url: str, chosen: Iterable[tuple[str, str]]) -> httpx.Response:
    """Open a page and send its form with what is chosen of its radio buttons and buttons.

    Raises:
        Refusal: The page does not have that to choose.
    """
    with httpx.Client() as browser:
        opened = browser.get(url)
        page = Page(opened.text)
        wanted = dict(chosen)
        for name, value in wanted.items():
            if value not in page.choices.get(name, []):
                raise Refusal(f"{_place(url)} does not offer {name} {value!r} (status {opened.status_code})")
        return browser.post(urljoin(url, page.action), data={**page.fields, **wanted})


def secret_of(url: str, answer: httpx.Response, account: str = "") -> Secret:
    """What the vendor sent the person back with, once it is sure that it answers what was asked.

    Args:
        url: Where the person was sent for consent.
        answer: The vendor's last answer, which sends the person back.
        account: The name of the parameter that says which account it is, where only the redirect does.

    Raises:
        Refusal: There is no code in it, or it has another state.
    """
    asked = dict(parse_qsl(urlsplit(url).query))
    back = dict(parse_qsl(urlsplit(answer.headers.get("location", "")).query))
    if not back.get("code"):
        reason = back.get("error_description") or back.get("error") or f"status {answer.status_code}"
        raise Refusal(f"{_place(url)} gave no consent: {reason}")
    if back.get("state") != asked.get("state"):
        raise Refusal(f"{_place(url)} sent the person back with another state than it was given")
    return Secret(
        code=back["code"],
        redirect_uri=asked["redirect_uri"],
        state=back.get("state", ""),
        account_id=back.get(account, ""),
    )


def _place(url: str) -> str:
    """The page without its query, which nobody needs to read."""
    return url.partition("?")[0]
