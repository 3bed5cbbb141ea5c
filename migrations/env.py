"""Alembic's entry: runs the migrations on the connection that ``app.storage.engine.migrating`` hands over."""

from alembic import context

from app.storage.engine.rows import Row

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    # For the names that constraints get. The tables themselves are for a test to compare: each short command would
    # wait half a second for them.
    target_metadata=Row.metadata,
    include_schemas=True,
    version_table="schema_version",
    version_table_schema="public",
    # A way down that one step refuses leaves everything as it was.
    transaction_per_migration=not context.config.attributes["goes_down"],
)
with context.begin_transaction():
    context.run_migrations()
