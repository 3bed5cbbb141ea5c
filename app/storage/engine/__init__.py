"""The database itself: pool, unit of work, migrations, backup and the embedded PostgreSQL."""
