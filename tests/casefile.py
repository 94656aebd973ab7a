"""Case files: one scenario each, named by the sentence that it proves. Parsed strictly.

-- about --     why, if the name does not say it all (optional)
-- before --    declarations, Python; applied first to an empty warehouse (may be empty)
-- rows --      JSON, table id → list of rows that are there before the change (optional)
-- hand --      DDL that somebody runs by hand before the change (optional)
-- stream --    JSON as in `rows`, but streamed: they are still in the buffer (optional)
-- after --     declarations, Python
-- verdict --   empty, compatible, incompatible or impossible
-- changes --   a line each: address, kind, severity, means, rule
-- breaks --    a line each: address: who breaks (optional; what is not named breaks nobody)
-- steps --     a line each: object, kind of step (with force)
-- wrong --     a line each: object, line and column of its SQL that a warehouse refuses (optional)
-- query --     a SELECT that is run after the forced migration (with `result`)
-- result --    its rows, JSON
"""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import datoria_dagster
from datoria_dagster import Dataset, Platform
from datoria_dagster.model.platform import OBJECTS

REQUIRED = ("before", "after", "verdict", "changes", "steps")
OPTIONAL = ("about", "rows", "hand", "stream", "breaks", "wrong", "query", "result")
_HEADING = re.compile(r"^-- (\w+) --$", re.MULTILINE)
_PRELUDE = 'shop = Dataset(project="acme", name="shop", location="EU")\n'


@dataclass(frozen=True)
class Case:
    name: str
    before: Platform
    after: Platform
    verdict: str
    changes: list[list[str]]
    steps: list[list[str]]
    breaks: dict[str, list[str]] = field(default_factory=dict)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    hand: str = ""
    stream: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    query: str = ""
    result: list[list[Any]] = field(default_factory=list)


def read(path: Path) -> Case:
    sections = _sections(path)
    return Case(
        name=path.stem,
        before=declare(sections["before"]),
        after=declare(sections["after"]),
        verdict=sections["verdict"].strip(),
        changes=_words(sections["changes"]),
        steps=_words(sections["steps"]),
        breaks=_breaks(sections.get("breaks", "")),
        rows=json.loads(sections.get("rows", "{}")),
        hand=sections.get("hand", "").strip(),
        stream=json.loads(sections.get("stream", "{}")),
        wrong=sections.get("wrong", "").split(),
        query=sections.get("query", "").strip(),
        result=json.loads(sections.get("result", "[]")),
    )


def declare(text: str) -> Platform:
    namespace = {name: getattr(datoria_dagster, name) for name in datoria_dagster.__all__}
    namespace |= {"datetime": datetime, "timedelta": timedelta, "UTC": UTC}
    exec(_PRELUDE + text, namespace)
    found = [value for value in namespace.values() if isinstance(value, OBJECTS)]
    return Platform.of(*(item for item in found if not isinstance(item, Dataset)))


def _sections(path: Path) -> dict[str, str]:
    head, *rest = _HEADING.split(path.read_text())
    names, texts = rest[::2], rest[1::2]
    problems = [
        *(["text before the first section"] if head.strip() else []),
        *(f"section {name!r} twice" for name in names if names.count(name) > 1),
        *(f"unknown section {name!r}" for name in names if name not in REQUIRED + OPTIONAL),
        *(f"section {name!r} is missing" for name in REQUIRED if name not in names),
        *(
            ["`query` and `result` go together"]
            if ("query" in names) != ("result" in names)
            else []
        ),
        *(f"section {n!r} is empty" for n, t in zip(names, texts, strict=True) if _is_empty(n, t)),
    ]
    if problems:
        raise ValueError(f"{path.name}: {'; '.join(problems)}")
    return dict(zip(names, texts, strict=True))


def _is_empty(name: str, text: str) -> bool:
    return not text.strip() and name not in ("before", "after", "changes", "steps")


def _words(text: str) -> list[list[str]]:
    return [line.split() for line in text.strip().splitlines()]


def _breaks(text: str) -> dict[str, list[str]]:
    pairs = (line.split(": ") for line in text.strip().splitlines())
    return {address: readers.split() for address, readers in pairs}
