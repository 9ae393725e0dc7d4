"""Prepared sentences: what the customer is told when nothing is drafted. English and Chinese.

They promise nothing that the program does not do. When people answer comes from the settings.
"""

from __future__ import annotations

from functools import cache

import opencc

from bot.types import Lang

_TEXTS: dict[str, tuple[str, str]] = {
    "abstain": (
        "I'm sorry, I couldn't find that in the shop's information, so I'd rather not guess. "
        "Shall I pass your question to a colleague? Just reply “agent”.",
        "抱歉，店铺资料里没有找到相关说明，我不想随意猜测误导您。需要的话，请回复“人工”，我为您转接同事。",
    ),
    "hand_over": (
        "I'm passing this conversation to a colleague, who will see everything you wrote. "
        "The reply will appear in this chat.",
        "我现在把您的对话转给人工客服，同事会看到您之前的全部留言，回复会出现在本对话中。",
    ),
    "hand_over_closed": (
        "I'm passing this conversation to a colleague, who will see everything you wrote. "
        "Our team is back {when}; the reply will appear in this chat.",
        "我已把您的对话转给人工客服，同事会看到您之前的全部留言。"
        "人工客服将于{when}上班，回复会出现在本对话中。",
    ),
    "still_waiting": (
        "A colleague has your conversation in the queue and will reply in this chat. "
        "Whatever you add here, they will see.",
        "您的对话已在人工客服的队列中，同事会在本对话中回复您。您补充的内容他们都能看到。",
    ),
    "still_waiting_closed": (
        "Your conversation is in our colleagues' queue. They are back {when} and will reply in "
        "this chat. Whatever you add here, they will see.",
        "您的对话已在人工客服的队列中，同事将于{when}上班，届时在本对话中回复您。"
        "您补充的内容他们都能看到。",
    ),
    "escalated": (
        "I'm sorry that you are still waiting. I have reminded our colleagues and put your "
        "conversation at the front of their queue. You need not write again: the reply will "
        "appear here.",
        "抱歉让您久等了。我已再次提醒同事，并把您的对话排到队列最前面。您无需重复留言，回复会出现在这里。",
    ),
    "unanswered": (
        "I'm sorry, your last message has had no answer yet.",
        "抱歉，您上一条消息还没有得到回复。",
    ),
    "handed_back": (
        "I'm the shop's assistant and back in this conversation. If you still need a colleague, "
        "just reply “agent”.",
        "我是智能客服，现在继续为您服务。如果仍需要人工，请回复“人工”。",
    ),
    "closed": (
        "A colleague has closed this conversation. If anything is still open, just write here and "
        "we will carry on.",
        "同事已结束本次会话。如果还有问题没有解决，直接在这里留言，我们会继续为您处理。",
    ),
    "worsening": (
        "I'm sorry, this is not going the way it should.",
        "抱歉，没能让事情顺利解决。",
    ),
    "reserved": (
        "This is something a person should look into.",
        "这件事需要由人工来处理。",
    ),
    "policy_unsure": (
        "I'm not sure enough about our rules in this case to give you a reliable answer.",
        "关于这种情况的规定，我没有足够把握给您准确的答复。",
    ),
    "unhappy": (
        "I'm sorry about the trouble this has caused you.",
        "非常抱歉给您带来了不好的体验。",
    ),
    "two_failed": (
        "I'm sorry, I couldn't find that either.",
        "抱歉，这个问题我也没能找到答案。",
    ),
    "order_matter": (
        "I can't look into individual orders myself.",
        "我无法查询或处理具体订单。",
    ),
    "greeting": (
        "Hello! I'm {shop}'s assistant. Ask me about products, delivery, returns or anything "
        "else about the shop.",
        "您好！我是{shop}的智能客服，商品、配送、退换货等问题都可以问我。",
    ),
    "thanks": (
        "You're welcome! If anything else comes up, just write here.",
        "不客气！还有其他问题随时找我。",
    ),
    "out_of_scope": (
        "I'm sorry, I can only help with questions about {shop}, such as products, delivery and "
        "returns.",
        "抱歉，我只能回答与{shop}相关的问题，比如商品、配送、退换货等。",
    ),
    "abuse": (
        "I'd like to help you with your question. Please keep it respectful, or reply “agent” "
        "to speak to a colleague.",
        "我很愿意帮您解决问题，请文明用语；如需人工服务，请回复“人工”。",
    ),
    "clarify": (
        "Could you tell me a little more about what you'd like to know?",
        "请问您想了解哪方面的问题？可以再说得具体一点吗？",
    ),
    "too_long": (
        "That message is too long for me. Please put your question in a few sentences.",
        "您的消息太长了，请用几句话说明您的问题。",
    ),
    "other_language": (
        "I can help you in English or Chinese. / 我可以用中文或英文为您服务。",
        "我可以用中文或英文为您服务。 / I can help you in English or Chinese.",
    ),
    "failure": (
        "Sorry, something went wrong on our side. Your message is saved.",
        "抱歉，系统出了点问题，您的消息已保存。",
    ),
    "verbatim": (
        "Here is what the shop's information says:",
        "以下是店铺的相关说明：",
    ),
    "related": (
        "I don't have exactly that, but this may help:",
        "没有找到完全对应的说明，以下内容可能对您有帮助：",
    ),
}


def notice(name: str, lang: Lang, **values: str) -> str:
    """The prepared sentence `name` in the customer's language.

    Args:
        values: what the sentence's braces stand for, such as `when` and `shop`.

    Raises:
        KeyError: there is no such sentence.
    """
    english, chinese = _TEXTS[name]
    text = (chinese if lang.startswith("zh") else english).format(**values)
    return to_script(text, lang)


@cache
def _converter(direction: str) -> opencc.OpenCC:
    return opencc.OpenCC(direction)


def to_script(text: str, lang: Lang) -> str:
    """Chinese text in the script of `lang`; other text unchanged."""
    if lang == "zh-Hant":
        return str(_converter("s2t").convert(text))
    if lang == "zh-Hans":
        return str(_converter("t2s").convert(text))
    return text
