"""What everything stands on: a short, closed list of modules without any knowledge of the field."""
