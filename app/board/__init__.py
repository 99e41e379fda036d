"""A small story board: an example of a product that produces events. Development only."""
