"""A component whose client library is not installed."""

import a_client_that_is_not_installed  # type: ignore[import-not-found]  # noqa: F401
