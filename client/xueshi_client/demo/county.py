"""The demo's nodes: a centre that serves on loopback, and the schools that know its address."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xueshi_client.demo.rows import School, list_schools, load_county
from xueshi_client.serving import SITE_FOLDER, ServedNode, serve_node
from xueshi_server.record_types import SCHEMA
from xueshi_server.sealing import ensure_seal_key
from xueshi_sync.context import Context
from xueshi_sync.node import Node
from xueshi_sync.writer import RecordKey


@dataclass(slots=True)
class Cost:
    """What carrying one school's records cost."""

    name: str
    carrier: str
    records: int
    bytes_up: int
    bytes_down: int
    requests: int
    seconds: float


@dataclass
class DemoCounty:
    """Everything the story needs; closes what it opened, last first."""

    folder: Path
    facts: Mapping[str, Any] = field(default_factory=load_county)
    schools: list[School] = field(default_factory=list_schools)
    nodes: dict[str, Node] = field(default_factory=dict)
    served: dict[str, ServedNode] = field(default_factory=dict)
    costs: list[Cost] = field(default_factory=list)
    open_things: ExitStack = field(default_factory=ExitStack)

    @property
    def centre(self) -> Node:
        """The county centre's node."""
        return self.nodes[self.facts["centre"]["code"]]

    @property
    def centre_url(self) -> str:
        """Where the centre listens."""
        return self.served[self.facts["centre"]["code"]].url

    @property
    def site_folder(self) -> Path:
        """Where the centre's training site is built and served from."""
        return self.centre.home / SITE_FOLDER

    def create(self, role: str, name: str, code: str) -> Node:
        """Make a node in a folder of its own."""
        home = self.folder / code
        home.mkdir()
        context = Context(self.folder / f"{code}-state")
        node = Node.create(home, role=role, name=name, code=code, schema=SCHEMA, context=context)
        self.open_things.callback(node.close)
        self.nodes[code] = node
        ensure_seal_key(node)
        return node

    def serve(self, code: str) -> ServedNode:
        """Serve a node's pages and its sync on a free port."""
        served = self.open_things.enter_context(serve_node(self.nodes[code], in_background=False))
        self.served[code] = served
        return served

    def person(self, node: Node, staff_no: str) -> RecordKey:
        """The record of a person as `node` knows it."""
        row = node.query("SELECT scope_no, rec FROM person WHERE staff_no = ?", (staff_no,))[0]
        return RecordKey(row["scope_no"], row["rec"])

    def edit(self, node: Node, key: RecordKey, fields: Mapping[str, Any], actor: str) -> None:
        """One person's edit."""
        with node.write(actor=actor) as action:
            action.set("person", key, dict(fields))
