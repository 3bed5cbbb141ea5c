"""Notifying the care team's systems: endpoints, notifications, deliveries, attempts."""
