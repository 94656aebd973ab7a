"""What Dagster's daemon does with a tick, in this process: cursor, run keys, events, launches."""

from dataclasses import dataclass

import dagster as dg

from datoria_dagster.orchestration import build_definitions


@dataclass(frozen=True)
class Ticked:
    """What came of a tick: the runs it launched, and what it said when it skipped."""

    runs: tuple
    said: str | None

    @property
    def keys(self):
        return [run.tags["dagster/run_key"] for run in self.runs]


class Daemon:
    """Ticks one sensor of a code location; the cursor outlives both."""

    def __init__(self, sensor, instance, cursor=None):
        self.sensor, self.instance, self.cursor = sensor, instance, cursor

    def evaluate(self, definitions):
        sensor = definitions.resolve_sensor_def(self.sensor)
        context = dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, definitions=definitions
        )
        with context:
            data = sensor.evaluate_tick(context)
        self.cursor = data.cursor
        for event in data.asset_events:
            self.instance.report_runless_asset_event(event)
        return data

    def tick(self, declared, warehouse, *, settings=None):
        """Evaluate, and launch what is requested and was not before; wait for it."""
        given = {} if settings is None else {"settings": settings}
        definitions = build_definitions(declared, warehouse, **given)
        data = self.evaluate(definitions)
        requests = [r for r in data.run_requests or () if not self._seen(r.run_key)]
        runs = [self._launch(definitions, request) for request in requests]
        return Ticked(tuple(runs), data.skip_message)

    def _seen(self, key):
        tags = {"dagster/sensor_name": self.sensor, "dagster/run_key": key}
        return bool(self.instance.get_runs(dg.RunsFilter(tags=tags)))

    def _launch(self, definitions, request):
        job = definitions.resolve_job_def(request.job_name or "migrate")
        done = job.execute_in_process(
            instance=self.instance,
            asset_selection=request.asset_selection,
            tags={**request.tags, "dagster/run_key": request.run_key},
            raise_on_error=False,
        )
        return self.instance.get_run_by_id(done.run_id)


def recorded(instance, job, tags=None, status=dg.DagsterRunStatus.STARTED):
    """Record a run of the shop's, as one in another process; return its id."""
    tags = {"datoria/ledger": "acme.datoria", **(tags or {})}
    run = dg.DagsterRun(job_name=job, status=status, tags=tags)
    instance.add_run(run)
    return run.run_id
