"""The integrations that can be connected: how a connector is made, an account signed in to, its tokens kept."""

from hardfin_pipelines.engine.vendors.contract import Secret, SignIn
from hardfin_pipelines.engine.vendors.registry import VendorRegistry

__all__ = ["Secret", "SignIn", "VendorRegistry"]
