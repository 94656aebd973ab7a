"""The example: a platform about the flights that left New York in the first quarter of 2013."""

from datoria_dagster import Platform

platform = Platform.discover("definitions.flights")
