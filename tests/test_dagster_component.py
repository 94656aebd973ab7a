"""The component: scaffolded, loaded from its YAML, and the same as `build_definitions`."""

import dagster as dg
import pytest
import yaml
from dagster.components.testing import create_defs_folder_sandbox

from datoria_dagster.orchestration import DatoriaComponent, DatoriaTranslator, build_definitions
from datoria_dagster.warehouse.local import LocalWarehouse
from tests.dagster_platform import platform
from tests.dagster_platform.stock import migrate, stock

TYPE = "datoria_dagster.orchestration.DatoriaComponent"
PLATFORM = "tests.dagster_platform:platform"


@pytest.fixture
def path(tmp_path, monkeypatch):
    found = tmp_path / "warehouse.duckdb"
    monkeypatch.setenv("DATORIA_WAREHOUSE_PATH", str(found))
    return found


@pytest.fixture
def load(path):
    """Load the component from a defs.yaml with these attributes."""

    def loaded(**attributes):
        with create_defs_folder_sandbox() as sandbox:
            folder = sandbox.scaffold_component(
                component_cls=DatoriaComponent,
                defs_path="warehouse",
                defs_yaml_contents={"type": TYPE, "attributes": attributes},
            )
            with sandbox.load_component_and_build_defs(defs_path=folder) as (_, definitions):
                return definitions

    return loaded


def keys(definitions):
    return {spec.key for spec in definitions.resolve_all_asset_specs()}


def sensors(definitions):
    return {sensor.name for sensor in definitions.sensors}


def test_it_scaffolds_a_file_that_names_the_platform():
    with create_defs_folder_sandbox() as sandbox:
        folder = sandbox.scaffold_component(
            component_cls=DatoriaComponent,
            defs_path="warehouse",
            scaffold_params={"platform": PLATFORM, "warehouse": "local"},
        )
        written = yaml.safe_load((folder / "defs.yaml").read_text())
    assert written["attributes"] == {"platform": PLATFORM, "warehouse": "local"}


def test_it_makes_what_build_definitions_makes(load, path):
    found = load(platform=PLATFORM)
    with_call = build_definitions(platform)
    assert keys(found) == keys(with_call)
    assert sensors(found) == sensors(with_call) == {"migrate_on_merge", "run_stale"}
    assert {job.name for job in found.jobs} == {"migrate", "deploy"}


def test_its_attributes_are_those_of_the_settings(load):
    found = load(
        platform=PLATFORM,
        warehouse="local",
        deploy_schedule="30 4 * * *",
        watch={"repository": "..", "branch": "production"},
        drift_minutes=30,
        automation=True,
        wait_minutes=0,
        migration_pool="one_at_a_time",
    )
    assert [schedule.cron_schedule for schedule in found.schedules] == ["30 4 * * *"]
    assert sensors(found) == {"migrate_on_merge", "automation", "location_behind", "drift"}
    (migration,) = [a for a in found.assets if getattr(a, "op", None) and a.op.name == "migration"]
    assert migration.op.pool == "one_at_a_time"


def test_its_assets_use_the_warehouse_that_it_names(load, path):
    with_rows = LocalWarehouse(path)
    stock(with_rows)
    migrate(with_rows)
    with_rows.close()
    found = load(platform=PLATFORM, warehouse="local")
    result = dg.materialize(
        list(found.assets), selection=[dg.AssetKey(["shop", "daily"])], partition_key="20240131"
    )
    assert result.success


def test_an_attribute_that_does_not_exist_is_refused(load):
    assert "drift_hours" in said(load, platform=PLATFORM, drift_hours=1)


def test_a_platform_that_does_not_exist_is_a_clear_error(load):
    said_there = said(load, platform="tests.dagster_platform:nothing")
    assert "'nothing' does not exist; it must be a Platform" in said_there


def said(load, **attributes):
    """Return what the failure to load says, with all that caused it."""
    with pytest.raises(Exception) as raised:  # noqa: PT011 - Dagster wraps it
        load(**attributes)
    error, found = raised.value, []
    while error is not None:
        found.append(str(error))
        error = error.__cause__
    return "\n".join(found)


def test_a_subclass_has_its_own_translator(path):
    class Renamed(DatoriaComponent):
        def translator(self):
            return _Prefixed()

    found = dg.component_defs(component=Renamed(platform=PLATFORM))
    assert dg.AssetKey(["acme", "shop", "daily"]) in keys(found)


class _Prefixed(DatoriaTranslator):
    def get_asset_spec(self, data):
        spec = super().get_asset_spec(data)
        return spec.replace_attributes(key=spec.key.with_prefix("acme"))
