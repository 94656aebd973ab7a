"""sqlglot's parser of GoogleSQL, with what it lacks. Imports sqlglot: import this when needed."""

from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.dialects.bigquery import BigQuery
from sqlglot.parsers.bigquery import BigQueryParser
from sqlglot.tokenizer_core import TokenType


class Parser(BigQueryParser):
    """Reads `FROM t, t.items WITH OFFSET` and `f(TABLE t)` as well."""

    def _parse_table(self, *args: Any, **options: Any) -> Any:
        table = super()._parse_table(*args, **options)
        if not isinstance(table, exp.Table) or not self._match_pair(
            TokenType.WITH, TokenType.OFFSET
        ):
            return table
        self._match(TokenType.ALIAS)
        offset = self._parse_id_var(any_token=False, tokens=self.UNNEST_OFFSET_ALIAS_TOKENS)
        alias = exp.TableAlias(columns=[exp.to_identifier(table.alias_or_name)])
        column = table.to_column(copy=False).unalias()
        return exp.Unnest(
            expressions=[column], alias=alias, offset=offset or exp.to_identifier("offset")
        )

    def _parse_lambda(self, *args: Any, **options: Any) -> Any:
        if self._match(TokenType.TABLE):
            return super()._parse_table()
        return super()._parse_lambda(*args, **options)

    def _implicit_unnests_to_explicit(self, this: Any) -> Any:
        # sqlglot copies every table to find arrays; most queries have none.
        items = [this.args["from_"].this, *(join.this for join in this.args.get("joins") or ())]
        aliases = {item.alias_or_name.lower() for item in items}
        if any(_is_array(item, aliases) for item in items):
            return super()._implicit_unnests_to_explicit(this)
        return this


class Parsed(BigQuery):
    """GoogleSQL as it is parsed here."""

    Parser: ClassVar = Parser


def _is_array(item: exp.Expr, aliases: set[str]) -> bool:
    if not isinstance(item, exp.Table) or not item.args.get("db"):
        return False
    return item.parts[0].name.lower() in aliases
