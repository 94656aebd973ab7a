"""A walk over the tokens of one statement, and the pieces that DDL statements share.

Imports sqlglot, for its tokenizer: import this module only where SQL is really executed.
"""

from collections.abc import Callable
from typing import ClassVar

from sqlglot.dialects import BigQuery
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType

from datoria_dagster.warehouse.local.resources import legacy_type
from datoria_dagster.warehouse.port import Body, NotSupportedLocally, Ref, Refused, ResourceKind

_OPEN = (TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE)
_CLOSE = (TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE)
_QUALIFIED = 3


_LITERAL = (
    TokenType.IDENTIFIER,
    TokenType.STRING,
    TokenType.RAW_STRING,
    TokenType.BYTE_STRING,
)


def _words(token: Token) -> list[Token]:
    # The tokenizer makes one token of PARTITION BY.
    pieces = token.text.split()
    if token.token_type in _LITERAL or len(pieces) < 2:  # noqa: PLR2004
        return [token]
    return [
        Token(token.token_type, piece, token.line, token.col, token.start, token.end)
        for piece in pieces
    ]


_STRINGS = (TokenType.STRING, TokenType.RAW_STRING)


class _Tokenizer(BigQuery.Tokenizer):
    # sqlglot makes one token of what follows BEGIN or CALL.
    COMMANDS: ClassVar[set[TokenType]] = set()


