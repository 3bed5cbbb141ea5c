"""What all pages in a browser share: templates, static files, cookies, forms, and the guard against forged ones."""
