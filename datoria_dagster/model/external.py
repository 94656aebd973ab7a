"""External tables: columns over files that BigQuery reads where they are.

Source: https://docs.cloud.google.com/bigquery/docs/external-tables
"""

from typing import ClassVar, Literal, Self

from pydantic import field_validator, model_validator

from datoria_dagster.model.ident import check_connection
from datoria_dagster.model.tables import Labelled
from datoria_dagster.model.types import walk

Format = Literal["AVRO", "CSV", "GOOGLE_SHEETS", "NEWLINE_DELIMITED_JSON", "ORC", "PARQUET"]


class ExternalTable(Labelled):
    """A table whose rows are in files. `uris` are `gs://…`, with at most one `*` each.

    The options are BigQuery's; one that is None is the server's to choose. `connection` is
    `project.location.name`.
    """

    kind: ClassVar[str] = "external_table"

    format: Format
    uris: tuple[str, ...]
    compression: Literal["GZIP"] | None = None
    connection: str | None = None
    max_bad_records: int | None = None
    ignore_unknown_values: bool | None = None
    skip_leading_rows: int | None = None
    field_delimiter: str | None = None
    hive_partition_uri_prefix: str | None = None

    @field_validator("connection")
    @classmethod
    def _check_connection(cls, name: str | None) -> str | None:
        return None if name is None else check_connection(name)

    @model_validator(mode="after")
    def _validate_external(self) -> Self:
        if not self.uris:
            raise ValueError("an external table needs at least one URI, uris=('gs://…',).")
        csv_only = self.skip_leading_rows is not None or self.field_delimiter is not None
        if csv_only and self.format != "CSV":
            raise ValueError(
                f"skip_leading_rows and field_delimiter are for CSV, not {self.format}."
            )
        for path, field in walk(self.fields):
            if field.default is not None or field.policy_tag or field.renamed_from:
                raise ValueError(
                    f"column {path!r} of an external table has a name, a type, a mode and a "
                    "description, nothing else."
                )
        return self
