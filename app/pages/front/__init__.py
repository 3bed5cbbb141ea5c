"""What anybody meets first: the start page, the reference of the API, and what each problem means."""
