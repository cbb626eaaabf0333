"""Where Alembic starts: it runs the revisions on the connection that `platform.migrate` hands over."""

from alembic import context

from hardfin_pipelines.platform.all_tables import metadata

connection = context.config.attributes["connection"]
# The caller's transaction holds all revisions, on SQLite too, which Alembic would not assume by itself.
context.configure(
    connection=connection,
    target_metadata=metadata,
    compare_type=True,
    render_as_batch=connection.dialect.name == "sqlite",
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
