"""The description of the API, made from what the views say of themselves, and a page to try it."""
