"""The database: connection, embedded server, backup, job queues, large inserts, and which rows a user means."""
