"""What the Qt web view leaves to the program: where a download goes, and printing to a PDF.

Everything here runs in the thread of the window. A file has its name when it is whole.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QLibraryInfo, QLocale, QMarginsF, QStandardPaths, QTranslator, QUrl
from PySide6.QtGui import QPageLayout, QPageSize
from PySide6.QtWebEngineCore import QWebEngineDownloadRequest
from PySide6.QtWidgets import QApplication, QFileDialog, QMainWindow, QMessageBox

if TYPE_CHECKING:
    from PySide6.QtWebEngineCore import QWebEnginePage

TEXT_PX: Final = 15
MESSAGE_MS: Final = 10_000
MARGIN_MM: Final = 15.0
# The link of a page to what it shows as a PDF.
FIND_PDF: Final = """
(document.querySelector('a[href*="/pdf?"], a[href$="/pdf"]') || {}).href || ""
"""
_DONE: Final = QWebEngineDownloadRequest.DownloadState.DownloadCompleted
_LOCALES: Final = {"zh": "zh_CN", "en": "en"}


def take_over(window: Any, language: str, words: Mapping[str, str]) -> None:
    """Let `window` (of pywebview) save downloads and print; `words` are what it says meanwhile."""
    native: QMainWindow = window.native
    _speak(language)
    files = _Files(native, words)
    page: QWebEnginePage = window.native.webview.page()
    page.profile().downloadRequested.connect(files.save_download)
    page.printRequested.connect(partial(files.print_page, page))
    # Kept with the window: Qt holds no reference to what it calls.
    window.native.xueshi_files = files


def _speak(language: str) -> None:
    """Qt's own words, on its buttons and in its dialogs."""
    locale = QLocale(_LOCALES[language])
    QLocale.setDefault(locale)
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    font = application.font()
    # As large as the smallest text of the pages.
    font.setPixelSize(TEXT_PX)
    application.setFont(font)
    translator = QTranslator(application)
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    if translator.load(locale, "qtbase", "_", folder):
        application.installTranslator(translator)


class _Files:
    """Asks where a file is to go, and says what became of it."""

    def __init__(self, native: QMainWindow, words: Mapping[str, str]) -> None:
        self._native = native
        self._words = words
        documents = QStandardPaths.StandardLocation.DocumentsLocation
        self._folder = Path(QStandardPaths.writableLocation(documents) or Path.home())

    def save_download(self, download: QWebEngineDownloadRequest) -> None:
        """Ask for the place under the name that the node proposes."""
        path = self._ask(download.downloadFileName())
        if path is None:
            download.cancel()
            return
        download.setDownloadDirectory(str(path.parent))
        download.setDownloadFileName(path.name)
        download.isFinishedChanged.connect(partial(self._tell_download, download, path))
        download.accept()
        self._say("loading", path)

    def _tell_download(self, download: QWebEngineDownloadRequest, path: Path) -> None:
        if not download.isFinished():
            return
        if download.state() == _DONE:
            self._say("saved", path)
        else:
            self._complain(path, download.interruptReasonString())

    def print_page(self, page: "QWebEnginePage") -> None:
        """What `window.print()` does: a form as the PDF that the node sets, else the page as one.

        Qt prints without the margins that a page of a form asks for, and on too many sheets.
        """
        page.runJavaScript(FIND_PDF, 0, partial(self._print_as, page))

    def _print_as(self, page: "QWebEnginePage", address: Any) -> None:
        if address:
            page.download(QUrl(str(address)))
            return
        path = self._ask(f"{page.title() or self._words['pdf']}.pdf")
        if path is not None:
            margins = QMarginsF(*[MARGIN_MM] * 4)
            size, unit = QPageSize(QPageSize.PageSizeId.A4), QPageLayout.Unit.Millimeter
            layout = QPageLayout(size, QPageLayout.Orientation.Portrait, margins, unit)
            page.printToPdf(partial(self._keep_pdf, path), layout)

    def _keep_pdf(self, path: Path, data: Any) -> None:
        from xueshi_server.typeset.printing import write_whole

        try:
            write_whole(path, bytes(data))
        except OSError as error:
            self._complain(path, str(error.strerror))
            return
        self._say("saved", path)

    def _ask(self, name: str) -> Path | None:
        proposed = "".join(char if char not in '\\/:*?"<>|' else "·" for char in name).strip()
        given, _ = QFileDialog.getSaveFileName(
            self._native, self._words["save"], str(self._folder / proposed)
        )
        if not given:
            return None
        path = Path(given)
        if not path.suffix:
            path = path.with_suffix(Path(proposed).suffix)
        self._folder = path.parent
        return path

    def _say(self, key: str, path: Path) -> None:
        self._native.statusBar().showMessage(self._words[key].format(path=path), MESSAGE_MS)

    def _complain(self, path: Path, why: str) -> None:
        text = self._words["not_saved"].format(path=path, why=why)
        QMessageBox.warning(self._native, self._words["save"], text)
