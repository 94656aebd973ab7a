"""Types between the model and sqlglot. Imports sqlglot: import this when needed."""

from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.dialects.bigquery import BigQuery

from datoria_dagster.model.types import ARRAY, RANGE, STRUCT, Field, Type, TypeName

_DTYPES: dict[TypeName, exp.DType] = {
    "INT64": exp.DType.BIGINT,
    "FLOAT64": exp.DType.DOUBLE,
    "NUMERIC": exp.DType.DECIMAL,
    "BIGNUMERIC": exp.DType.BIGDECIMAL,
    "BOOL": exp.DType.BOOLEAN,
    "STRING": exp.DType.TEXT,
    "BYTES": exp.DType.BINARY,
    "DATE": exp.DType.DATE,
    "DATETIME": exp.DType.TIMESTAMP,
    "TIME": exp.DType.TIME,
    "TIMESTAMP": exp.DType.TIMESTAMPTZ,
    "GEOGRAPHY": exp.DType.GEOGRAPHY,
    "JSON": exp.DType.JSON,
    "INTERVAL": exp.DType.INTERVAL,
}
_NAMES: dict[exp.DType, TypeName] = {
    **{dtype: name for name, dtype in _DTYPES.items()},
    exp.DType.INT: "INT64",
    exp.DType.SMALLINT: "INT64",
    exp.DType.TINYINT: "INT64",
    exp.DType.VARCHAR: "STRING",
    exp.DType.VARBINARY: "BYTES",
    exp.DType.DATETIME: "DATETIME",
}

_TIMES = (
    exp.DType.DATE,
    exp.DType.DATETIME,
    exp.DType.TIMESTAMP,
    exp.DType.TIMESTAMPTZ,
    exp.DType.TIME,
    exp.DType.INTERVAL,
)


def from_type(type: Type) -> exp.DataType:
    """Return sqlglot's type. Lengths and precisions are left out: a query does not keep them."""
    match type.name:
        case "STRUCT":
            fields = [
                exp.ColumnDef(this=exp.to_identifier(f.name.lower()), kind=struct_of(f))
                for f in type.fields
            ]
            return exp.DataType(this=exp.DType.STRUCT, expressions=fields, nested=True)
        case "ARRAY" | "RANGE":
            element = from_type(type.element) if type.element else exp.DType.UNKNOWN.into_expr()
            dtype = exp.DType.ARRAY if type.name == "ARRAY" else exp.DType.RANGE
            return exp.DataType(this=dtype, expressions=[element], nested=True)
        case name:
            return exp.DataType(this=_DTYPES[name])


def struct_of(field: Field) -> exp.DataType:
    """Return sqlglot's type of a column: an array when it is repeated."""
    return from_type(field.value_type)


def to_type(found: exp.DataType | None) -> Type | None:
    """Return the model's type without parameters, or None where sqlglot is unsure."""
    if found is None or not isinstance(found.this, exp.DType):
        return None
    match found.this:
        case exp.DType.STRUCT:
            return _to_struct(found)
        case exp.DType.ARRAY | exp.DType.RANGE:
            element = to_type(found.expressions[0]) if found.expressions else None
            if element is None:
                return None
            return ARRAY(element) if found.this == exp.DType.ARRAY else RANGE(element)
        case dtype:
            name = _NAMES.get(dtype)
            return Type(name=name) if name else None


def _to_struct(found: exp.DataType) -> Type | None:
    fields: list[Field] = []
    for part in found.expressions:
        type = to_type(part.args.get("kind")) if isinstance(part, exp.ColumnDef) else None
        if type is None or not part.name:
            return None
        element = type.element if type.name == "ARRAY" else None
        fields.append(Field(part.name, element or type, repeated=element is not None))
    return STRUCT(*fields) if fields else None


def _temporal(annotator: Any, expression: Any) -> None:
    """Leave DATE + INTERVAL (a DATETIME) and differences of times (an INTERVAL) open."""
    types = [operand.type for operand in (expression.this, expression.expression)]
    times = [found for found in types if found is not None and found.is_type(*_TIMES)]
    if any(found.is_type(exp.DType.INTERVAL) for found in times) or len(times) > 1:
        expression.type = exp.DType.UNKNOWN
    else:
        _decimal(annotator, expression)


def _decimal(annotator: Any, expression: Any) -> None:
    """Leave NUMERIC with a literal like 1.5 open: the literal may become a NUMERIC, or not."""
    operands = (expression.this, expression.expression)
    numeric = any(one.is_type(exp.DType.DECIMAL, exp.DType.BIGDECIMAL) for one in operands)
    if numeric and any(isinstance(one, exp.Literal) and not one.is_int for one in operands):
        expression.type = exp.DType.UNKNOWN
    else:
        _annotate(annotator, expression)


def _annotate(annotator: Any, expression: Any) -> None:
    metadata: Any = BigQuery.EXPRESSION_METADATA[type(expression)]
    if "annotator" in metadata:
        metadata["annotator"](annotator, expression)
    else:
        expression.type = metadata["returns"]


def _only(*dtypes: exp.DType) -> Any:
    """Leave the type open unless both operands are of these types."""

    def annotate(annotator: Any, expression: Any) -> None:
        operands = (expression.this, expression.expression)
        if all(operand.is_type(*dtypes) for operand in operands):
            _annotate(annotator, expression)
        else:
            expression.type = exp.DType.UNKNOWN

    return annotate


class GoogleSql(BigQuery):
    """sqlglot's BigQuery, except that types it gets wrong are left open."""

    EXPRESSION_METADATA: ClassVar = {
        **BigQuery.EXPRESSION_METADATA,
        exp.Add: {"annotator": _temporal},
        exp.Sub: {"annotator": _temporal},
        exp.Mul: {"annotator": _decimal},
        exp.Div: {"annotator": _decimal},
        exp.DPipe: {"annotator": _only(exp.DType.TEXT, exp.DType.VARCHAR)},
        exp.Pow: {"annotator": _only(exp.DType.BIGINT, exp.DType.INT, exp.DType.DOUBLE)},
    }
