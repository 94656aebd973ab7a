"""What a real project answers to the questions that BigQuery's documentation leaves open.

`python -m tests.probe` asks them in a dataset of its own and prints rows for the table of rules.
"""

from tests.probe import columns, rows, tables

PROBES = (*columns.PROBES, *tables.PROBES, *rows.PROBES)
