"""Everything that leaves the product for a person or a clinic's system."""
