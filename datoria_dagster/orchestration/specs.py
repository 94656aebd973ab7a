"""The specs as a translator gives them, and what a wrong one is told."""

from collections.abc import Iterable
from typing import cast

import dagster as dg

from datoria_dagster.model.base import DeclarationError
from datoria_dagster.orchestration.translator import AssetData, DatoriaTranslator


def spec_of(translator: DatoriaTranslator, data: AssetData) -> dg.AssetSpec:
    """Return what a translator makes of an asset.

    Raises DeclarationError, with what the asset stands for, when that is no spec.
    """
    where = f"{type(translator).__name__}.get_asset_spec"
    try:
        spec = cast("object", translator.get_asset_spec(data))
    except Exception as error:
        raise DeclarationError(
            f"{where} failed for {named(data)}: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(spec, dg.AssetSpec):
        raise DeclarationError(
            f"{where} returned {_indefinite(spec)} for {named(data)}. Return a dagster.AssetSpec, "
            "for example super().get_asset_spec(data).replace_attributes(…)."
        )
    return spec


def named(data: AssetData) -> str:
    """Return what an asset stands for, in words."""
    match data.kind, data.object:
        case "schema", found if found is not None:
            return f"the schema of {found.id}"
        case "data", found if found is not None:
            return f"the rows of {found.id}"
        case _:
            return "the migration"


def refuse_clashes(specs: Iterable[tuple[AssetData, dg.AssetSpec]]) -> None:
    """Raise DeclarationError when two assets have one key."""
    seen: dict[dg.AssetKey, AssetData] = {}
    for data, spec in specs:
        other = seen.setdefault(spec.key, data)
        if other is not data:
            raise DeclarationError(
                f"{named(other)} and {named(data)} have one asset key, "
                f"{spec.key.to_user_string()}. Give one of them another key in a "
                "DatoriaTranslator, and pass it as translator=…."
            )


def with_deps(spec: dg.AssetSpec, deps: Iterable[dg.AssetDep]) -> dg.AssetSpec:
    """Return the spec with more dependencies; its own on the same assets stay as they are."""
    own = {dep.asset_key for dep in spec.deps}
    more = {dep.asset_key: dep for dep in deps if dep.asset_key not in own}
    return spec.replace_attributes(deps=[*spec.deps, *more.values()])


def _indefinite(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
