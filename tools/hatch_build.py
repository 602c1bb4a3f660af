"""Build hook: carry the source of the training site inside the wheel.

Only a real wheel gets the copy. An editable install reads `site/` of the checkout, so that a page
edited there shows without reinstalling.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class SiteSourceHook(BuildHookInterface[Any]):
    """Map `site/` to `xueshi_server/site_source`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the folder to what is force-included, unless the build is editable."""
        source = Path(self.root, "site")
        if version == "standard" and source.is_dir():
            build_data["force_include"][str(source)] = "xueshi_server/site_source"
            # The site's protocol page shows the specification; it looks for it beside the site.
            protocol = Path(self.root, "sync", "PROTOCOL.md")
            build_data["force_include"][str(protocol)] = "xueshi_server/sync/PROTOCOL.md"
