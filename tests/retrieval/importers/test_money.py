from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.importers.money import Price, parse_money


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("39.90", "39.90", ""),
        ("€39,90", "39.90", "EUR"),
        ("39,90 €", "39.90", "EUR"),
        ("¥299", "299", "CNY"),
        ("￥２９９", "299", "CNY"),
        ("299元", "299", "CNY"),
        ("人民币 299", "299", "CNY"),
        ("1,299.00", "1299.00", ""),
        ("1.299,00 €", "1299.00", "EUR"),
        ("1 299,00 EUR", "1299.00", "EUR"),
        ("CHF 1'299.00", "1299.00", "CHF"),
        ("1,299", "1299", ""),
        ("12,345,678", "12345678", ""),
        ("15.00 USD", "15.00", "USD"),
        ("$15", "15", "USD"),
        ("HK$120", "120", "HKD"),
        ("0", "0", ""),
    ],
)
def test_prices_in_any_notation(text: str, amount: str, currency: str) -> None:
    assert parse_money(text) == Price(Decimal(amount), currency)


@pytest.mark.parametrize(
    "text",
    ["￥99起", "about 20", "from €19.90", "ab 20 €", "12-15", "价格面议", "on request", "约200元"],
)
def test_a_price_that_is_not_fixed_keeps_its_words(text: str) -> None:
    """`￥99起` is no price of ¥99: a customer who was told so would be told wrong."""
    price = parse_money(text)
    assert price is not None
    assert (price.amount, price.words) == (None, text)


@pytest.mark.parametrize("text", ["-5", "€", "1e400", "9" * 40, "red", "A-17", "12 34 56 x"])
def test_what_is_no_price(text: str) -> None:
    with pytest.raises(ValueError, match="not a price"):
        parse_money(text)


def test_an_empty_cell_is_no_price() -> None:
    assert parse_money(" ") is None


@given(st.text(max_size=30))
def test_any_text_is_a_price_or_is_refused(text: str) -> None:
    try:
        price = parse_money(text)
    except ValueError:
        return
    assert price is None or price.words or price.amount is not None


@given(st.decimals(0, 999_999, places=2), st.sampled_from(["€{}", "{} €", "{}元", "USD {}"]))
def test_an_amount_is_read_as_it_was_written(amount: Decimal, notation: str) -> None:
    price = parse_money(notation.format(f"{amount:.2f}"))
    assert price is not None
    assert price.amount == amount
