"""What the command line does beside the page: thin tables of options over the library."""
