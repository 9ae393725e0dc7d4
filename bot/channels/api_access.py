"""API keys at the door of a route.

Covered: reading the key from `Authorization: Bearer shk_…`, whether a route demands one, scopes.
Not covered: making and keeping keys (`bot.store.api_keys`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from bot.channels.parts import AppParts
from bot.errors import ShopkeeperError
from bot.store.api_keys import PREFIX, ApiKey, Scope


class NoKeyError(ShopkeeperError):
    """A key is missing, unknown, expired or revoked; which of these is not told."""

    def __init__(self) -> None:
        super().__init__("no valid API key", fix="send one: shopkeeper keys create")


class ScopeError(ShopkeeperError):
    """The key is right but may not do this."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(f"the key lacks the scope {scope.value!r}", fix="make another key")
        self.scope = scope


_BEARER = HTTPBearer(
    auto_error=False,
    scheme_name="ApiKey",
    description="A key from `shopkeeper keys create`. Shops may leave it out of use.",
)


def key_for(
    parts: AppParts, scope: Scope, *, always: bool = False
) -> Callable[[HTTPAuthorizationCredentials | None], ApiKey | None]:
    """A dependency: the key of a request, or None where the shop demands none.

    Args:
        parts: where the keys are.
        scope: what the key must allow.
        always: demand a key whatever the settings say.
    """
    demanded = always or parts.settings.api_keys == "required"

    def check(
        sent: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
    ) -> ApiKey | None:
        ours = sent is not None and sent.credentials.startswith(PREFIX)
        if not ours and not demanded:
            return None
        key = parts.access.api_keys.verify(sent.credentials) if sent else None
        if key is None:
            raise NoKeyError
        if scope not in key.scopes:
            raise ScopeError(scope)
        return key

    return check
