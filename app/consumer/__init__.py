"""From the Redis Stream to notifications: decode an event, run its handler, deliver."""
