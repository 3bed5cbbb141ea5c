"""What a clinic lets go of by age, and legal holds on what has to stay."""
