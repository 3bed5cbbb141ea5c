"""What is due is sent: found over all clinics, in slots that keep them apart, whatever receivers do."""
