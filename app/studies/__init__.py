"""Studies: simulated cohorts, backtests of past data, what-if, and how well the rule does.

They take values and run the clinical core day by day; they never copy it.
"""
