"""DECLARE: what a platform is made of. Pydantic only; nothing here talks to a database."""
