"""The training site of a node: the pages of `site/` plus a records page, built and put in place.

- Of a quiz among the pages only the questions are built: what is right stays at the nodes.
- The records page is Markdown written from totals; this module never sees a person. Further pages
  come as Markdown (`site_pages`).
- A file that came out as it was keeps its date, so that a browser and a carrier leave it alone.
- MkDocs runs as a process of its own on a copy, so that neither its memory nor its faults are ours.
- The new site is complete and on the disk before it takes the old one's place by two renames; a
  build that fails, or is cut off, leaves the old site.
"""

import filecmp
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import ClassVar, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.hours import format_hours
from xueshi_server.domain.quizzes import is_quiz, parse_quiz, write_paper
from xueshi_server.errors import ServerError

LANGUAGES: Final = ("zh", "en")
# Building takes about ten seconds; a PC of 2010 under load has needed ten times that.
TIMEOUT_S: Final = 300
# A build folder this old belongs to a process that died.
ABANDONED_S: Final = 24 * 60 * 60
# What the reader of a log needs of a failed build: the last lines name the page.
_LOG_LINES: Final = 12
# Shown in place of a figure that too few people are behind.
HIDDEN: Final = "·"
_TOOLS: Final = ("mkdocs", "material", "jieba")
_MARKUP: Final = re.compile(r"[!-/:-@\[-`{-~]")


class SiteBuildError(ServerError):
    """The site could not be built; the old one stays. Field `log`: the builder's last lines."""

    code: ClassVar[str] = "site.build_failed"


class SiteSourceError(SiteBuildError):
    """The pages to build from are not there; field `source`."""

    code = "site.no_source"


class SiteToolError(SiteBuildError):
    """A part of the builder is not installed (extra `centre`); field `part`."""

    code = "site.no_builder"


class SiteBusyError(SiteBuildError):
    """The old site is held open, or its folder cannot be written; field `folder`."""

    code = "site.busy"


@dataclass(frozen=True, kw_only=True)
class RecordFigures:
    """What the records page shows: totals of one school or one county, no person.

    `minutes` are those entered, `approved_minutes` those credited. Rows are in the order in which
    they are to be shown; None stands for what too few people are behind, as `too_few` does for all.
    """

    name: str
    as_of: date
    teachers: int
    hour_records: int
    minutes: int
    approved_minutes: int
    too_few: bool = False
    # (form, records, minutes)
    by_form: Sequence[tuple[str, int | None, int | None]] = ()
    # ("2026-03", records, minutes)
    by_month: Sequence[tuple[str, int | None, int | None]] = ()
    # (school, records, minutes, last heard from); last None: never
    by_school: Sequence[tuple[str, int | None, int | None, date | None]] = ()


@dataclass(frozen=True)
class BuiltSite:
    """A site that is in place."""

    folder: Path
    page_count: int
    size_bytes: int


def build_site(
    out_dir: Path,
    figures: RecordFigures,
    *,
    source: Path | None = None,
    pages: Mapping[str, str] | None = None,
) -> BuiltSite:
    """Build the site with `figures` on its records page and put it at `out_dir`.

    `pages` are further pages, Markdown by path below `docs`. `source` is the folder of mkdocs.yml.
    Raises SiteBuildError; what stood at `out_dir` stays.
    """
    origin = source or find_source()
    _require_tools()
    out_dir = out_dir.resolve()
    recover_site(out_dir)
    try:
        with _work_folder(out_dir) as work:
            project = _copy_source(origin, work)
            write_records_pages(project, figures)
            _write_pages(project / "docs", pages or {})
            _hide_answers(project / "docs")
            fresh = work / "built"
            _run_mkdocs(project, fresh)
            _keep_dates(out_dir, fresh)
            built = _measure(fresh, out_dir)
            _replace(fresh, out_dir, work / "old")
    except OSError as error:
        recover_site(out_dir)
        raise SiteBusyError(str(error), folder=str(out_dir)) from error
    return built


def find_source() -> Path:
    """The pages that came with this installation: inside the wheel, else in the checkout."""
    here = Path(__file__).resolve()
    for folder in (here.parent / "site_source", here.parents[2] / "site"):
        if (folder / "mkdocs.yml").is_file():
            return folder
    raise SiteSourceError(source=str(here.parent / "site_source"))


def recover_site(out_dir: Path) -> None:
    """Put back the old site if a power cut fell between the two renames; drop dead builds."""
    for work in out_dir.parent.glob(f".{out_dir.name}-build-*"):
        if not out_dir.exists() and (work / "old").is_dir():
            os.replace(work / "old", out_dir)
        with suppress(OSError):
            if time.time() - work.stat().st_mtime > ABANDONED_S:
                shutil.rmtree(work, ignore_errors=True)


