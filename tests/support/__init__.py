"""What tests share: real servers, processes, a stream reader of its own, a browser."""
