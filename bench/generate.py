"""Platforms of any size: half tables of 12 columns, half views over them."""

from pathlib import Path

TYPES = ("INT64", "STRING", "FLOAT64", "DATE", "TIMESTAMP", "BOOL")
COLUMNS = tuple((f"c{number}", TYPES[number % len(TYPES)]) for number in range(12))
DATASET = 'd = Dataset(project="bench", name="generated")\n'
SETTINGS = '[tool.datoria]\nplatform = "generated:platform"\nwarehouse = "local"\n'


def write_project(folder: Path, relations: int) -> None:
    """Write a project whose platform has so many relations, each declaration in full."""
    (folder / "pyproject.toml").write_text(SETTINGS)
    (folder / "generated.py").write_text(module(relations))


def module(relations: int) -> str:
    """Return the source of a module with `platform`."""
    pairs = range(relations // 2)
    declared = [text for number in pairs for text in (_table(number), _view(number))]
    names = ", ".join(f"t{number}, v{number}" for number in pairs)
    return "\n".join(
        (
            "from datoria_dagster import *",
            DATASET,
            *declared,
            f"platform = Platform.of({names})\n",
        )
    )


def _table(number: int) -> str:
    return (
        f't{number} = Table(dataset=d, name="t{number}", description="Table {number}.",\n'
        f"    schema=({_schema('description=')}))\n"
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
