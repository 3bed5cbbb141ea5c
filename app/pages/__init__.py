"""The pages that patients and the care team see in a browser."""
