"""A certificate authority of our own, for clients that speak https only."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import trustme

from hardfin_pipelines.sandbox.salesforce.hosts import LOGIN_HOSTS

_SALESFORCE_HOSTS = (*LOGIN_HOSTS, "*.my.salesforce.com", "*.sandbox.my.salesforce.com")


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files of one authority.

    Attributes:
        authority: PEM that clients trust: `REQUESTS_CA_BUNDLE`, `SSL_CERT_FILE`, or `verify=`.
        server: PEM with key and chain, for the server.
    """

    authority: Path
    server: Path


def make_certificates(folder: Path, hosts: Sequence[str] = _SALESFORCE_HOSTS) -> Certificates:
    """Makes an authority and a certificate for this machine's names and a vendor's hosts, good for one day or so.

    The authority's own key is kept nowhere, so nothing else can be signed with it.
    """
    authority = trustme.CA(organization_name="Hardfin sandbox")
    issued = authority.issue_cert("localhost", "127.0.0.1", *hosts)
    made = Certificates(folder / "sandbox-authority.pem", folder / "sandbox-server.pem")
    authority.cert_pem.write_to_path(str(made.authority))
    made.server.touch(mode=0o600)
    issued.private_key_and_cert_chain_pem.write_to_path(str(made.server))
    return made
