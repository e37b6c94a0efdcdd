"""The local page: a picture is dropped in a browser, and what was read of it is shown."""
