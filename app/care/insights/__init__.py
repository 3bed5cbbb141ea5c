"""The clinic's own numbers over a period: what its alerts are worth, and how its patients fare."""
