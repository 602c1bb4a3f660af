"""The pages, one blueprint a topic: read the request, call one function, render."""

from typing import Final

from xueshi_server.web.views import (
    accounts,
    attachments,
    conflicts,
    entry,
    files,
    form_pdf,
    forms,
    grants,
    health,
    hours,
    lan,
    left,
    login,
    mine,
    people,
    personal,
    principal,
    record_entry,
    records,
    requirements,
    review,
    session,
    stamped,
    sync,
    today,
    training,
)

BLUEPRINTS: Final = tuple(
    module.blueprint
    for module in (
        accounts,
        attachments,
        conflicts,
        entry,
        files,
        form_pdf,
        forms,
        grants,
        health,
        hours,
        lan,
        left,
        login,
        mine,
        people,
        personal,
        principal,
        record_entry,
        records,
        requirements,
        review,
        session,
        stamped,
        sync,
        today,
        training,
    )
)
