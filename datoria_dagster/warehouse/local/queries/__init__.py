"""RUN GoogleSQL on DuckDB: names resolved, calls inlined, differences translated."""
