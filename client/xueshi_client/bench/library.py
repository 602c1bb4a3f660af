"""What files cost on the wire: a changed video, a cut line, a folder of many files, the site."""

import random
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from xueshi_client.bench.proxy import CountingProxy, Line
from xueshi_client.bench.report import Figure
from xueshi_client.bench.world import (
    CENTRE_CODE,
    create_node,
    enrol_by_hand,
    temporary_folder,
)
from xueshi_client.errors import FigureFailedError
from xueshi_server.delivering import deliver_files
from xueshi_server.library import add_folder, publish_site
from xueshi_server.serving import make_server
from xueshi_server.shelf import Shelf
from xueshi_server.site_pages import build_node_site
from xueshi_server.store.library import About
from xueshi_sync.errors import NetworkError
from xueshi_sync.files.content import Content
from xueshi_sync.node import Node

MEGABYTE: Final = 1 << 20
CUT_EVERY: Final = 256 * 1024
FILES: Final = 2_000
FILE_BYTES: Final = 3_000
PAGES: Final = 300
TRIES_MAX: Final = 2_000
_PARAGRAPH: Final = "One paragraph that was not there before.\n\n"


def measure_library(_workload: Path, megabytes: int) -> Iterator[Figure]:
    """A school fetches, from a centre served in this process, over a proxy that counts."""
    with temporary_folder() as folder, _county(folder) as (centre, school, proxy):
        yield from _measure_video(folder, centre, school, proxy, megabytes)
        yield from _measure_cuts(folder, centre, school, proxy, megabytes // 2)
        yield from _measure_many(folder, centre, school, proxy)
        yield from _measure_site(folder, centre, school, proxy)


@contextmanager
def _county(folder: Path) -> Iterator[tuple[Node, Node, CountingProxy]]:
    centre = create_node(folder / "centre", "centre", CENTRE_CODE)
    school = create_node(folder / "school", "school", "S1")
    enrol_by_hand(centre, school)
    server = make_server(centre, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        with CountingProxy(int(server.bind_addr[1])) as proxy:
            yield centre, school, proxy
    finally:
        server.stop()
        thread.join(10)
        school.close()
        centre.close()


def _fetch(school: Node, proxy: CountingProxy) -> None:
    """Fetch until nothing is missing; a line that was cut is tried again at once."""
    for _ in range(TRIES_MAX):
        try:
            deliver_files(school, url=proxy.url, at_once=True)
        except NetworkError:
            continue
        if not school.files.wanted_count():
            return
    raise FigureFailedError(figure="library", why="files are missing")


def _bring(school: Node, proxy: CountingProxy, content: Content) -> int:
    """Want one file and fetch it; returns the bytes on the line."""
    proxy.take()
    school.files.want(content)
    _fetch(school, proxy)
    return proxy.take().bytes_both


def _measure_video(
    folder: Path, centre: Node, school: Node, proxy: CountingProxy, megabytes: int
) -> Iterator[Figure]:
    rng = random.Random(1)
    data = rng.randbytes(megabytes * MEGABYTE)
    video = folder / "video"
    video.write_bytes(data)
    first = _bring(school, proxy, centre.files.add(video))
    middle = len(data) // 2
    video.write_bytes(data[:middle] + rng.randbytes(MEGABYTE) + data[middle:])
    beyond = _bring(school, proxy, centre.files.add(video)) - MEGABYTE
    name = f"video_{megabytes}mb"
    yield Figure(f"{name}.bytes_of_itself", round(first / len(data), 4), "ratio")
    yield Figure(f"{name}.insert_beyond", beyond, "B")
    share = round(beyond / len(data), 5)
    yield Figure(f"{name}.insert_beyond_share", share, "ratio", at_most=0.01)


def _measure_cuts(
    folder: Path, centre: Node, school: Node, proxy: CountingProxy, megabytes: int
) -> Iterator[Figure]:
    path = folder / "cut"
    path.write_bytes(random.Random(2).randbytes(megabytes * MEGABYTE))
    content = centre.files.add(path)
    proxy.take()
    proxy.set_line(Line(cut_every=CUT_EVERY))
    school.files.want(content)
    _fetch(school, proxy)
    tally = proxy.take()
    proxy.set_line(Line())
    name = f"files_cut_256k_{megabytes}mb"
    ratio = round(tally.bytes_both / content.size, 4)
    yield Figure(f"{name}.bytes_of_itself", ratio, "ratio", at_most=1.05)
    yield Figure(f"{name}.cuts", tally.cuts, "1")


def _measure_many(
    folder: Path, centre: Node, school: Node, proxy: CountingProxy
) -> Iterator[Figure]:
    rng = random.Random(3)
    many = folder / "many"
    many.mkdir()
    for number in range(FILES):
        (many / f"{number:04d}.txt").write_bytes(rng.randbytes(FILE_BYTES))
    add_folder(centre, many, About("many"), actor="bench")
    school.sync_once(proxy.url)
    _fetch(school, proxy)
    proxy.take()
    school.sync_once(proxy.url)
    deliver_files(school, url=proxy.url)
    tally = proxy.take()
    yield Figure(f"files_{FILES}_idle.requests", tally.requests, "1", at_most=1)
    yield Figure(f"files_{FILES}_idle.bytes", tally.bytes_both, "B", at_most=1024)


def _measure_site(
    folder: Path, centre: Node, school: Node, proxy: CountingProxy
) -> Iterator[Figure]:
    pages = _make_pages()
    began = time.perf_counter()
    built = build_node_site(centre, folder / "site", pages=pages)
    took_s = time.perf_counter() - began
    publish_site(centre, built.folder, "Site", actor="bench")
    school.sync_once(proxy.url)
    _fetch(school, proxy)
    first = proxy.take().bytes_both
    changed = f"zh/training/bench-{PAGES // 2:03d}.md"
    pages[changed] = pages[changed].replace("## ", f"{_PARAGRAPH}## ", 1)
    shutil.rmtree(folder / "site")
    build_node_site(centre, folder / "site", pages=pages)
    publish_site(centre, folder / "site", "Site", actor="bench")
    school.sync_once(proxy.url)
    _fetch(school, proxy)
    moved = proxy.take().bytes_both
    shown = Shelf(school)
    shown.advance()
    if len(shown.paths()) < PAGES:
        raise FigureFailedError(figure="library", why="the site is not shown")
    yield Figure("site.pages", built.page_count, "1", at_least=PAGES)
    yield Figure("site.build_seconds", round(took_s, 1), "s", at_most=30.0)
    yield Figure("site.bytes", built.size_bytes, "B")
    yield Figure("site.first_bytes", first, "B")
    yield Figure("site.paragraph_bytes", moved, "B")
    share = round(moved / built.size_bytes, 5)
    yield Figure("site.paragraph_share", share, "ratio", at_most=0.03)


def _make_pages() -> dict[str, str]:
    """Pages of real sentences: the clauses that the shipped packs quote."""
    rng = random.Random(4)
    quotes = [each for pack in _shipped_packs() for each in pack]
    pages = {}
    for number in range(PAGES):
        parts = [f"# {number:03d} {rng.choice(quotes)[:20]}"]
        for section in range(5):
            parts += [f"## {section + 1}", *rng.sample(quotes, 4)]
        pages[f"zh/training/bench-{number:03d}.md"] = "\n\n".join(parts) + "\n"
    return pages


def _shipped_packs() -> Iterator[list[str]]:
    from xueshi_server.domain.packs.reading import load_pack
    from xueshi_server.pack_files import list_shipped, read_shipped, split_closure
    from xueshi_server.site_build import escape_markdown

    for name in list_shipped():
        pack = load_pack(split_closure(read_shipped(name)), name)
        yield [escape_markdown(each.quote) for each in pack.statements.values()]
