"""Schema history of the store, applied by alembic."""
