"""The only SQL: one module a noun, the unit of work, the embedded PostgreSQL."""
