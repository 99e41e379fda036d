"""Log lines on standard error, for people or, as one JSON object each, for machines."""

import json
import logging
from datetime import UTC, datetime
from logging.config import dictConfig

from app import audit


class JsonFormatter(logging.Formatter):
    """One object a line: time (RFC 3339), level, logger, message; perhaps `audit`, `traceback`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if said := getattr(record, "audit", None):
            line["audit"] = said
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configure(log_format: str) -> None:
    """Send what Tidings logs to standard error in `log_format`: `text` or `json`."""
    text = {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s", "datefmt": "%H:%M:%S"}
    dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"text": text, "json": {"()": JsonFormatter}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": log_format}},
            "loggers": {
                name: {"level": "INFO", "handlers": ["stderr"], "propagate": True}
                for name in ("app", audit.LOGGER)
            },
        }
    )
