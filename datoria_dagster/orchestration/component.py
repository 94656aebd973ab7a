"""The platform as a component: `build_definitions`, with attributes in a defs.yaml."""

from typing import Literal

import dagster as dg

from datoria_dagster.orchestration.connection import Connection, configured
from datoria_dagster.orchestration.definitions import build_definitions
from datoria_dagster.orchestration.settings import DatoriaSettings, GitBranch
from datoria_dagster.orchestration.translator import DatoriaTranslator
from datoria_dagster.settings import Settings, load_platform, open_warehouse
from datoria_dagster.warehouse.port import Warehouse

_OFF = DatoriaSettings()


class DatoriaScaffolding(dg.Model):
    """What `dg scaffold defs` asks for."""

    platform: str = "definitions:platform"
    warehouse: Literal["local", "bigquery"] | None = None


class DatoriaScaffolder(dg.Scaffolder[DatoriaScaffolding]):
    """Writes a defs.yaml that names the platform."""

    @classmethod
    def get_scaffold_params(cls) -> type[DatoriaScaffolding]:
        return DatoriaScaffolding

    def scaffold(self, request: dg.ScaffoldRequest[DatoriaScaffolding]) -> None:
        dg.scaffold_component(request, request.params.model_dump(exclude_none=True))


class WatchedBranch(dg.Model, dg.Resolvable):
    """The branch that the code location is deployed from, as GitBranch says it."""

    repository: str = "."
    branch: str = "main"


@dg.scaffold_with(DatoriaScaffolder)
class DatoriaComponent(dg.Component, dg.Model, dg.Resolvable):
    """A declared BigQuery platform: its migration, its assets and jobs, its schedule and sensors.

    `platform` is `module:attribute`; `warehouse` is `local` or `bigquery`, by default what the
    environment or pyproject.toml says. The rest is as in DatoriaSettings. Subclass it for a
    translator, or for what to call when a migration fails.
    """

    platform: str
    warehouse: Literal["local", "bigquery"] | None = None
    deploy_schedule: str = _OFF.deploy_schedule
    watch: WatchedBranch | None = None
    drift_minutes: int | None = _OFF.drift_minutes
    automation: bool = _OFF.automation
    wait_minutes: float = _OFF.wait_minutes
    migration_pool: str = _OFF.migration_pool
    webserver_url: str = _OFF.webserver_url

    def translator(self) -> DatoriaTranslator:
        """Return how the platform's objects look in Dagster."""
        return DatoriaTranslator()

    def settings(self) -> DatoriaSettings:
        """Return what is switched on. Raises SettingsError for a value that can't be."""
        watch = self.watch
        return DatoriaSettings(
            deploy_schedule=self.deploy_schedule,
            watch=watch and GitBranch(repository=watch.repository, branch=watch.branch),
            drift_minutes=self.drift_minutes,
            automation=self.automation,
            wait_minutes=self.wait_minutes,
            migration_pool=self.migration_pool,
            webserver_url=self.webserver_url,
        )

    def connection(self) -> Connection:
        """Return the function that opens the warehouse for each step."""
        chosen = self.warehouse

        def opening() -> Warehouse:
            return open_warehouse(Settings.load(warehouse=chosen))

        return opening if chosen else configured

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:  # noqa: ARG002
        """Import the platform and return its definitions. Raises SettingsError."""
        platform = load_platform(Settings.load(self.platform, self.warehouse))
        return build_definitions(
            platform, self.connection(), translator=self.translator(), settings=self.settings()
        )
