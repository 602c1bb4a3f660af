"""Fixtures: the counties that the walks share."""

from collections.abc import Iterator

import pytest

from tests.server.walks.walked import Walked


@pytest.fixture(scope="session")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walked]:
    """What was walked in this session; its counties are closed at the end."""
    found = Walked(tmp_path_factory.mktemp("walked"))
    with found.stack:
        yield found
