"""The notifications room: mailboxes and notifications in the database, and the REST API."""
