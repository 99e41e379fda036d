"""Secrets that somebody could guess although they are long enough."""

import re
from itertools import pairwise
from typing import Final

MIN_DIFFERENT_CHARACTERS: Final = 8
MIN_UNGUESSED_CHARACTERS: Final = 16

# What placeholders are made of: "super-secret-key-change-me-in-production-please", and jwt.io's
# "a-string-secret-at-least-256-bits-long".
# The longer ones first, as some hold others.
PLACEHOLDER_WORDS: Final = re.compile(
    r"notifications|notification|application|development|placeholder|characters|passphrase|"
    r"production|qwertyuiop|asdfghjkl|something|changeit|changeme|insecure|password|"
    r"default|example|letmein|minimum|replace|secrets|signing|staging|testing|tidings|"
    r"zxcvbnm|access|change|django|please|random|secret|secure|string|tokens|unsafe|"
    r"admin|bytes|chars|flask|hs256|least|local|needs|super|token|value|bits|byte|"
    r"demo|dont|here|long|must|pass|prod|safe|sign|some|test|text|that|this|very|"
    r"with|your|256|512|app|bar|bit|dev|env|foo|jwt|key|not|the|top|use|xxx|you|"
    r"at|do|in|it|me|my|of|to"
)

# Examples in widely read documentation that look random: Flask's, FastAPI's, RFC 7515's (A.1).
PUBLISHED: Final = frozenset(
    {
        "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
        "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
        "aym1sysppbydfgzld3umj1qzkobwvmkoqq-estjqlr_t-1qs0gzh75aktmn3yj0ips4hcguutwjazzr1z9caow",
    }
)


def why_guessable(secret: str) -> str | None:
    """Why a secret can be guessed, to follow its name; None if nothing speaks for that.

    No proof that it is random: it finds what people put in and forget.
    """
    if secret.lower() in PUBLISHED or secret.lower().startswith("django-insecure-"):
        return "is one from public documentation"
    if len(set(secret)) < MIN_DIFFERENT_CHARACTERS:
        return "has too few different characters"
    if secret in (secret + secret)[1:-1]:
        return "repeats itself"
    steps = [abs(ord(b) - ord(a)) for a, b in pairwise(secret)]
    if sum(step <= 1 for step in steps) > len(secret) / 2:
        return "is a sequence"
    rest = re.sub(r"[^a-z0-9]", "", PLACEHOLDER_WORDS.sub(" ", secret.lower()))
    if min(len(rest), 2 * len(set(rest))) < MIN_UNGUESSED_CHARACTERS:
        return "is a placeholder"
    return None
