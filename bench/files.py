"""How many files a process may open."""

import resource


def raise_file_limit() -> None:
    """Every stream is an open file: take what this system allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
