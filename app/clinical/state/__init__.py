"""The engineering: a bounded state, one step a check-in, equal to a replay of everything. It decides nothing."""
