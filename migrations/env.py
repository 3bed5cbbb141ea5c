"""Alembic's entry: runs the migrations on the connection that ``app.storage.engine.migrating`` hands over."""

from alembic import context

from app.storage.tables import METADATA

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=METADATA,
    include_schemas=True,
    version_table="schema_version",
    version_table_schema="public",
    # A way down that one step refuses leaves everything as it was.
    transaction_per_migration=not context.config.attributes["goes_down"],
)
with context.begin_transaction():
    context.run_migrations()
