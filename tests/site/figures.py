"""Totals of an invented county."""

import datetime as dt

from xueshi_server.site_build import RecordFigures


def county_figures(as_of: dt.date, *, name: str = "青石县") -> RecordFigures:
    """Four schools, one of them silent."""
    return RecordFigures(
        name=name,
        as_of=as_of,
        teachers=126,
        hour_records=1843,
        minutes=231_420,
        approved_minutes=187_215,
        by_form=[
            ("校本研修", 912, 98_400),
            ("远程培训", 402, 61_200),
            ("集中培训", 301, 48_900),
            ("送教下乡", 128, 14_220),
            ("自主研修", 100, 8_700),
        ],
        by_month=[
            ("2025-12", 402, 51_000),
            ("2026-01", 280, 36_900),
            ("2026-02", 190, 22_005),
            ("2026-03", 971, 121_515),
        ],
        by_school=[
            ("石桥村小学", 640, 80_205, dt.date(2026, 3, 19)),
            ("柳林镇中心校", 903, 120_000, dt.date(2026, 3, 20)),
            ("云顶教学点", 300, 31_215, dt.date(2026, 1, 8)),
            ("高坪村小学", 0, 0, None),
        ],
    )
