"""REFUSE what BigQuery refuses, in its words; written from its documentation alone."""
