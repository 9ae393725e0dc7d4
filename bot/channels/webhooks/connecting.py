"""From settings to adapters: which systems are connected, and settings that do not go together.

Covered: every system's settings by name, all or none of them, addresses, secrets, currencies. Not
covered: putting the parts together (`assembly`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from bot.channels.webhooks.adapter import Adapter
from bot.channels.webhooks.chatwoot import Chatwoot
from bot.channels.webhooks.events import check_secret, check_url
from bot.channels.webhooks.generic import Generic
from bot.channels.webhooks.messenger import Messenger
from bot.channels.webhooks.meta import MetaApp
from bot.channels.webhooks.shopify import Shopify
from bot.channels.webhooks.slack import Slack
from bot.channels.webhooks.slack_api import SlackApi
from bot.channels.webhooks.whatsapp import WhatsApp
from bot.channels.webhooks.woocommerce import WooCommerce
from bot.config import Settings
from bot.errors import ConfigError, InputError

_GUIDE: Final = "docs/webhooks.md shows where each is found"
_DOMAIN: Final = re.compile(r"[a-z0-9][a-z0-9\-]*(?:\.[a-z0-9\-]+)+")


def connected_systems(settings: Settings) -> dict[str, Adapter]:
    """Adapters of the systems that the settings name; none is fine.

    Raises:
        ConfigError: a system is named by halves, or a value is none of its kind.
    """
    made = (connect(settings) for connect in _CONNECT)
    return {adapter.name: adapter for adapter in made if adapter is not None}


def events_subscriber(settings: Settings) -> tuple[str, tuple[str, ...]]:
    """Address and secrets of the receiver of events that the settings name; empty for none.

    Raises:
        ConfigError: address or secret is missing, or is none.
    """
    given = _all_or_none(settings, "events", "events_url", "events_secret")
    if given is None:
        return "", ()
    return _address("events_url", given["events_url"]), _secrets(
        "events_secret", given["events_secret"]
    )


def _chatwoot(settings: Settings) -> Adapter | None:
    names = ("chatwoot_url", "chatwoot_token", "chatwoot_secret")
    given = _all_or_none(settings, "Chatwoot", *names)
    if given is None:
        return None
    url, token, secret = (given[name] for name in names)
    return Chatwoot(_address("chatwoot_url", url), token, secret)


def _generic(settings: Settings) -> Adapter | None:
    given = _all_or_none(settings, "Standard Webhooks", "generic_url", "generic_secret")
    if given is None:
        return None
    secrets = _secrets("generic_secret", given["generic_secret"])
    return Generic(_address("generic_url", given["generic_url"]), secrets)


def _shopify(settings: Settings) -> Adapter | None:
    given = _all_or_none(settings, "Shopify", "shopify_shop", "shopify_secret")
    if given is None:
        return None
    shop = given["shopify_shop"].casefold()
    if _DOMAIN.fullmatch(shop) is None:
        raise ConfigError(
            f"SHOPKEEPER_SHOPIFY_SHOP {shop[:100]!r} is no domain",
            fix="write the shop's first address, e.g. snowdevil.myshopify.com",
        )
    return Shopify(shop, tuple(given["shopify_secret"].split()), _currency(settings))


def _woocommerce(settings: Settings) -> Adapter | None:
    secrets = settings.woocommerce_secret.get_secret_value().split()
    return WooCommerce(tuple(secrets), _currency(settings)) if secrets else None


def _messenger(settings: Settings) -> Adapter | None:
    token = settings.messenger_token.get_secret_value()
    return Messenger(_meta(settings, "messenger_token"), token) if token else None


def _whatsapp(settings: Settings) -> Adapter | None:
    token = settings.whatsapp_token.get_secret_value()
    return WhatsApp(_meta(settings, "whatsapp_token"), token) if token else None


def _slack(settings: Settings) -> Adapter | None:
    given = _all_or_none(settings, "Slack", "slack_token", "slack_signing_secret")
    if given is None:
        return None
    api = SlackApi(_address("slack_api_url", settings.slack_api_url), given["slack_token"])
    return Slack(api, given["slack_signing_secret"], settings.slack_handoff_channel)


_CONNECT: Final[tuple[Callable[[Settings], Adapter | None], ...]] = (
    _chatwoot,
    _generic,
    _shopify,
    _woocommerce,
    _messenger,
    _whatsapp,
    _slack,
)


def _meta(settings: Settings, token: str) -> MetaApp:
    names = ("meta_app_secret", "meta_verify_token", token)
    given = _all_or_none(settings, "Meta", *names)
    if given is None:
        raise ConfigError(f"{_setting(token)} is empty", fix=_GUIDE)
    url = _address("meta_graph_url", settings.meta_graph_url)
    return MetaApp(given["meta_app_secret"], given["meta_verify_token"], url)


def _all_or_none(settings: Settings, system: str, *names: str) -> Mapping[str, str] | None:
    """Values by name; None when none is set."""
    values = {name: _value(settings, name) for name in names}
    missing = [_setting(name) for name, value in values.items() if not value]
    if len(missing) == len(names):
        return None
    if missing:
        raise ConfigError(
            f"{system} is connected by halves: {', '.join(missing)} missing",
            fix=f"set all of {', '.join(map(_setting, names))}; {_GUIDE}",
        )
    return values


def _value(settings: Settings, name: str) -> str:
    value = getattr(settings, name)
    return (value if isinstance(value, str) else str(value.get_secret_value())).strip()


def _setting(name: str) -> str:
    return f"SHOPKEEPER_{name.upper()}"


def _address(name: str, url: str) -> str:
    try:
        return check_url(url).rstrip("/")
    except InputError as error:
        raise ConfigError(f"{_setting(name)} {error.message}", fix=error.fix) from None


def _secrets(name: str, value: str) -> tuple[str, ...]:
    try:
        return tuple(check_secret(secret) for secret in value.split())
    except InputError as error:
        told = f"{_setting(name)} holds something that is no secret"
        raise ConfigError(told, fix=error.fix) from None


def _currency(settings: Settings) -> str:
    currency = settings.shop_currency.strip().upper()
    if re.fullmatch(r"[A-Z]{3}", currency) is None:
        raise ConfigError(
            f"SHOPKEEPER_SHOP_CURRENCY is {currency[:20]!r}; Shopify and WooCommerce send prices"
            " without a currency",
            fix="set it to the ISO code of the shop's prices, e.g. EUR, USD or CNY",
        )
    return currency
