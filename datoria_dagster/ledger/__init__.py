"""LEDGER: what was migrated, when and by whom, and who may migrate now."""
