"""What a node's operations report: plain values, worded by whoever shows them."""

from dataclasses import dataclass, field

from xueshi_sync.column import Value
from xueshi_sync.writer import RecordKey


@dataclass(frozen=True, slots=True)
class ConflictValue:
    """One of several concurrent values, and who wrote it."""

    value: Value
    author: str
    actor: str
    entered_at: int
    dot: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field whose concurrent values wait for a person; `shown` is the one in the table."""

    key: RecordKey
    table: str
    field: str
    shown: ConflictValue
    others: list[ConflictValue]


@dataclass(frozen=True, slots=True)
class Passport:
    """How far a record got: here, packed (sealed), received (receipt), reviewed."""

    stage: str
    sealed_ms: int | None = None
    received_s: int | None = None
    reviewed_s: int | None = None


@dataclass(frozen=True, slots=True)
class BackupReport:
    """A backup that was written, and how many files stand in it beside the records."""

    size_bytes: int
    files: int


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation that nobody used yet; `text` is what the school is given."""

    node_id: str
    code: str
    name: str
    tier: str
    text: str


@dataclass(frozen=True, slots=True)
class PackReport:
    """A bundle that was written."""

    path: str
    recipient: str
    size_bytes: int
    blocks: int
    ops: int


@dataclass(frozen=True, slots=True)
class UnpackReport:
    """A bundle that was read. `complete` is False where the file was cut; `codes` counts
    refusals."""

    sender: str
    blocks: int
    new_blocks: int
    new_ops: int
    complete: bool
    codes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What `check` looked at; `problems` is empty where all is well."""

    blocks: int
    open_ops: int
    deep: bool
    problems: list[str]


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """Whether the tables built anew equal those that were there, and which differ."""

    identical: bool
    tables: int
    different: list[str]
