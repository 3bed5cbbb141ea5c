"""The audit log after it was written: sealed in order, verified, exported, searched."""
