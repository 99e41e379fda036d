"""flask-sse as its documentation shows it: its blueprint, under gunicorn's gevent worker.

A user's stream is its channel, which the page names: `/stream?channel=…`. Nobody is asked who they
are, and nothing is replayed.
"""

import os

from flask import Flask
from flask_sse import sse

app = Flask(__name__)
app.config["REDIS_URL"] = os.environ["REDIS_URL"]
app.register_blueprint(sse, url_prefix="/stream")
app.add_url_rule("/healthz", view_func=lambda: "ok")
