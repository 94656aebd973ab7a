"""REPORT: plans, runs and results as text, markdown and JSON. Pure; no color unless asked for."""
