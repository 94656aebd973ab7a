"""Platforms of any size: half tables of 12 columns, half views over them.

With structs, every twentieth table has a column more, which is one.
"""

from pathlib import Path

TYPES = ("INT64", "STRING", "FLOAT64", "DATE", "TIMESTAMP", "BOOL")
COLUMNS = tuple((f"c{number}", TYPES[number % len(TYPES)]) for number in range(12))
DATASET = 'd = Dataset(project="bench", name="generated")\n'
SETTINGS = '[tool.datoria]\nplatform = "generated:platform"\nwarehouse = "local"\n'
STRUCT = ', Field("s", STRUCT(Field("a", INT64, required=True), Field("b", STRING)))'
EVERY = 20


def write_project(folder: Path, relations: int, *, structs: bool = False) -> None:
    """Write a project whose platform has so many relations, each declaration in full."""
    (folder / "pyproject.toml").write_text(SETTINGS)
    (folder / "generated.py").write_text(module(relations, structs=structs))


def module(relations: int, *, structs: bool = False) -> str:
    """Return the source of a module with `platform`."""
    pairs = range(relations // 2)
    more = [STRUCT if structs and number % EVERY == 0 else "" for number in pairs]
    declared = [text for n in pairs for text in (_table(n, more[n]), _view(n))]
    names = ", ".join(f"t{number}, v{number}" for number in pairs)
    return "\n".join(
        (
            "from datoria_dagster import *",
            DATASET,
            *declared,
            f"platform = Platform.of({names})\n",
        )
    )


def _table(number: int, more: str) -> str:
    return (
        f't{number} = Table(dataset=d, name="t{number}", description="Table {number}.",\n'
        f"    schema=({_schema('description=')}{more}))\n"
    )


def _view(number: int) -> str:
    columns = ", ".join(name for name, _ in COLUMNS)
    return (
        f'v{number} = View(dataset=d, name="v{number}", description="View {number}.",\n'
        f"    schema=({_schema('description=')}),\n"
        f'    query=sql("SELECT {columns} FROM {{t}} WHERE c0 > {number}", t=t{number}))\n'
    )


def _schema(keyword: str) -> str:
    return ", ".join(
        f'Field("{name}", {type}, {keyword}"Column {name}.")' for name, type in COLUMNS
    )
