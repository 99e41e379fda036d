"""Running Tidings: the embedded Redis server, the processes of `make run`, health."""
