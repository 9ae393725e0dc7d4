"""What the chat page, the terminal and the API say for themselves, in English and Chinese.

Covered: interface texts and polite refusals. Not covered: prepared sentences of the bot itself
(the answering stages own those) and the console's texts (`bot.console.texts`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.config import Settings
from bot.types import Lang

UiLang = Literal["en", "zh"]
"""The two languages of the pages."""


@dataclass(frozen=True, slots=True)
class Refusals:
    """Polite sentences for whoever sent something that cannot be answered."""

    empty: str
    too_long: str
    too_large: str
    unreadable: str
    bad_id: str
    busy: str
    slow_down: str
    too_slow: str
    no_key: str
    no_scope: str
    failed: str
    lost: str
    not_found: str
    unknown_turn: str
    method: str


@dataclass(frozen=True, slots=True)
class ChatTexts:
    """Everything the chat page shows that is not a message."""

    shop: str
    shop_other: str
    title: str
    subtitle: str
    welcome: str
    intro: str
    examples: tuple[str, ...]
    placeholder: str
    message_label: str
    send: str
    keys: str
    person: str
    person_message: str
    new_chat: str
    switch_label: str
    typing: str
    looking_up: str
    you: str
    bot: str
    agent: str
    sources: str
    handover: str
    dont_know: str
    waiting: str
    with_agent: str
    delivered: str
    restarted: str
    undo: str
    close: str
    helpful: str
    not_helpful: str
    thanks: str
    sorry: str
    retry: str
    newest: str
    log_label: str
    over_limit: str
    no_script: str
    kinds: dict[str, str]
    refusals: Refusals


_REFUSALS: dict[UiLang, Refusals] = {
    "en": Refusals(
        empty="Please type a question first.",
        too_long=(
            "Sorry, that is too long for me: please keep it under {limit} characters. "
            "Most questions fit into a sentence or two."
        ),
        too_large="Sorry, that is more than we can take in one message.",
        unreadable="Sorry, we could not read this request. {hint}",
        bad_id="Sorry, an identifier in this request cannot be used. {hint}",
        busy=(
            "Many customers are asking at the moment. Please try again in {seconds} seconds; "
            "nothing is lost."
        ),
        slow_down="That was a lot in a short time. Please wait {seconds} seconds and try again.",
        too_slow="The request took too long to arrive. Please send it again.",
        no_key="This address needs an API key: send it as `Authorization: Bearer shk_…`.",
        no_scope="This API key may not do that: it lacks the scope {scope}.",
        failed="Sorry, something went wrong on our side. Please try again in a moment.",
        lost="The connection was lost before the answer was complete. Please send it again.",
        not_found="There is nothing at this address.",
        unknown_turn="We do not know this answer, so the vote could not be stored.",
        method="This address does not accept requests of this kind.",
    ),
    "zh": Refusals(
        empty="请先输入您的问题。",
        too_long="抱歉，内容太长了，请控制在 {limit} 个字以内。一两句话说清楚就好。",
        too_large="抱歉，这条消息太大了，我们无法接收。",
        unreadable="抱歉，我们无法读取这个请求。{hint}",
        bad_id="抱歉，请求中的标识符无法使用。{hint}",
        busy="现在咨询的顾客较多，请在 {seconds} 秒后再试，已有的对话不会丢失。",
        slow_down="您发送得有点快，请等待 {seconds} 秒后再试。",
        too_slow="请求传输超时，请重新发送。",
        no_key="此接口需要 API 密钥，请通过 `Authorization: Bearer shk_…` 发送。",
        no_scope="此 API 密钥没有相应权限，缺少 {scope}。",
        failed="抱歉，我们这边出了点问题，请稍后再试。",
        lost="连接中断，回答没有显示完整，请重新发送。",
        not_found="这个地址没有内容。",
        unknown_turn="找不到这条回答，评价没有保存。",
        method="这个地址不接受这类请求。",
    ),
}


def refusals(lang: Lang | None) -> Refusals:
    """The refusals in the language nearest to `lang`."""
    return _REFUSALS[ui_lang(lang)]


def ui_lang(lang: Lang | None) -> UiLang:
    """The language of the pages for a reader of `lang`."""
    return "zh" if lang in ("zh-Hans", "zh-Hant") else "en"


def chat_texts(
    settings: Settings, examples: Mapping[UiLang, Sequence[str]] | None = None
) -> dict[UiLang, ChatTexts]:
    """The chat page's texts, with the shop's names and the questions that it suggests."""
    suggested = examples or {}
    return {
        "en": _english(settings, suggested.get("en", ())),
        "zh": _chinese(settings, suggested.get("zh", ())),
    }


def _english(settings: Settings, examples: Sequence[str]) -> ChatTexts:
    return ChatTexts(
        shop=settings.shop_name_en,
        shop_other=settings.shop_name_zh,
        title=f"{settings.shop_name_en} · Customer service",
        subtitle="Customer service",
        welcome="Hello! How can we help?",
        intro=(
            "Ask about delivery, returns, warranty or any of our products. "
            "You will see the source beside every answer."
        ),
        examples=tuple(examples),
        placeholder="Type your question…",
        message_label="Your message",
        send="Send",
        keys="Enter to send, Shift + Enter for a new line",
        person="Talk to a person",
        person_message="I would like to talk to a person, please.",
        new_chat="New conversation",
        switch_label="Language",
        typing="is writing",
        looking_up="Looking it up",
        you="You",
        bot="Assistant",
        agent="Colleague",
        sources="Sources",
        handover="Handed to a colleague",
        dont_know="No answer found",
        waiting="Waiting for a colleague",
        with_agent="A colleague has joined",
        delivered="Our colleague has received this and will answer here.",
        restarted="A new conversation has begun.",
        undo="Undo",
        close="Close",
        helpful="Helpful",
        not_helpful="Not helpful",
        thanks="Thank you for telling us.",
        sorry="Thank you. We will look into this answer.",
        retry="Try again",
        newest="Newest message",
        log_label="Conversation",
        over_limit="{over} characters too many",
        no_script="This chat needs JavaScript. You can also reach us by e-mail or phone.",
        kinds={"faq": "FAQ", "policy": "Policy", "product": "Product"},
        refusals=_REFUSALS["en"],
    )


def _chinese(settings: Settings, examples: Sequence[str]) -> ChatTexts:
    return ChatTexts(
        shop=settings.shop_name_zh,
        shop_other=settings.shop_name_en,
        title=f"{settings.shop_name_zh} · 在线客服",
        subtitle="在线客服",
        welcome="您好，有什么可以帮您？",
        intro="物流、退换、保修、商品参数都可以问。每条回答旁边都附有出处，点开即可查看原文。",
        examples=tuple(examples),
        placeholder="请输入您的问题…",
        message_label="您的消息",
        send="发送",
        keys="按 Enter 发送，Shift + Enter 换行",
        person="转人工客服",
        person_message="我想找人工客服。",
        new_chat="新的对话",
        switch_label="语言",
        typing="正在输入",
        looking_up="正在查找",
        you="您",
        bot="小助手",
        agent="人工客服",
        sources="出处",
        handover="已转人工客服",
        dont_know="暂未找到答案",
        waiting="正在等待人工客服",
        with_agent="人工客服已接入",
        delivered="人工客服已收到您的消息，会在这里回复您。",
        restarted="已开始新的对话。",
        undo="撤销",
        close="关闭",
        helpful="有帮助",
        not_helpful="没帮助",
        thanks="感谢您的评价。",
        sorry="感谢反馈，我们会核查这条回答。",
        retry="重试",
        newest="最新消息",
        log_label="对话内容",
        over_limit="超出 {over} 字",
        no_script="本页面需要启用 JavaScript。您也可以通过电话或邮件联系我们。",
        kinds={"faq": "常见问题", "policy": "政策", "product": "商品"},
        refusals=_REFUSALS["zh"],
    )
