"""Where things live."""

from datoria_dagster import Dataset

raw = Dataset(project="flights-demo", name="raw")

analytics = Dataset(
    project="flights-demo",
    name="analytics",
    description="What jobs compute from the raw data, one table per question.",
    labels={"team": "punctuality"},
)

reporting = Dataset(
    project="flights-demo",
    name="reporting",
    description="What people look at. Views only.",
    labels={"team": "punctuality"},
)
