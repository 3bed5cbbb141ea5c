"""The audit trail after it was written: sealed in order, verified, exported, searched."""
