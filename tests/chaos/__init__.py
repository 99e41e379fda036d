"""The chaos kit: Tidings under load while everything it stands on is broken, and the count after.

`python -m tests.chaos --help` tells how to run it; `make chaos` runs all of it.
"""
