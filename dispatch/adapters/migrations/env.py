"""Alembic's entry: runs the migrations on the connection that `database` opened."""

from alembic import context

from dispatch.adapters.import_tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
context.run_migrations()
