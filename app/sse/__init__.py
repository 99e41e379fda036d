"""The stream room: open streams, and the pushes that reach them."""
