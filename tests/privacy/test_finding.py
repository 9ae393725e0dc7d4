"""Personal data is found however it is written; prices, sizes and articles stay."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.privacy.finding import MAX_CHARS, find, mask
from bot.privacy.kinds import Kind
from bot.privacy.measure import measure_file
from bot.privacy.plain import plain

LABELLED = Path(__file__).with_name("labelled.jsonl")
SHOP = Path(__file__).parents[2] / "faq_data"

_WIDE = {ord(str(n)): chr(0xFF10 + n) for n in range(10)}
_KEYCAP = {ord(str(n)): f"{n}\ufe0f\u20e3" for n in range(10)}
_HAN = {ord(str(n)): char for n, char in enumerate("零一二三四五六七八九")}
_ARABIC = {ord(str(n)): chr(0x0660 + n) for n in range(10)}
_BOLD = {ord(str(n)): chr(0x1D7CE + n) for n in range(10)}
scripts = st.sampled_from([{}, _WIDE, _KEYCAP, _HAN, _ARABIC, _BOLD])

mobiles = st.builds(
    lambda second, rest: f"1{second}{rest:09}", st.integers(3, 9), st.integers(0, 10**9 - 1)
)
groupings = st.sampled_from([(11,), (3, 4, 4), (3, 3, 5), (3, 8), (7, 4), (1,) * 11])
gaps = st.sampled_from([" ", "-", "－", "–", "\u00a0", "\u3000", "."])
around = st.sampled_from(
    [
        ("我的手机是", "，谢谢"),
        ("call me: ", " please"),
        ("", ""),
        ("，", "。"),
        ("(", ")"),
        ("电话", "\n"),
    ]
)
prices = st.builds(
    lambda sign, number, unit: f"{sign}{number}{unit}",
    st.sampled_from(["¥", "￥", "$", "€", "EUR ", "RMB"]),
    st.one_of(
        st.integers(0, 10**12).map(str),
        st.integers(0, 10**9).map(lambda n: f"{n:,}.99"),
        st.integers(0, 10**6).map(lambda n: str(n).translate(_WIDE)),
    ),
    st.sampled_from(["", "元", " 起", "!"]),
)
articles = st.from_regex(r"[A-Z]{1,4}-?[0-9]{1,6}[A-Z]{0,3}", fullmatch=True)
anything = st.text(st.characters(), max_size=120)


def grouped(number: str, sizes: tuple[int, ...], gap: str) -> str:
    pieces, at = [], 0
    for size in sizes:
        pieces.append(number[at : at + size])
        at += size
    return gap.join(pieces)


def test_the_labelled_texts_are_told_right() -> None:
    score = measure_file(LABELLED)
    rows = {row.name: row for row in score.rows}
    assert rows["all"].texts >= 150
    assert rows["all"].recall >= 0.95, score.mistakes
    assert rows["all"].precision >= 0.98, score.mistakes
    assert min(rows["lang zh"].recall, rows["lang en"].recall) >= 0.95


def test_half_of_the_labelled_texts_are_ordinary_shop_talk() -> None:
    rows = [json.loads(line) for line in LABELLED.read_text("utf-8").splitlines()]
    assert sum(not row["personal"] for row in rows) >= len(rows) / 2
    assert len({row["text"] for row in rows}) == len(rows)


def test_the_demo_shop_speaks_of_nobody_but_itself() -> None:
    """Thousands of texts with prices, sizes, SKUs and dates: only the shop's own contacts match."""
    found: set[str] = set()
    for file in [*SHOP.rglob("*.jsonl"), *SHOP.rglob("*.csv"), *SHOP.rglob("*.md")]:
        for line in file.read_text("utf-8").splitlines():
            found |= {one.text for one in find(line)}
    own = ("@maplelane.example", "Shiquan Street", "十全街", "808 0716", "2026-1003-8841")
    assert [text for text in found if not any(part in text for part in own)] == []


@given(mobiles, groupings, gaps, scripts, around)
def test_a_mobile_number_is_masked_in_every_spelling(
    number: str,
    sizes: tuple[int, ...],
    gap: str,
    script: dict[int, str],
    beside: tuple[str, str],
) -> None:
    spelled = grouped(number, sizes, gap).translate(script)
    text = f"{beside[0]}{spelled}{beside[1]}"
    assert mask(text) == f"{beside[0]}[phone]{beside[1]}"


@given(prices, articles, st.sampled_from(["{} {}", "{}的{}", "Is {} right for {}?", "{}/{}"]))
def test_prices_and_articles_are_never_masked(price: str, article: str, frame: str) -> None:
    text = frame.format(price, article)
    assert mask(text) == text


@given(anything)
@example("[phone] 13812345678[order]")
@example("order [order] 100200 订单号[number]1234567")
@example("1️⃣" * 11)
def test_masking_twice_changes_nothing(text: str) -> None:
    once = mask(text)
    assert mask(once) == once


@given(anything, mobiles)
def test_findings_are_pieces_of_the_text_in_order(text: str, number: str) -> None:
    text = f"{text} {number} {text}"
    end = 0
    for found in find(text):
        assert end <= found.start < found.end
        assert text[found.start : found.end] == found.text
        end = found.end


@given(anything)
def test_plain_text_knows_where_it_comes_from(text: str) -> None:
    seen = plain(text)
    assert len(seen.text) == len(seen.starts) == len(seen.ends)
    assert all(
        0 <= start < end <= len(text) for start, end in zip(seen.starts, seen.ends, strict=True)
    )


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("11010519491231002X", Kind.ID_CARD),
        ("身份证11010519491231002x", Kind.ID_CARD),
        ("4111 1111 1111 1111", Kind.BANK_CARD),
        ("GB29 NWBK 6016 1331 9268 19", Kind.IBAN),
        ("DE136695976", Kind.TAX_NUMBER),
        ("99999999999999999999", Kind.NUMBER),
        ("114-3941689-8772232", Kind.ORDER),
    ],
)
def test_each_number_is_known_for_what_it_is(text: str, kind: Kind) -> None:
    assert [found.kind for found in find(f"see {text}")] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "4006381333931",  # a barcode
        "7天无理由退货",
        "7-day returns",
        "K17S",
        "400-820-8820",
        "2024-11-22 10:30",
        "220x240 cm",
        "SKU 100234567890",
        "3.14159265358979",
        "你们寄到上海市浦东新区吗",
        "Oxford Street",
    ],
)
def test_lookalikes_stay(text: str) -> None:
    assert find(text) == ()


@pytest.mark.parametrize(
    "piece", ["1 ", "1", "中山路", "省市区路1号", "a1-", "Aa 1 ", "@a.", "[order]"]
)
def test_no_text_takes_long(piece: str) -> None:
    """A message has at most some thousand characters; a hostile one must not hold the shop up."""
    text = piece * (4000 // len(piece))
    started = time.process_time()
    find(text)
    assert time.process_time() - started < 5


def test_a_long_text_is_looked_at_to_its_end() -> None:
    for words in range(MAX_CHARS // 2 - 12, MAX_CHARS // 2 + 4):
        text = "x " * words + "call 138 1234 5678 now. " + "x " * MAX_CHARS + "寄到人民路12号"
        masked = mask(text)
        assert "call [phone] now." in masked, words
        assert masked.endswith("寄到[address]")
