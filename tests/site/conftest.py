"""The site built once for all tests that read it."""

import datetime as dt
from pathlib import Path

import pytest

from tests.site.figures import county_figures
from xueshi_server.site_build import BuiltSite, build_site


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> BuiltSite:
    """The site of an invented county, strictly built."""
    folder: Path = tmp_path_factory.mktemp("site") / "site"
    return build_site(folder, county_figures(dt.date(2026, 3, 20)))