def write_records_pages(project: Path, figures: RecordFigures) -> None:
    """Write the records page of every language from its template into the project copy."""
    environment = Environment(
        loader=FileSystemLoader(project / "templates"),
        undefined=StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        md=escape_markdown,
        count_text=_count_text,
        hours_text=_hours_text,
        bar=_bar,
        share_of=_share_of,
    )
    heard = sum(1 for school in figures.by_school if school[3] is not None)
    for language in LANGUAGES:
        template = environment.get_template(f"records.{language}.md")
        text = template.render(figures=figures, schools=figures.by_school, heard=heard)
        (project / "docs" / language / "records.md").write_text(text, "utf-8")


def _write_pages(docs: Path, pages: Mapping[str, str]) -> None:
    for name, text in pages.items():
        path = docs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def _hide_answers(docs: Path) -> None:
    """Leave of quizzes what readers may see, whichever builder reads the copy."""
    for path in docs.rglob("*.md"):
        text = path.read_text("utf-8")
        if not is_quiz(path.name, text):
            continue
        try:
            path.write_text(write_paper(parse_quiz(text)), "utf-8")
        except BadValueError as error:
            page = path.relative_to(docs).as_posix()
            raise SiteBuildError(str(error), log=f"{page}: {error}") from error


def _keep_dates(old: Path, fresh: Path) -> None:
    """Give every file that came out as it was the date that it had."""
    for path in fresh.rglob("*"):
        before = old / path.relative_to(fresh)
        if path.is_file() and before.is_file() and filecmp.cmp(before, path, shallow=False):
            shutil.copystat(before, path)


def escape_markdown(text: str) -> str:
    """Show `text` as it is, on one line: no character of it is Markdown, HTML or a cell border."""
    return _MARKUP.sub(lambda mark: f"&#{ord(mark[0])};", " ".join(text.split()))


def _count_text(count: int | None) -> str:
    return HIDDEN if count is None else f"{count:,}"


def _hours_text(minutes: int | None) -> str:
    if minutes is None:
        return HIDDEN
    whole, point, quarters = format_hours(minutes).partition(".")
    return f"{int(whole):,}{point}{quarters}"


def _share_of(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f}%"


def _bar(minutes: int | None, rows: Sequence[tuple[str, int | None, int | None]]) -> str:
    if minutes is None:
        return ""
    longest = max((row[2] or 0 for row in rows), default=0) or 1
    return f'<span class="xs-bar" style="width:{100 * minutes / longest:.1f}%"></span>'


def _require_tools() -> None:
    # Without jieba MkDocs builds happily and finds no Chinese word afterwards.
    for part in _TOOLS:
        if importlib.util.find_spec(part) is None:
            raise SiteToolError(part=part)


@contextmanager
def _work_folder(out_dir: Path) -> Iterator[Path]:
    """A folder beside `out_dir`, so that moving is a rename within one file system."""
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{out_dir.name}-build-", dir=out_dir.parent))
    try:
        yield work
    finally:
        if out_dir.exists() or not (work / "old").exists():
            shutil.rmtree(work, ignore_errors=True)


def _copy_source(source: Path, work: Path) -> Path:
    """Copy the pages and, beside them, the specification that the protocol page includes."""
    if not (source / "mkdocs.yml").is_file():
        raise SiteSourceError(source=str(source))
    ignored = shutil.ignore_patterns("__pycache__")
    project = Path(shutil.copytree(source, work / "site", ignore=ignored))
    protocol = source.parent / "sync" / "PROTOCOL.md"
    if protocol.is_file():
        (work / "sync").mkdir()
        shutil.copyfile(protocol, work / "sync" / "PROTOCOL.md")
    return project


def _run_mkdocs(project: Path, target: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    command += ["--config-file", str(project / "mkdocs.yml"), "--site-dir", str(target)]
    environment = {**os.environ, "PYTHONUTF8": "1", "NO_MKDOCS_2_WARNING": "1"}
    try:
        done = subprocess.run(
            command,
            cwd=project,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SiteBuildError("the build took too long", log=f"{TIMEOUT_S} s") from error
    if done.returncode != 0 or not (target / "index.html").is_file():
        log = "\n".join((done.stdout + done.stderr).splitlines()[-_LOG_LINES:])
        raise SiteBuildError(log, log=log)


def _measure(fresh: Path, out_dir: Path) -> BuiltSite:
    files = [path for path in fresh.rglob("*") if path.is_file()]
    for path in files:
        _flush(path)
    page_count = sum(path.suffix == ".html" for path in files)
    return BuiltSite(out_dir, page_count, sum(path.stat().st_size for path in files))


def _flush(path: Path) -> None:
    """Bring the file to the disk: a rename alone may survive a power cut that its bytes do not."""
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def _replace(fresh: Path, out_dir: Path, old: Path) -> None:
    """Move `fresh` to `out_dir`, the previous site to `old`; undo when the second move fails."""
    if out_dir.exists():
        os.replace(out_dir, old)
    try:
        os.replace(fresh, out_dir)
    except OSError:
        if old.exists():
            os.replace(old, out_dir)
        raise
