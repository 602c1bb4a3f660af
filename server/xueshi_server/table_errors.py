"""Why a file of people's is not taken as a table: each refusal says what the person does next."""

from xueshi_server.errors import ServerError, UnreadableFileError


class OldFormatError(UnreadableFileError):
    """An .xls of before 2007; field `file`."""

    code = "import.old_format"


class ProtectedFileError(UnreadableFileError):
    """A workbook that opens with a password only; field `file`."""

    code = "import.protected"


class WebPageFileError(UnreadableFileError):
    """A web page or XML that carries the name of a spreadsheet; field `file`."""

    code = "import.web_page"


class OtherFormatError(UnreadableFileError):
    """A file of another program (ods, xlsb, docx, pdf and the like); field `file`."""

    code = "import.other_format"


class DamagedSheetError(UnreadableFileError):
    """A workbook that breaks off or contradicts itself; fields `file` and `row`."""

    code = "import.damaged"


class WhichSheetError(ServerError):
    """Several sheets have the headings that are needed; fields `sheets` and the list `names`."""

    code = "import.which_sheet"


class NoSuchSheetError(ServerError):
    """No sheet of that name; fields `sheet` and `sheets`."""

    code = "import.no_such_sheet"


class HeadingTwiceError(ServerError):
    """Two columns have one heading; fields `heading`, `columns`, `row`, `sheet`."""

    code = "import.heading_twice"


class TooManyCellsError(ServerError):
    """More cells than one import looks at; field `limit`."""

    code = "import.too_many_cells"


class GoneImportError(ServerError):
    """The checked file is no longer kept, or was somebody else's."""

    code = "import.gone"


class UnknownSheetFormError(ServerError):
    """The pack declares no spreadsheet of that name for the type; fields `sheet` and `known`."""

    code = "export.unknown_sheet"
