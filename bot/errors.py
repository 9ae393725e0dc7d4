"""Errors, and who sees them.

`ShopkeeperError` is the root. An operator sees its message on the command line and in the log;
it names the value that was wrong and the command or setting that mends it. A customer never sees
any of these: the channels show a prepared sentence and the exception goes to the log and the
review queue. `InputError` is the one kind whose message may be shown to whoever sent the input.
"""

from __future__ import annotations


class ShopkeeperError(Exception):
    """Root of everything this program raises on purpose. `fix` says what to do about it."""

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message}\n  fix: {self.fix}" if self.fix else self.message


class ConfigError(ShopkeeperError):
    """A setting is missing or makes no sense."""


class ModelError(ShopkeeperError):
    """A model file is missing, damaged, or of the wrong kind."""


class IndexMismatchError(ShopkeeperError):
    """The saved index does not fit the encoder or the knowledge it is opened with."""


class StoreError(ShopkeeperError):
    """The database cannot be opened, is damaged, locked or out of space."""


class GeneratorError(ShopkeeperError):
    """The generator failed or ran out of time; the turn falls back to the shop's own text."""


class DeliveryError(ShopkeeperError):
    """A connected system did not take a reply. `permanent` says that trying again is no use."""

    def __init__(self, message: str, *, permanent: bool = False, fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.permanent = permanent


class InputError(ShopkeeperError):
    """What somebody sent cannot be used; the message is safe to show to the sender."""
