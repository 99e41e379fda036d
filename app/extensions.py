"""Flask's extensions, unbound, and what one application shares: settings and Redis."""

from dataclasses import dataclass

import redis
from flask import current_app
from flask_jwt_extended import JWTManager
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase

from app.config import Settings


class Base(DeclarativeBase):
    """The declarative base of every model."""


db = SQLAlchemy(model_class=Base)
jwt = JWTManager()


@dataclass(frozen=True)
class Tidings:
    """What the rooms of one application share."""

    settings: Settings
    redis: redis.Redis


def tidings() -> Tidings:
    """The current application's shared parts."""
    shared: Tidings = current_app.extensions["tidings"]
    return shared


def settings() -> Settings:
    """The current application's settings."""
    return tidings().settings
