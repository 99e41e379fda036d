"""An issuer of tokens: keys of every kind, what it signs, and a web server for its key set."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from jwt.algorithms import get_default_algorithms

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

# Made once: an RSA key takes long.
RSA_KEYS = [rsa.generate_private_key(65537, 2048) for _ in range(2)]


def new_key(algorithm: str, number: int = 0) -> PrivateKey:
    """A key for that algorithm."""
    match algorithm:
        case "RS256":
            return RSA_KEYS[number]
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
    return ed25519.Ed25519PrivateKey.generate()


def public_pem(key: PrivateKey) -> str:
    """The public half, as JWT_PUBLIC_KEY takes it."""
    half = key.public_key()
    return half.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def private_pem(key: PrivateKey) -> str:
    """The private half, as only the issuer has it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def jwk(key: PrivateKey, kid: str | None, algorithm: str, **changes: Any) -> dict[str, Any]:
    """The public half, as a key set shows it; `...` leaves a member out."""
    shown = get_default_algorithms()[algorithm].to_jwk(key.public_key(), as_dict=True)
    members = {**shown, "kid": kid, "use": "sig", "alg": algorithm} | changes
    members.pop("key_ops", None) if "key_ops" not in changes else None
    return {name: v for name, v in members.items() if v is not ... and (v or name != "kid")}


def signed(key: Any, algorithm: str, header: dict[str, Any] | None = None, **changes: Any) -> str:
    """A token: good, but for what is changed; `...` leaves a claim out."""
    good = {"sub": "grace", "exp": int(time.time()) + 3600}
    claims = {name: value for name, value in (good | changes).items() if value is not ...}
    payload = json.dumps(claims).encode()
    return jwt.api_jws.encode(payload, key, algorithm, headers=header)


# Of an issuer that rotates: the first stays, the second comes.
OLD, NEW = RSA_KEYS


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class KeyServer:
    """Serves a key set; every part of its answer can be changed while it runs."""

    def __init__(self) -> None:
        self.keys: list[Any] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body: bytes | None = None
        self.asked: list[str] = []
        self.hold = threading.Event()
        self.hold.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())

    @property
    def url(self) -> str:
        """Where the set is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/keys"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        told = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                told.asked.append(self.path)
                told.hold.wait(30)
                body = told.body
                if body is None:
                    body = json.dumps({"keys": told.keys}).encode()
                self.send_response(told.status)
                for name, value in told.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with suppress(OSError):  # nobody has to hear us out
                    self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                """Not a word."""

        return Handler

    @contextmanager
    def running(self) -> Iterator["KeyServer"]:
        """Serve until the end."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.hold.set()
            self._server.shutdown()
            self._server.server_close()
