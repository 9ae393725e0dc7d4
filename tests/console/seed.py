"""Forty believable conversations, for looking at the console and for tests of its list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.types import Action, Lang, Message, Mood, Reply, Verdict
from tests.channels.fakes import (
    BLOCKED,
    CHINESE,
    ENGLISH,
    RETURNS,
    SHIPPING,
    Script,
    Shop,
    make_turn,
)

UNKNOWN = Reply("Sorry, I could not find this in our pages. Shall I ask a colleague?", "notice")
UNKNOWN_ZH = Reply("抱歉，我在店铺资料里没有找到答案，需要为您转人工吗？", "notice")
HANDED = Reply("A colleague will take over here. Monday to Friday, 9:00–18:00 CET.", "notice")
HANDED_ZH = Reply("已为您转接人工客服，服务时间为周一至周六 9:00–21:00。", "notice")
ANGRY = Mood("negative", {"negative": 0.93}, 0.88, 0.4, unhappy=True, model="mood-1")
IRRITATED = Mood("negative", {"negative": 0.7}, 0.46, 0.2, unhappy=False, model="mood-1")
CALM = Mood("neutral", {"neutral": 0.8}, 0.12, 0.0, unhappy=False, model="mood-1")
GLAD = Mood("positive", {"positive": 0.9}, 0.03, -0.2, unhappy=False, model="mood-1")


@dataclass(frozen=True)
class Said:
    """One turn of a made-up conversation."""

    text: str
    lang: Lang = "en"
    action: Action = Action.ANSWER
    reason: str = "answerable"
    mood: Mood = CALM
    replies: Sequence[Reply] = ENGLISH


def _no(text: str, lang: Lang = "en", mood: Mood = CALM) -> Said:
    reply = UNKNOWN if lang == "en" else UNKNOWN_ZH
    return Said(text, lang, Action.ABSTAIN, "not_in_knowledge", mood, (reply,))


def _over(text: str, reason: str, lang: Lang = "en", mood: Mood = ANGRY) -> Said:
    reply = HANDED if lang == "en" else HANDED_ZH
    return Said(text, lang, Action.HAND_OVER, reason, mood, (reply,))


def _zh(text: str, mood: Mood = CALM) -> Said:
    return Said(text, "zh-Hans", mood=mood, replies=CHINESE)


STORIES: Sequence[Sequence[Said]] = (
    (
        _zh("我的水壶到了，盖子是裂的"),
        _zh("上次你们说三天内处理，现在已经第五天了", IRRITATED),
        _over("再不处理我就去12315投诉！！", "unhappy", "zh-Hans"),
    ),
    (
        Said("Where is my parcel? Order 20417."),
        _over("This is the third time I ask. I want my money back NOW.", "unhappy"),
    ),
    (_over("I would like to talk to a person, please.", "asked_for_person", mood=CALM),),
    (_over("帮我查一下订单 20261104 到哪了", "order_matter", "zh-Hans", CALM),),
    (_no("Does the K17 kettle work with a camping gas stove?"),),
    (_no("这款冲锋衣能防滑雪摔吗？", "zh-Hans"), _no("那里面是什么棉？", "zh-Hans", IRRITATED)),
    (Said("How many days do I have to send something back?"), Said("And in China?")),
    (_zh("满多少包邮？"), _zh("新疆呢？"), _zh("谢谢", GLAD)),
    (Said("Great service, thank you so much!", mood=GLAD),),
    (_no("¿Hablan español? Quiero devolver unos zapatos.", "en"),),
    (Said("هل يمكنني إرجاع الحذاء؟ I need size 42"),),
    (Said("<script>alert('x')</script> <b>bold?</b> [link](javascript:alert(1))"),),
)

MORE = (
    "What is the warranty on the cabin suitcase, and does it cover the wheels?",
    "羽绒被可以机洗吗？水温多少合适？",
    "Do you deliver to Norway?",
    "礼品卡有效期多久",
    "Can I pay with Klarna in the Netherlands?",
    "发票抬头写错了怎么改",
    "The zip of my jacket broke after two weeks.",
    "双十一的价保到什么时候？",
    "Is the 1.7 L kettle back in stock soon?",
    "行李箱轮子坏了，保修吗",
    "can i change adress after order??",
    "苏州直发是什么意思，要交税吗",
    "Do you have a student discount?",
    "不粘锅可以进洗碗机吗？",
    "My coupon is not accepted at checkout.",
    "积分怎么用",
    "Is the cast iron pan suitable for induction?",
    "周末送货吗？",
    "Are the earphones covered if the battery dies?",
    "怎么联系人工",
    "When will the Tidewell K17 arrive in Venlo?",
    "耳机充不进电了",
    "Can you engrave a logo on 200 bottles?",
    "退货运费谁出",
    "How long does express take to Paris?",
    "鞋子偏大还是偏小",
    "Please delete my account and all my data.",
    "企业采购可以月结吗？",
)


def fill(shop: Shop, now: datetime | None = None) -> list[str]:
    """Store forty conversations; their ids, those who wait for a person first."""
    now = now or datetime.now(UTC)
    ids = []
    for number, story in enumerate(STORIES):
        started = now - timedelta(minutes=3 + 11 * number)
        ids.append(_tell(shop, number, story, started))
    for number, question in enumerate(MORE, start=len(STORIES)):
        chinese = ord(question[0]) > 0x2E80
        started = now - timedelta(hours=2 + number, minutes=7 * number)
        ids.append(_tell(shop, number, (_zh(question) if chinese else Said(question),), started))
    shop.parts.conversations.take_over(ids[3], "anna")
    shop.parts.conversations.reply_as_agent(ids[3], "anna", "您好，我是客服安娜，正在为您查询。")
    shop.parts.conversations.resolve(ids[8], "anna")
    for turn_id, value, comment in (
        (f"{ids[6]}-0", 1, ""),
        (f"{ids[4]}-0", -1, "That does not help at all."),
    ):
        shop.parts.feedback.vote(turn_id, value, comment)
    return ids


def _tell(shop: Shop, number: int, story: Sequence[Said], started: datetime) -> str:
    conversation_id = f"{number:02d}" + f"{number * 7919 + 104729:x}".rjust(30, "a")
    for place, said in enumerate(story):
        message = Message(
            conversation_id,
            said.text,
            "web" if number % 4 else "chatwoot",
            customer_id="" if number % 3 else f"customer-{1000 + number}@example.com",
            message_id=f"{conversation_id}-{place}",
            interface_lang=said.lang,
            received_at=started + timedelta(minutes=place),
        )
        script = Script(
            said.replies,
            said.action,
            said.reason,
            said.mood,
            lang=said.lang,
            hits=(RETURNS, SHIPPING) if said.action is Action.ANSWER else (SHIPPING,),
            verdicts=_verdicts(said),
        )
        shop.store.save(make_turn(message, script, said.replies))
    return conversation_id


def _verdicts(said: Said) -> Sequence[Verdict] | None:
    if said.lang == "en" and said.action is Action.ANSWER:
        drafted = [Verdict(r.text, tuple(c.number for c in r.citations)) for r in said.replies]
        return (*drafted, BLOCKED)
    return None
