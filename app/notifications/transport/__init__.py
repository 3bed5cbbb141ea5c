"""The ways out of the house: to addresses that others name, checked and bounded, and to the operator's relays."""
