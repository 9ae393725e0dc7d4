"""Lines of a sheet that are asked for by name are quoted, whatever the reader is surest of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answering.evidence import quoted
from bot.types import EvidenceSentence, Hit, Passage, Reading
from retrieval.named_facts import with_named_facts
from retrieval.spans import sentence_spans

EN = (
    "SKU: AX-7. Price: €64.00 in the EU; ¥499 in China. Availability: sold out. Weight: 1.9 kg; "
    "Jug: glass; Keep warm: hot plate, off after 35 minutes; Colour: black; EU warranty: 24 months. "
    "The smaller of our two coffee makers, for people who drink one cup after the other all morning."
)
ZH = (
    "货号：AX-7。价格：中国¥499；欧盟€64.00。库存：售罄。重量：1.9千克；壶身：玻璃；保温：发热盘，"
    "35分钟后自动关闭；颜色：黑色；欧盟质保：24个月。两款咖啡机里较小的一款，适合整个上午一杯接一杯喝咖啡的人。"
    "可放进常见的橱柜，附量勺和清洁刷，出厂前经过三道检验。"
)


def read(text: str, surest: str, kind: str = "product") -> Hit:
    """A hit whose reader is sure of the one sentence that holds `surest`."""
    lang = "zh-Hans" if "价格" in text else "en"
    passage = Passage("p", kind, lang, "C30", text)  # type: ignore[arg-type]
    sentences = tuple(
        EvidenceSentence(start, end, 0.9 if surest in text[start:end] else 0.01)
        for start, end in sentence_spans(text)
    )
    return Hit(passage, 1.0, reading=Reading(1.0, sentences, (0, 0), 0.0))


@pytest.mark.parametrize(
    ("text", "question", "told"),
    [
        (EN, "How long does it keep coffee warm and what does it cost?", "€64.00"),
        (EN, "keeps warm? and how much is it", "€64.00"),
        (EN, "How long does it keep warm, and is it in stock?", "sold out"),
        (EN, "is it heavy, and does it keep warm", "1.9 kg"),
        (EN, "Is the jug glass? How long does it keep warm?", "Jug: glass"),
        (ZH, "能保温多久？多少钱？", "¥499"),
        (ZH, "能保温多久？現在有貨嗎", "售罄"),
        (ZH, "保温多久，多重", "1.9千克"),
        (ZH, "壶身是什么做的，能保温多久", "壶身：玻璃"),
    ],
)
def test_the_second_thing_asked_is_quoted_too(text: str, question: str, told: str) -> None:
    warm = "Keep warm" if text == EN else "保温"
    before = read(text, warm)
    assert told not in quoted(before, 700)
    after = quoted(with_named_facts(before, question), 700)
    assert told in after
    assert "35" in after, "what the reader found stays"


@pytest.mark.parametrize(
    "question", ["How much does it weigh when it keeps warm?", "how long is it warm", "能保温多久"]
)
def test_a_price_nobody_asked_for_is_not_quoted(question: str) -> None:
    for text, warm in ((EN, "Keep warm"), (ZH, "保温")):
        assert "64.00" not in quoted(with_named_facts(read(text, warm), question), 700)


def test_an_entry_without_labels_stays_as_it_was() -> None:
    faq = read("Price promise: we match prices. Ask us within 14 days.", "Ask", kind="faq")
    assert with_named_facts(faq, "what does it cost?") is faq
    unread = Hit(Passage("p", "product", "en", "C30", EN), 1.0)
    assert with_named_facts(unread, "price?") is unread


@given(question=st.text(max_size=80), text=st.text(max_size=300))
def test_nothing_becomes_less_needed(question: str, text: str) -> None:
    hit = read(text, "x")
    after = with_named_facts(hit, question)
    assert hit.reading
    assert after.reading
    pairs = zip(hit.reading.sentences, after.reading.sentences, strict=True)
    assert all(new.needed >= old.needed for old, new in pairs)
