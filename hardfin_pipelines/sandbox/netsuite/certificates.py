"""Certificates of the machine-to-machine flow: what NetSuite takes, and until when (Oracle docs: OAuth 2.0 setup)."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from hardfin_pipelines.sandbox.netsuite.roles import User

_RSA_BITS = (3_072, 4_096)
_CURVES = ("secp256r1", "secp384r1", "secp521r1")
_LONGEST = timedelta(days=730)
ALGORITHMS = ("PS256", "PS384", "PS512", "ES256", "ES384", "ES512")


@dataclass(slots=True, repr=False)
class CertificateMapping:
    """One entry of the client credentials setup: an application, a user with a role, and a certificate.

    Attributes:
        kid: the certificate's id, which the JWT's header names.
        valid_until: its end, two years after its beginning at most.
    """

    kid: str
    client_id: str
    user: User
    public_key: Any
    valid_until: datetime
    revoked: bool = False


def map_certificate(pem: str, client_id: str, user: User) -> CertificateMapping:
    """The mapping of a certificate in PEM.

    Raises:
        ValueError: it is no X.509 certificate, or its key is of a kind that NetSuite does not take.
    """
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except ValueError as error:
        raise ValueError("certificate: this is no X.509 certificate in PEM; send the public .pem file") from error
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size not in _RSA_BITS:
            raise ValueError(f"certificate: the RSA key has {key.key_size} bits; NetSuite takes 3072 or 4096")
    elif not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in _CURVES:
        raise ValueError("certificate: NetSuite takes RSA keys and EC keys on P-256, P-384 or P-521")
    ends = min(certificate.not_valid_after_utc, certificate.not_valid_before_utc + _LONGEST)
    return CertificateMapping(secrets.token_urlsafe(32), client_id, user, key, ends)
