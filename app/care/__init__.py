"""What happens to a patient."""
