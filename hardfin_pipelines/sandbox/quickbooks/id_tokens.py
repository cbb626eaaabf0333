"""ID tokens for apps that ask for the `openid` scope (Intuit docs: OpenID Connect)."""

from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

_KEY_ID = "sandbox-key-1"
_LIFE = timedelta(hours=1)


class IdTokenSigner:
    """Signs ID tokens with a key of its own, made when it is first needed."""

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def signed(self, *, issuer: str, client_id: str, realm_id: str, user: str, now: datetime) -> str:
        """A token; `aud` is a list, and `realmid` the company."""
        claims = {
            "sub": user,
            "aud": [client_id],
            "realmid": realm_id,
            "iss": issuer,
            "iat": now,
            "auth_time": int(now.timestamp()),
            "exp": now + _LIFE,
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": _KEY_ID})

    def key_set(self) -> dict[str, Any]:
        """The public key as JSON Web Key Set."""
        key = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [{**key, "kid": _KEY_ID, "use": "sig", "alg": "RS256"}]}