class Tokens:
    """The tokens that are left of a statement."""

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            found = _Tokenizer(dialect=BigQuery()).tokenize(text)
        except TokenError as error:
            raise Refused(f"Syntax error: {str(error).splitlines()[0]}.") from None
        self._tokens = [word for token in found for word in _words(token)]
        while self._tokens and self._tokens[-1].token_type == TokenType.SEMICOLON:
            self._tokens.pop()
        if not self._tokens:
            raise Refused("Syntax error: the statement is empty.")
        self._at = 0

    @property
    def done(self) -> bool:
        """Whether nothing is left."""
        return self._at >= len(self._tokens)

    def peek(self, *words: str) -> bool:
        """Whether these words (or signs) come next."""
        ahead = self._tokens[self._at : self._at + len(words)]
        return len(ahead) == len(words) and all(
            token.token_type not in _LITERAL and token.text.upper() == word
            for token, word in zip(ahead, words, strict=True)
        )

    def accept(self, *words: str) -> bool:
        """Consume these words if they come next."""
        found = self.peek(*words)
        if found:
            self._at += len(words)
        return found

    def expect(self, *words: str) -> None:
        """Consume these words, or refuse the statement."""
        if not self.accept(*words):
            raise self.error(f"expected {' '.join(words)}")

    def error(self, reason: str) -> Refused:
        """Return the error of what comes next."""
        if self.done:
            return Refused(f"Syntax error: {reason}, but the statement ends.")
        token = self._tokens[self._at]
        return Refused(
            f"Syntax error: {reason} at [{token.line}:{token.col}], found {token.text!r}."
        )

    def end(self) -> None:
        """Refuse what is left."""
        if not self.done:
            raise self.error("expected the end of the statement")

    def word(self) -> str:
        """Consume a name or word and return its text."""
        if self.done:
            raise self.error("expected a name")
        token = self._tokens[self._at]
        quoted = token.token_type == TokenType.IDENTIFIER
        if not quoted and not token.text.replace("_", "a").isalnum():
            raise self.error("expected a name")
        self._at += 1
        return token.text

    def path(self) -> str:
        """Consume a dotted name and return it."""
        parts = [self.word()]
        while self.accept("."):
            parts.append(self.word())
        return ".".join(parts)

    def ref(self, kind: ResourceKind) -> Ref:
        """Consume the qualified name of a table or routine."""
        name = self.path()
        if len(name.split(".")) < _QUALIFIED:
            raise Refused(f'"{name}" must be qualified with a project and a dataset.')
        return Ref(kind, name)

    def until(self, *words: str) -> str:
        """Consume and return the text up to one of the words or signs outside of brackets."""
        start = self._at
        depth = 0
        while not self.done:
            kind = self._tokens[self._at].token_type
            if depth == 0 and (kind in _CLOSE or any(self.peek(*w.split()) for w in words)):
                break
            depth += (kind in _OPEN) - (kind in _CLOSE)
            self._at += 1
        return self._slice(start, self._at)

    def rest(self) -> str:
        """Consume and return all that is left."""
        start, self._at = self._at, len(self._tokens)
        return self._slice(start, self._at)

    def inside(self) -> str:
        """Consume `( … )` and return the text between the parentheses as it was written."""
        opening = self._tokens[self._at] if not self.done else None
        self.expect("(")
        self.until()
        closing = self._tokens[self._at] if not self.done else None
        self.expect(")")
        assert opening is not None  # noqa: S101  # `expect` has refused the rest
        assert closing is not None  # noqa: S101
        return self.text[opening.end + 1 : closing.start]

    def _slice(self, start: int, end: int) -> str:
        if start >= end:
            raise self.error("expected an expression")
        return self.text[self._tokens[start].start : self._tokens[end - 1].end + 1]

    def options(self) -> dict[str, str]:
        """Consume `OPTIONS ( name = expression, … )` if it comes next: names to expressions."""
        found: dict[str, str] = {}
        if not self.accept("OPTIONS"):
            return found
        self.expect("(")
        while not self.accept(")"):
            name = self.word().lower()
            self.expect("=")
            found[name] = self.until(",")
            if not self.peek(")"):
                self.expect(",")
        return found

    def string(self) -> str:
        """Consume a string literal and return its value."""
        if self.done or self._tokens[self._at].token_type not in _STRINGS:
            raise self.error("expected a string literal")
        self._at += 1
        return self._tokens[self._at - 1].text

    def column(
        self, constraint: Callable[[str], None] | None = None
    ) -> tuple[Body, dict[str, str]]:
        """Consume `name type …`: the column in REST's form, and its options.

        `constraint` is called with the column's name where a key comes next, and consumes it.
        """
        name = self.word()
        field = {"name": name, **self.data_type()}
        options: dict[str, str] = {}
        while not self.done and not self.peek(",") and not self.peek(")") and not self.peek(">"):
            if self.accept("NOT", "NULL"):
                field["mode"] = "REQUIRED"
            elif self.accept("DEFAULT"):
                field["defaultValueExpression"] = self.until(",", "NOT NULL", "OPTIONS")
            elif self.peek("OPTIONS"):
                options = self.options()
            elif self.accept("COLLATE"):
                field["collation"] = self.string()
            elif constraint and (self.peek("PRIMARY", "KEY") or self.peek("REFERENCES")):
                constraint(name)
            else:
                raise self._unsupported("this column clause")
        return field, options

    def data_type(self) -> Body:
        """Consume a type: what REST says of a column with it."""
        name = self.word().upper()
        if name == "ARRAY":
            item = self._bracketed()
            if item.get("mode") == "REPEATED":
                raise Refused("Cannot construct array with element type ARRAY.")
            return {**item, "mode": "REPEATED"}
        if name in ("STRUCT", "RECORD"):
            return {"type": "RECORD", "fields": self._struct_fields()}
        if name == "RANGE":
            return {"type": "RANGE", "rangeElementType": {"type": self._bracketed()["type"]}}
        return {"type": legacy_type(name), **self._parameters(legacy_type(name))}

    def _bracketed(self) -> Body:
        self.expect("<")
        inner = self.data_type()
        if self.accept("COLLATE"):
            inner["collation"] = self.string()
        # ARRAY<STRING NOT NULL> says what is true of every array.
        self.accept("NOT", "NULL")
        self.expect(">")
        return inner

    def _struct_fields(self) -> list[Body]:
        from datoria_dagster.warehouse.local.syntax.options import described  # noqa: PLC0415  # a circle

        self.expect("<")
        fields: list[Body] = []
        while not self.accept(">"):
            field, options = self.column()
            fields.append(described(field, options))
            if not self.peek(">"):
                self.expect(",")
        return fields

    def _parameters(self, kind: str) -> Body:
        if not self.accept("("):
            return {}
        numbers = [self.until(",")]
        while self.accept(","):
            numbers.append(self.until(","))
        self.expect(")")
        if numbers[0].upper() == "MAX":
            return {}
        if kind in ("STRING", "BYTES"):
            return {"maxLength": numbers[0]}
        return dict(zip(("precision", "scale"), numbers, strict=False))

    def _unsupported(self, what: str) -> NotSupportedLocally:
        found = self._tokens[self._at].text
        return NotSupportedLocally(f"The embedded warehouse doesn't know {what}: {found}.")


def standard_type(field: Body) -> Body:
    """Return a column's type as a routine's StandardSqlDataType."""
    standard = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}
    kind: Body = {"typeKind": standard.get(field["type"], field["type"])}
    if field["type"] == "RECORD":
        fields = [{"name": f["name"], "type": standard_type(f)} for f in field["fields"]]
        kind["structType"] = {"fields": fields}
    if field["type"] == "RANGE":
        kind["rangeElementType"] = {"typeKind": field["rangeElementType"]["type"]}
    if field.get("mode") == "REPEATED":
        return {"typeKind": "ARRAY", "arrayElementType": kind}
    return kind
