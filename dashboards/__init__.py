"""Views over what the library has stored."""
