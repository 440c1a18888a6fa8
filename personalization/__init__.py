"""The project: settings, doors, and the one place where the parts are put together."""
