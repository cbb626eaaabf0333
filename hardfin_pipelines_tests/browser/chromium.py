"""A real Chromium: the one on PATH, else installed where that can be done, else a reason why there is none."""

import os
import shutil
import subprocess

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

_INSTALL_SECONDS = 240


class NoChromium(Exception):
    """There is no Chromium and none can be had; the message says why."""


def find_chromium() -> str:
    """The path of a Chromium.

    Raises:
        NoChromium: There is none, and it cannot be installed.
    """
    found = _on_path()
    if found is None:
        _install()
        found = _on_path()
    if found is None:
        raise NoChromium("apt-get installed chromium, but it is not on PATH")
    return found


def _on_path() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def _install() -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise NoChromium("no Chromium on PATH (it is installed only where tests run as root and apt-get exists)")
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "chromium"]):
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=_INSTALL_SECONDS)
        except (subprocess.SubprocessError, OSError) as error:
            raise NoChromium(f"no Chromium on PATH, and {' '.join(command)} failed: {error}") from None
