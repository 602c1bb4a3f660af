"""Random scopes: authors, forks, conflicts, verdicts, corrections, revocations and nonsense.

Every choice comes from one seeded generator, so a failing seed is the whole counterexample.
"""

import random
from dataclasses import dataclass, field
from typing import Final

from tests.sync.craft import HERE, SCHEMA, Author, County, Dot, Wish, id_of
from xueshi_sync.block import Block
from xueshi_sync.body import CHECK, DELETE, INSERT, JUDGE, RESOLVE, SET
from xueshi_sync.column import Value

COUNTY: Final = County()
SCOPE: Final = id_of("scope")
_TEXTS: Final = ("", "王英", "王瑛", "李强", "x")
_ODD: Final[tuple[Value, ...]] = (None, True, -1, 1 << 62, "odd", b"odd", 19_782)


@dataclass(frozen=True)
class Done:
    """An op that some block holds."""

    dot: Dot
    wish: Wish


@dataclass
class World:
    """A scope as its authors made it."""

    rng: random.Random
    centre: Author
    others: list[Author]
    blocks: list[Block] = field(default_factory=list)
    made: dict[bytes, list[Block]] = field(default_factory=dict)
    done: list[Done] = field(default_factory=list)

    @classmethod
    def grown(cls, seed: int, steps: int) -> "World":
        """A world after some random steps."""
        genesis = COUNTY.genesis
        centre = Author(COUNTY, "centre", SCOPE, COUNTY.centre_seed, genesis.centre_node)
        others = [
            Author(COUNTY, "school-a", SCOPE),
            Author(COUNTY, "school-a", SCOPE, nonce=id_of("second epoch")),
            Author(COUNTY, "school-b", SCOPE),
            Author(COUNTY, "township", SCOPE),
            Author(COUNTY, "stranger", SCOPE),
        ]
        world = cls(random.Random(seed), centre, others)
        world._begin()
        for _ in range(steps):
            world._step()
        return world

    @property
    def data(self) -> list[bytes]:
        """All blocks as bytes, parents first."""
        return [block.data for block in self.blocks]

    def _begin(self) -> None:
        for author in (self.centre, *self.others):
            self._keep(author, author.open(), [])
        self._seal(self.centre, [Wish(INSERT, "_scope", {"code": "S1", "name": "一小"})])
        tiers = {"school-a": "school", "school-b": "school", "township": "township"}
        speakers = {author.label: author for author in self.others}
        for label, tier in tiers.items():
            self._seal(self.centre, [self._grant(speakers[label], tier)])

    def _grant(self, author: Author, tier: str, *, granted: bool = True) -> Wish:
        return Wish(
            INSERT,
            "_node",
            {
                "node": author.node, "key": author.key, "tier": tier, "code": author.label,
                "name": author.label, "granted": granted,
            },
        )  # fmt: skip

    def _keep(self, author: Author, block: Block, wishes: list[Wish]) -> None:
        self.blocks.append(block)
        self.made.setdefault(author.feed, []).append(block)
        self.done += [Done((block.short, k), wish) for k, wish in enumerate(wishes)]

    def _seal(self, author: Author, wishes: list[Wish]) -> None:
        parent = author.tip
        if self.rng.random() < 0.15:
            parent = self.rng.choice(self.made[author.feed])
        block = author.write(*wishes, parent=parent)
        if block.bid not in {each.bid for each in self.blocks}:
            self._keep(author, block, wishes)

    def _step(self) -> None:
        if self.rng.random() < 0.15:
            self._seal(self.centre, [self._governing()])
            return
        author = self.rng.choice([self.centre, *self.others])
        wishes: list[Wish] = []
        for k in range(self.rng.randint(1, 4)):
            wishes.append(self._wish(k, wishes))
        self._seal(author, wishes)

    def _governing(self) -> Wish:
        author = self.rng.choice(self.others)
        choice = self.rng.randrange(5)
        if choice == 0:
            return self._grant(author, self.rng.choice(["school", "township"]))
        if choice == 1:
            heads = self.rng.sample(self.made[author.feed], 1)
            return Wish(
                INSERT,
                "_cut",
                {"node": author.node, "heads": b"".join(each.bid for each in heads)},
            )
        if choice == 2:
            chosen = self.rng.choice(self.blocks)
            return Wish(INSERT, "_admit", {"blocks": chosen.bid})
        return self._edit_of(self._known("_", INSERT))

    def _known(self, prefix: str, kind: int) -> Done:
        return self.rng.choice(
            [
                each
                for each in self.done
                if each.wish.kind == kind and each.wish.table.startswith(prefix)
            ]
        )

    def _wish(self, k: int, before: list[Wish]) -> Wish:
        inserts = [each for each in self.done if each.wish.kind == INSERT]
        here = [Done((HERE, at), wish) for at, wish in enumerate(before) if wish.kind == INSERT]
        targets = [each for each in inserts if not each.wish.table.startswith("_")] + here
        if not targets or self.rng.random() < 0.35:
            return self._insert(k)
        if self.rng.random() < 0.05:
            odd = self.rng.choice([(6, "hour"), (SET, "later_table"), (200, "person")])
            return Wish(odd[0], odd[1], {"name": "x"}, rec=targets[0].dot)
        target = self.rng.choice(targets)
        if self.rng.random() < 0.05:
            target = Done((id_of(f"nowhere {self.rng.randrange(3)}"), 0), target.wish)
        return self._edit_of(target) if target.wish.table != "hour" else self._verdict(target)

    def _insert(self, k: int) -> Wish:
        text = self.rng.choice(_TEXTS)
        if self.rng.random() < 0.4:
            values: dict[str, Value | Dot] = {"staff_no": f"T{k}", "name": text}
            values["mentor"] = self._some_dot("person")
            return Wish(INSERT, "person", self._spoiled(values))
        values = {"date": 19_782 + self.rng.randrange(40), "minutes": 45 * self.rng.randrange(5)}
        values["person"] = self._some_dot("person")
        if self.rng.random() < 0.6:
            values["corrects"] = self._some_dot("hour")
        return Wish(INSERT, "hour", self._spoiled(values), actor=self.rng.choice(["a", "b"]))

    def _some_dot(self, table: str) -> Value | Dot:
        dots = [each.dot for each in self.done if each.wish.table == table]
        return self.rng.choice(dots) if dots and self.rng.random() < 0.9 else None

    def _spoiled(self, values: dict[str, Value | Dot]) -> dict[str, Value | Dot]:
        if self.rng.random() < 0.1:
            values[self.rng.choice([*values, "later_field"])] = self.rng.choice(_ODD)
        return values

    def _edit_of(self, target: Done) -> Wish:
        table = target.wish.table
        names = list(SCHEMA.by_name[table].field_names)
        if self.rng.random() < 0.2:
            preds = {"_deleted": self._preds(target.dot, None)}
            return Wish(DELETE, table, {"_deleted": True}, rec=target.dot, preds=preds)
        kind = self.rng.choice([SET, SET, RESOLVE])
        chosen = self.rng.sample(names, min(len(names), self.rng.randint(1, 2)))
        values: dict[str, Value | Dot] = {name: self._value(table, name) for name in chosen}
        if kind == RESOLVE and self.rng.random() < 0.3:
            values["_deleted"] = self.rng.choice([False, True])
        preds = {name: self._preds(target.dot, name) for name in values}
        return Wish(kind, table, values, rec=target.dot, preds=preds)

    def _value(self, table: str, name: str) -> Value | Dot:
        if self.rng.random() < 0.05:
            return self.rng.choice(_ODD)
        kind = SCHEMA.by_name[table].field_types[name]
        if kind == "bool":
            return self.rng.random() < 0.7
        if kind == "ref":
            return self._some_dot("person")
        if kind == "bytes":
            return self.rng.choice(self.blocks).bid if name != "key" else None
        return self.rng.choice(["school", "township"] if name == "tier" else _TEXTS)

    def _verdict(self, target: Done) -> Wish:
        if self.rng.random() < 0.25:
            said = self.rng.choice(["pass", "return", "withdraw", "", "maybe", None])
            values: dict[str, Value | Dot] = {"_checked": said, "_reason": self.rng.choice(_TEXTS)}
            checks = {"_checked": self._preds(target.dot, "_checked")}
            return Wish(CHECK, "hour", values, rec=target.dot, preds=checks)
        verdict = self.rng.choice(["approve", "approve", "reject", "void", "maybe"])
        kind = self.rng.choice([JUDGE, JUDGE, JUDGE, RESOLVE, SET])
        preds = {"_judged": self._preds(target.dot, "_judged")}
        values = {"_judged": verdict}
        if kind == JUDGE:
            values["_reason"] = self.rng.choice(_TEXTS)
        return Wish(kind, "hour", values, rec=target.dot, preds=preds)

    def _preds(self, rec: Dot, name: str | None) -> list[Dot]:
        """Some writes of the record, most often all of them; now and then something else."""
        writes = [
            each.dot
            for each in self.done
            if each.wish.rec == rec and (name is None or name in each.wish.values)
        ]
        if self.rng.random() < 0.05 and self.done:
            writes.append(self.rng.choice(self.done).dot)
        writes = [each for each in writes if each[0] != HERE]
        if self.rng.random() < 0.4:
            return writes[:64]
        return self.rng.sample(writes, min(len(writes), self.rng.randint(0, 3)))
