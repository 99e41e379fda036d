"""Benchmarks of the running service: `python -m bench`.

Everything is the real thing: gunicorn with a gevent worker, Redis, the consumer's process, both
databases. Only the naive yardstick (`bench.naive`) and the load client are made for it.
"""
