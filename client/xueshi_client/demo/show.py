"""Runs the demo: the five steps, then the three addresses, until somebody stops it.

The folder, the servers and the nodes are gone afterwards, whatever happened in between.
"""

import contextlib
import dataclasses
import shutil
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from xueshi_client.browsing import serve_browse
from xueshi_client.demo import story
from xueshi_client.demo.county import DemoCounty
from xueshi_client.demo.telling import Teller
from xueshi_client.errors import AmountDiffersError
from xueshi_client.state import State
from xueshi_server.accounts import FIRST_LOGIN, create_first_admin
from xueshi_server.site_pages import build_node_site

OPEN_TIMEOUT_S: Final = 30


def run_demo(
    state: State,
    *,
    once: bool,
    ready: Callable[[dict[str, Any]], object],
) -> None:
    """Tell the story and serve what it made; with `once` look at each address and end.

    `ready` gets every figure once, while the addresses still answer.
    """
    folder = Path(tempfile.mkdtemp(prefix="xueshi-demo-"))
    try:
        county = DemoCounty(folder)
        with county.open_things:
            teller = Teller(state)
            summary = _tell(county, teller)
            summary |= _serve(county, teller, state.language)
            if once:
                _open_all(summary["addresses"])
                teller.line("opened")
                ready(summary)
            else:
                with contextlib.suppress(KeyboardInterrupt):
                    teller.line("stop")
                    ready(summary)
                    _sleep_for_ever()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if not once:
        state.say("demo.stopped")


def _sleep_for_ever() -> None:
    """Until Ctrl-C; short waits so that Windows notices it."""
    while True:
        time.sleep(0.2)


def _tell(county: DemoCounty, teller: Teller) -> dict[str, Any]:
    """The five steps; what each found."""
    facts = county.facts["centre"]
    teller.heading("title")
    teller.line("about", centre=facts["name"])
    teller.step("step_enter")
    entered = story.enter_offline(county)
    teller.tell_entries(entered)
    county.create("centre", facts["name"], facts["code"])
    county.serve(facts["code"])
    story.join_all(county)
    teller.step("step_carry")
    costs = story.carry_all(county)
    teller.tell_costs(costs)
    arrived = story.count_hours(county.centre)
    teller.line("arrived", records=f"{arrived:,}", schools=len(county.schools))
    idle = story.sync_idle(county)
    teller.line("idle", **idle)
    teller.step("step_edit")
    edits = story.edit_both_sides(county)
    teller.tell_edits(edits)
    teller.step("step_review")
    review = story.review(county)
    teller.line("reviewed", **review)
    teller.line("credited", hours=f"{review['credited_minutes'] / 60:g}")
    teller.step("step_compare")
    tables = story.compare_digests(county)
    teller.line("equal", count=tables)
    return {
        "entered": entered,
        "costs": [dataclasses.asdict(cost) for cost in costs],
        "records_at_centre": arrived,
        "idle": idle,
        "edits": edits,
        "review": review,
        "tables_equal": tables,
    }


def _serve(county: DemoCounty, teller: Teller, language: str) -> dict[str, Any]:
    """The training site and Datasette beside the centre's pages."""
    centre = county.centre
    teller.heading("look")
    teller.line("building")
    login = {"login": FIRST_LOGIN, "one_time_code": create_first_admin(centre.home)}
    build_node_site(centre, county.site_folder)
    browse = county.open_things.enter_context(serve_browse(centre.home, language=language))
    addresses = {
        "node": county.centre_url + "/",
        "site": county.centre_url + "/site/",
        "browse": browse,
    }
    teller.tell_addresses(addresses, login)
    return {"addresses": addresses, "login": login}


def _open_all(addresses: dict[str, str]) -> None:
    """Open every address as a browser would; raise unless each answers 200."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for name, url in addresses.items():
        with opener.open(url, timeout=OPEN_TIMEOUT_S) as page:
            if page.status != 200 or not page.read(1):
                raise AmountDiffersError(what=f"{name} {page.status}")
