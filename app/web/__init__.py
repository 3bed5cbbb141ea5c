"""What all HTTP rooms share: problems, the edge around every request, health."""
