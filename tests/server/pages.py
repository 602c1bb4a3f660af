"""Somebody who uses the pages: a test client that carries its session and its form token."""

import re
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from xueshi_server.accounts import Account, Accounts, Role
from xueshi_server.web.security import SESSION_COOKIE, csrf_token
from xueshi_server.web.site import EXTENSION

TEST_PIN = "820164"


@dataclass(frozen=True)
class Visitor:
    """A browser, logged in or not."""

    app: Flask
    client: FlaskClient

    def get(self, path: str, **query: Any) -> TestResponse:
        """Open a page."""
        return self.client.get(path, query_string=query or None, buffered=True)

    def post(self, path: str, **fields: Any) -> TestResponse:
        """Send a form of ours."""
        return self.client.post(path, data={"csrf": self.token(), **fields}, buffered=True)

    def token(self) -> str:
        """The token that this browser's forms carry."""
        if self.client.get_cookie(SESSION_COOKIE) is None:
            self.get("/login")
        cookie = self.client.get_cookie(SESSION_COOKIE)
        with self.app.test_request_context(
            headers={"Cookie": f"{SESSION_COOKIE}={cookie.value if cookie else ''}"}
        ):
            self.app.preprocess_request()
            return csrf_token()

    def text(self, path: str, **query: Any) -> str:
        """What a page says, without markup."""
        response = self.get(path, **query)
        assert response.status_code == 200, response.status
        return plain(response.text)


def plain(html: str) -> str:
    """The words of a page."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def accounts_of(app: Flask) -> Accounts:
    """The accounts behind an application."""
    accounts: Accounts = app.extensions[EXTENSION].accounts
    return accounts


def add_account(app: Flask, role: Role, *, login: str | None = None) -> Account:
    """An account that has chosen its password."""
    accounts = accounts_of(app)
    accounts.add(login or role, f"Test {role}", role)
    account = next(each for each in accounts.list_all() if each.login == (login or role))
    accounts.set_password(account, TEST_PIN if account.has_pin else "a long sentence of mine")
    return account


def make_visitor(app: Flask, role: Role | None) -> Visitor:
    """A browser of somebody with that role; None: nobody is logged in."""
    visitor = Visitor(app, app.test_client())
    visitor.client.set_cookie("xueshi_lang", "en")
    if role is not None:
        accounts = accounts_of(app)
        token = accounts.start_session(add_account(app, role))
        visitor.client.set_cookie(SESSION_COOKIE, token)
    return visitor
