"""The bulk reading of datasets: lists of what they hold, and queries of their metadata.

A few requests tell what would take one each. What the queries may not be asked or don't know is
not told. They may lag behind: "changes might not be immediately reflected". Source:
https://docs.cloud.google.com/bigquery/docs/managing-table-schemas
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from datoria_dagster.warehouse.bigquery import metadata, requests
from datoria_dagster.warehouse.bigquery.client import THREADS, Client, Failed
from datoria_dagster.warehouse.bigquery.jobs import Answer, Job, Jobs
from datoria_dagster.warehouse.bigquery.outline import LISTED, Untold, outline
from datoria_dagster.warehouse.bigquery.places import Places
from datoria_dagster.warehouse.port import Body, NotFound, Ref, Resource, Survey

# So many tables of a location are read by a request each as quickly as by queries.
FEW = 200
# Rows of a page. One row tells all columns of a table.
PAGE = 1_000

_Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class _Asked:
    """The queries about the datasets of one project and location, on their way."""

    project: str
    columns: Future[Answer]
    options: Future[_Rows]
    views: Future[_Rows]
    keys: tuple[Future[_Rows], ...]


class Surveyor:
    """Surveys datasets. The jobs run in `project`; without one, in that of the datasets."""

    def __init__(self, client: Client, jobs: Jobs, places: Places, project: str | None) -> None:
        self._client = client
        self._jobs = jobs
        self._places = places
        self._project = project

    def members(self, datasets: Iterable[str]) -> tuple[Ref, ...]:
        """Return what is in the datasets. Raises Failed."""
        with _threads() as pool:
            return tuple(sorted(ref for ref, _ in self._listed(self._lists(pool, datasets))))

    def survey(self, datasets: Iterable[str], wanted: Collection[Ref]) -> Survey:
        """Return what lists and queries tell. Raises Failed when there is no list."""
        wanted = frozenset(wanted)
        with _threads() as pool:
            lists = self._lists(pool, datasets)
            asked = [self._ask(pool, *group) for group in self._groups(wanted)]
            members: list[Ref] = []
            resources: dict[Ref, Resource] = {}
            listed: dict[Ref, Body] = {}
            for ref, item in self._listed(lists):
                members.append(ref)
                if ref.kind == "routine":
                    resources[ref] = Resource(ref, item, str(item.get("etag", "")))
                elif asked and ref in wanted:
                    listed[ref] = {key: item[key] for key in LISTED if key in item}
            outlines = self._outlines(asked, listed)
            return Survey(tuple(sorted(members)), resources, outlines)

    def _lists(
        self, pool: ThreadPoolExecutor, datasets: Iterable[str]
    ) -> list[Future[list[tuple[Ref, Body]]]]:
        refs = [Ref("dataset", name) for name in dict.fromkeys(datasets)]
        kinds = ("table", "routine")
        return [pool.submit(self._items, ref, kind) for ref in refs for kind in kinds]

    def _listed(
        self, lists: Iterable[Future[list[tuple[Ref, Body]]]]
    ) -> Iterator[tuple[Ref, Body]]:
        for found in lists:
            yield from found.result()

    def _items(self, dataset: Ref, kind: requests.Member) -> list[tuple[Ref, Body]]:
        found: list[tuple[Ref, Body]] = []
        try:
            for page in self._client.pages(requests.members(dataset, kind)):
                for item in page.get(f"{kind}s", ()):
                    name = item[f"{kind}Reference"][f"{kind}Id"]
                    found.append((Ref(kind, f"{dataset.id}.{name}"), item))
        except Failed as failed:
            if not isinstance(failed.error, NotFound):
                raise
            return []
        return found

    def _groups(self, wanted: Iterable[Ref]) -> Iterator[tuple[str, str, list[str]]]:
        """Yield projects and locations with datasets in which much is wanted."""
        counts: dict[Ref, int] = defaultdict(int)
        for ref in wanted:
            counts[ref.dataset] += ref.kind == "table"
        groups: dict[tuple[str, str], list[Ref]] = defaultdict(list)
        for dataset in sorted(counts):
            if location := self._places.location(dataset):
                groups[dataset.parts[0], location].append(dataset)
        for (project, location), found in groups.items():
            if sum(counts[dataset] for dataset in found) > FEW:
                yield project, location, [dataset.parts[1] for dataset in found]

    def _ask(
        self, pool: ThreadPoolExecutor, project: str, location: str, datasets: list[str]
    ) -> _Asked:
        def job(sql: str) -> Job:
            return Job(
                sql=sql,
                what="query",
                project=self._project or project,
                location=location,
                target=f"the metadata of {project} in {location}",
            )

        most = metadata.MOST_DATASETS
        parts = [datasets[start : start + most] for start in range(0, len(datasets), most)]
        where = (project, location, datasets)
        return _Asked(
            project,
            pool.submit(self._jobs.answer, job(metadata.columns(*where)), PAGE),
            pool.submit(self._rows, job(metadata.options(*where))),
            pool.submit(self._rows, job(metadata.views(*where))),
            tuple(pool.submit(self._rows, job(metadata.keys(project, part))) for part in parts),
        )

    def _rows(self, job: Job) -> _Rows:
        answer = self._jobs.answer(job, PAGE)
        return [row for start in answer.starts for row in self._jobs.part(answer, start)]

    def _outlines(
        self, asked: Sequence[_Asked], listed: dict[Ref, Body]
    ) -> Iterator[tuple[Ref, Body]]:
        for each in asked:
            try:
                yield from self._told(each, listed)
            except Failed:
                continue  # a request each will tell, or say what is wrong

    def _told(self, asked: _Asked, listed: dict[Ref, Body]) -> Iterator[tuple[Ref, Body]]:
        facts = _Facts(asked)
        answer = asked.columns.result()
        with _threads() as pool:
            for rows in pool.map(lambda start: self._jobs.part(answer, start), answer.starts):
                for dataset, name, columns in rows:
                    ref = Ref("table", f"{asked.project}.{dataset}.{name}")
                    if ref in listed and (body := facts.outline(ref, listed.pop(ref), columns)):
                        yield ref, body


class _Facts:
    """What the queries say besides columns, by dataset and name."""

    def __init__(self, asked: _Asked) -> None:
        self._options: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
        self._views: dict[tuple[str, str], str] = {}
        self._keys: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
        self._untold: set[tuple[str, str]] = set()
        for dataset, name, option, value in asked.options.result():
            self._options[dataset, name][option] = value
        for dataset, name, query, standard in asked.views.result():
            self._views[dataset, name] = query
            if standard != "YES":
                self._untold.add((dataset, name))
        for found in asked.keys:
            for dataset, name, column, other, position in found.result():
                self._keys[dataset, name].append((position, column))
                if other is not None:
                    self._untold.add((dataset, name))

    def outline(self, ref: Ref, listed: Body, columns: str) -> Body | None:
        """Return the outline of a table or view, None when there is none."""
        _, dataset, name = ref.parts
        place = (dataset, name)
        if place in self._untold:
            return None
        try:
            return outline(
                listed,
                json.loads(columns),
                self._options.get(place, {}),
                query=self._views.get(place),
                key=[column for _, column in sorted(self._keys.get(place, ()))],
            )
        except Untold:
            return None


def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS)
