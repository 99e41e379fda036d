"""Whose address a request comes from, and whether it came over TLS, behind proxies too."""

from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Final

from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

from app.config import Settings

# What one customer of a provider gets at least; a limit for each address of it would be none.
IPV6_PREFIX_BITS: Final = 64


def init_app(app: Flask, settings: Settings) -> None:
    """Take the client's address from what TRUSTED_PROXIES proxies in front have added.

    With none, whatever a request says of itself in X-Forwarded-* means nothing.
    """
    hops = settings.trusted_proxies
    if hops:
        # Proxies add to X-Forwarded-For, each the address that it saw. They set
        # X-Forwarded-Proto anew or leave it alone, so it has one value however many there are.
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=hops, x_proto=1, x_host=0, x_port=0, x_prefix=0
        )


def client_address() -> str:
    """What the limits of a caller without a name count for: its IPv4 address, or IPv6 network."""
    said = _without_port(request.remote_addr or "")
    try:
        address = ip_address(said)
    except ValueError:
        return said or "unknown"  # a Unix socket's peer has none
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), IPV6_PREFIX_BITS), strict=False))


def _without_port(address: str) -> str:
    # Some proxies add it, and each connection has another one.
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address
