"""Serves a vendor's sandbox from the command line."""

from hardfin_pipelines.sandbox.hubspot import HubSpotSandbox
from hardfin_pipelines.sandbox.server import serve


def serve_hubspot(sandbox: HubSpotSandbox, host: str = "127.0.0.1", port: int = 8470) -> None:
    """Serves a HubSpot sandbox until the process is told to stop (Ctrl-C, SIGTERM)."""
    serve(sandbox.app, host, port)
