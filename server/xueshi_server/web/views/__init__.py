"""The pages, one blueprint a topic: read the request, call one function, render."""

from typing import Final

from xueshi_server.web.views import (
    accounts,
    conflicts,
    entry,
    files,
    form_pdf,
    forms,
    grants,
    health,
    hours,
    login,
    mine,
    people,
    principal,
    record_entry,
    records,
    requirements,
    review,
    session,
    sync,
    today,
    training,
)

BLUEPRINTS: Final = tuple(
    module.blueprint
    for module in (
        accounts,
        conflicts,
        entry,
        files,
        form_pdf,
        forms,
        grants,
        health,
        hours,
        login,
        mine,
        people,
        principal,
        record_entry,
        records,
        requirements,
        review,
        session,
        sync,
        today,
        training,
    )
)
