"""Public keys that signatures are checked with: read from PEM or JWK, and fit for one algorithm."""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt import PyJWK, PyJWTError

PublicKey: TypeAlias = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

# Each algorithm, and the JWK members that a key for it must have (RFC 7518, section 6; RFC 8037).
ASYMMETRIC: Final[Mapping[str, Mapping[str, str]]] = {
    "RS256": {"kty": "RSA"},
    "ES256": {"kty": "EC", "crv": "P-256"},
    "EdDSA": {"kty": "OKP", "crv": "Ed25519"},
}

# RFC 7518, section 3.3.
MIN_RSA_BITS = 2048


def of_pem(text: str, algorithm: str) -> PublicKey:
    """The key in a PEM text, whose line breaks may be written as `\\n`.

    Raises ValueError that says what is wrong and what to do, without a word of the text.
    """
    pem = text.replace("\\n", "\n").strip()
    if "PRIVATE KEY" in pem:
        raise ValueError(
            "is a private key, which only the issuer may have: take its public half "
            "(openssl pkey -pubout), and a new pair if this one has been around"
        )
    if "CERTIFICATE" in pem:
        raise ValueError("is a certificate: take its key (openssl x509 -pubkey -noout)")
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError(
            "can't be read as PEM: from -----BEGIN PUBLIC KEY----- to its END line, "
            r"with line breaks or \n for them"
        ) from None
    return _fit(key, algorithm)


def of_jwk(jwk: Any, algorithm: str) -> PublicKey:
    """The key in a member of a JWK set (RFC 7517, section 4). Raises ValueError that says why not.

    What the key says about itself binds: its type, its use, its algorithm.
    """
    if not isinstance(jwk, dict):
        raise ValueError("it is no JSON object")
    for member, wanted in ASYMMETRIC[algorithm].items():
        if jwk.get(member) != wanted:
            raise ValueError(f"its {member} is not {wanted}")
    if "d" in jwk:
        raise ValueError("it is a private key, and public by now")
    if jwk.get("use", "sig") != "sig":
        raise ValueError("its use is not sig")
    if jwk.get("alg", algorithm) != algorithm:
        raise ValueError(f"its alg is not {algorithm}")
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise ValueError("its key_ops do not include verify")
    try:
        key = PyJWK(jwk, algorithm).key
    except (PyJWTError, ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("it can't be read") from None
    return _fit(key, algorithm)


def is_fit(jwk: Any, algorithm: str) -> bool:
    """Whether it is a key that of_jwk() takes."""
    try:
        of_jwk(jwk, algorithm)
    except ValueError:
        return False
    return True


def _fit(key: object, algorithm: str) -> PublicKey:
    fitting = _algorithm_of(key)
    if fitting != algorithm:
        raise ValueError(f"is a key for {fitting or 'another algorithm'}, not for {algorithm}")
    if isinstance(key, RSAPublicKey) and key.key_size < MIN_RSA_BITS:
        raise ValueError(f"has {key.key_size} bits; RSA needs at least {MIN_RSA_BITS}")
    assert isinstance(key, PublicKey)  # noqa: S101 (for the type checker: it has an algorithm)
    return key


def _algorithm_of(key: object) -> str | None:
    match key:
        case RSAPublicKey():
            return "RS256"
        case EllipticCurvePublicKey(curve=SECP256R1()):
            return "ES256"
        case Ed25519PublicKey():
            return "EdDSA"
    return None
