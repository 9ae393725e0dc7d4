"""Every word of the console, in English and Chinese.

Covered: labels, buttons, and names for the codes that a turn stores. An unknown code is shown as
it is stored, with spaces. Not covered: the customers' pages (`bot.channels.texts`).
"""

from __future__ import annotations

from bot.channels.texts import UiLang
from bot.console.audit_texts import AUDIT
from bot.console.people_texts import PEOPLE
from bot.console.teach_texts import TEACH

_TEXTS: dict[str, tuple[str, str]] = {
    **PEOPLE,
    **AUDIT,
    **TEACH,
    # frame
    "console": ("Service desk", "客服工作台"),
    "conversations": ("Conversations", "会话"),
    "unanswered_page": ("Unanswered questions", "未解答的问题"),
    "open_chat": ("Open the chat page", "打开顾客聊天页"),
    "sign_in": ("Sign in", "登录"),
    "sign_out": ("Sign out", "退出"),
    "name": ("Name", "用户名"),
    "password": ("Password", "密码"),
    "skip": ("Skip to the content", "跳到正文"),
    "back": ("All conversations", "返回会话列表"),
    # sign-in
    "sign_in_hint": (
        "Accounts are made with `shopkeeper agents add`.",
        "账号由管理员用 `shopkeeper agents add` 创建。",
    ),
    "wrong": ("Name or password is not right.", "用户名或密码不正确。"),
    "locked": (
        "Too many attempts. Please try again in {minutes} minutes.",
        "尝试次数过多，请在 {minutes} 分钟后再试。",
    ),
    "expired": (
        "This page had been open for too long. Please try again.",
        "页面停留时间过长，请再试一次。",
    ),
    # list
    "view_all": ("All", "全部"),
    "view_waiting": ("Waiting", "等待人工"),
    "view_mine": ("With people", "人工处理中"),
    "view_unhappy": ("Unhappy", "不满意"),
    "view_handed_over": ("Handed over", "已转人工"),
    "view_unanswered": ("Unanswered", "未解答"),
    "search": ("Search messages or customers", "搜索消息或顾客"),
    "search_button": ("Search", "搜索"),
    "clear": ("Clear", "清除"),
    "older": ("Older", "更早的"),
    "first_page": ("Back to the newest", "回到最新"),
    "keys": (
        "j and k move, Enter opens, / searches",
        "j / k 上下移动，Enter 打开，/ 搜索",
    ),
    "empty_all": ("No conversations yet.", "还没有会话。"),
    "empty_all_hint": (
        "As soon as a customer writes on the chat page, it shows up here.",
        "顾客在聊天页发来消息后，会显示在这里。",
    ),
    "empty_waiting": ("Nobody is waiting.", "没有顾客在等待。"),
    "empty_filter": ("No conversation matches.", "没有符合条件的会话。"),
    "empty_filter_hint": ("Try another filter or fewer words.", "换个筛选条件，或减少关键词试试。"),
    "live": ("Updates by itself", "自动更新"),
    "stale": ("Not connected, trying again", "连接中断，正在重试"),
    "customer": ("Customer", "顾客"),
    "guest": ("Guest", "访客"),
    "last_message": ("Last message", "最近消息"),
    "state": ("State", "状态"),
    "mood": ("Mood", "情绪"),
    "flags": ("Flags", "标记"),
    "when": ("When", "时间"),
    "turns": ("{n} turns", "{n} 轮"),
    "turn_one": ("1 turn", "1 轮"),
    # states and flags
    "status_bot": ("Bot", "机器人"),
    "status_waiting": ("Waiting", "等待中"),
    "status_agent": ("With {name}", "{name} 处理中"),
    "status_resolved": ("Resolved", "已解决"),
    "unhappy": ("Unhappy", "不满意"),
    "open_questions": ("{n} unanswered", "{n} 个未解答"),
    "voted_down": ("Voted down", "差评"),
    "voted_up": ("Voted up", "好评"),
    "mood_negative": ("negative", "负面"),
    "mood_neutral": ("neutral", "中性"),
    "mood_positive": ("positive", "正面"),
    "mood_unknown": ("unknown", "未知"),
    # times
    "now": ("now", "刚刚"),
    "ago": ("{time} ago", "{time}前"),
    "minutes": ("{n} min", "{n} 分钟"),
    "hours": ("{n} h", "{n} 小时"),
    "days": ("{n} d", "{n} 天"),
    # conversation
    "take_over": ("Take over", "接管"),
    "hand_back": ("Hand back to the bot", "交还机器人"),
    "resolve": ("Resolve", "标记已解决"),
    "reply": ("Reply", "回复"),
    "reply_label": ("Your reply to the customer", "给顾客的回复"),
    "reply_keys": ("Ctrl + Enter sends, Esc leaves", "Ctrl + Enter 发送，Esc 退出输入"),
    "take_over_first": (
        "Take over to reply. The bot then keeps silent.",
        "接管后即可回复，机器人将不再自动回答。",
    ),
    "is_with": ("{name} has this conversation.", "{name} 正在处理这个会话。"),
    "is_resolved": (
        "Resolved. The customer's next message opens it again.",
        "已解决。顾客再次发消息时会重新打开。",
    ),
    "said_customer": ("Customer", "顾客"),
    "said_bot": ("Bot", "机器人"),
    "behind": ("Behind this answer", "回答依据"),
    "reason": ("Reason", "原因"),
    "brief": ("In short", "转接摘要"),
    "overdue": ("Waiting too long", "等待超时"),
    "tried": ("What the bot tried", "机器人已尝试"),
    "sources": ("Sources", "资料"),
    "suggestion": ("Suggested reply", "建议回复"),
    "use_suggestion": ("Use it", "使用"),
    "episode_ended": ("Resolved; a new conversation begins", "已解决，以下为新的会话"),
    "why": ("Which words?", "哪些词？"),
    "why_hint": (
        "The stronger the colour, the more the mood depends on the word: red makes the customer "
        "seem unhappier, green happier.",
        "颜色越深，该词对情绪判断的影响越大：红色偏负面，绿色偏正面。",
    ),
    "handover_reason": ("Handed over because", "转人工原因"),
    "channel": ("Channel", "渠道"),
    "lang": ("Language", "语言"),
    "started": ("Started", "开始时间"),
    "id": ("Id", "编号"),
    "earlier": ("Earlier conversation", "上一次会话"),
    "frustration": ("Frustration", "不满程度"),
    "trend": ("Trend", "走势"),
    "trend_up": ("getting worse", "在变差"),
    "trend_down": ("getting better", "在好转"),
    "trend_flat": ("steady", "平稳"),
    "understood": ("Understood as", "理解为"),
    "looked_up": ("Looked up", "检索语句"),
    "follow_up": ("follow-up", "追问"),
    "intent": ("Intent", "意图"),
    "decision": ("Decision", "决定"),
    "confidence": ("confidence", "置信度"),
    "answerability": ("Answerable", "可答概率"),
    "hits": ("Passages found", "检索到的资料"),
    "no_hits": ("Nothing was found.", "没有检索到资料。"),
    "passage": ("Passage", "资料"),
    "version": ("v{n}", "第{n}版"),
    "score": ("Score", "得分"),
    "dense": ("Meaning", "语义"),
    "lexical": ("Words", "词语"),
    "reading": ("Reading", "精读"),
    "exact": ("exact match", "精确匹配"),
    "cited": ("cited", "已引用"),
    "draft": ("Draft, sentence by sentence", "草稿逐句检查"),
    "released": ("released", "已放行"),
    "blocked": ("held back", "已拦截"),
    "no_draft": (
        "Nothing was drafted: a prepared text was sent.",
        "未生成草稿，发送的是预设文本。",
    ),
    "raw_draft": ("Draft as written", "草稿原文"),
    "timings": ("Time", "耗时"),
    "first_reply": ("first words after {ms}", "首句 {ms}"),
    "versions": ("Versions", "版本"),
    "error": ("Error", "错误"),
    "vote_comment": ("Customer's comment", "顾客留言"),
    "kind_faq": ("FAQ", "常见问题"),
    "kind_policy": ("Policy", "政策"),
    "kind_product": ("Product", "商品"),
    # actions
    "done_take_over": ("You have taken over.", "您已接管。"),
    "done_hand_back": ("The bot answers again.", "已交还机器人。"),
    "done_resolve": ("Marked as resolved.", "已标记为已解决。"),
    "done_reply": ("Sent.", "已发送。"),
    "refused": ("That is not possible now: {why}", "当前无法执行：{why}"),
    # unanswered
    "unanswered_hint": (
        "What customers asked and the shop's texts did not answer, newest first. "
        "Each one is a candidate for a new FAQ entry.",
        "顾客问过、而店铺资料没有答案的问题，按时间倒序。每一条都可以考虑补充到常见问题。",
    ),
    "unanswered_empty": ("Every question has been answered so far.", "目前所有问题都有答案。"),
    "unanswered_empty_hint": (
        "Questions that the bot cannot answer will be collected here.",
        "机器人答不了的问题会汇总到这里。",
    ),
    "newest_only": ("The newest {n} are shown.", "仅显示最新的 {n} 条。"),
    # errors
    "not_found": ("There is nothing here.", "这里没有内容。"),
    "not_found_hint": ("The conversation may have been deleted.", "该会话可能已被删除。"),
    "crashed": ("Something went wrong.", "出了点问题。"),
    "crashed_hint": ("Please try again. The log has the details.", "请重试，详情见日志。"),
    # codes: intents
    "intent_question": ("question", "咨询"),
    "intent_product_question": ("product question", "商品咨询"),
    "intent_order_matter": ("order matter", "订单问题"),
    "intent_complaint": ("complaint", "投诉"),
    "intent_wants_human": ("wants a person", "要求人工"),
    "intent_smalltalk": ("small talk", "闲聊"),
    "intent_thanks_bye": ("thanks or goodbye", "致谢告别"),
    "intent_out_of_scope": ("off topic", "无关话题"),
    "intent_abuse": ("abuse", "辱骂"),
    # codes: actions
    "action_answer": ("answered", "已回答"),
    "action_clarify": ("asked back", "反问澄清"),
    "action_smalltalk": ("small talk", "闲聊"),
    "action_abstain": ("said it does not know", "表示不知道"),
    "action_hand_over": ("handed over", "转人工"),
    "action_reject": ("refused", "拒绝"),
    "action_silent": ("kept silent", "未作答"),
    # codes: reasons
    "reason_asked_for_person": ("asked for a person", "要求人工"),
    "reason_unhappy": ("unhappy customer", "顾客不满"),
    "reason_nothing_asked": ("nothing was asked", "没有提问"),
    "reason_too_long": ("message too long", "消息过长"),
    "reason_abuse": ("abuse", "辱骂"),
    "reason_smalltalk": ("small talk", "闲聊"),
    "reason_thanks_bye": ("thanks or goodbye", "致谢告别"),
    "reason_answerable": ("the texts answer it", "资料可答"),
    "reason_out_of_scope": ("off topic", "无关话题"),
    "reason_order_matter": ("concerns an order", "涉及订单"),
    "reason_complaint": ("complaint", "投诉"),
    "reason_two_failed": ("two failures in a row", "连续两次未答上"),
    "reason_worsening": ("getting unhappier", "情绪恶化"),
    "reason_legal_threat": ("legal threat", "法律或监管投诉"),
    "reason_safety": ("safety", "人身安全"),
    "reason_payment_dispute": ("payment dispute", "付款争议"),
    "reason_policy_unsure": ("not sure of a policy", "对政策把握不足"),
    "reason_no_answer": ("a message got no answer", "消息未得到回复"),
    "reason_opened_elsewhere": ("opened by a colleague", "同事已打开"),
    "reason_still_waiting": ("is waiting already", "已在等待人工"),
    "reason_not_in_knowledge": ("not in the shop's texts", "资料中没有"),
    "reason_declined": ("passages found, none answers it", "检索到资料但都不含答案"),
    "reason_with_agent": ("a person has it", "人工处理中"),
    "reason_failure": ("technical failure", "技术故障"),
    # codes: what the guard found
    "problem_citation_unknown": ("cites a source that was not given", "引用了不存在的资料"),
    "problem_citation_missing": ("no source", "没有出处"),
    "problem_negation_changed": ("yes and no differ from the source", "与原文的肯定或否定相反"),
    "problem_condition_lost": ("leaves out a condition of the source", "漏掉了原文的条件"),
    "problem_support_low": ("its source does not bear it out", "出处不足以支持该说法"),
    "problem_claimed_action": ("claims an action it cannot take", "声称执行了做不到的操作"),
    "problem_prompt_leak": ("shows its instructions", "泄露内部指令"),
    "problem_unsupported_name": ("name is not in the source", "名称不在出处中"),
    "problem_unsupported_number": ("number is not in the source", "数字不在出处中"),
    "problem_unsupported_date": ("date is not in the source", "日期不在出处中"),
    "problem_unsupported_time": ("time is not in the source", "时间不在出处中"),
    "problem_unsupported_code": ("code is not in the source", "编号不在出处中"),
    "problem_unsupported_link": ("link is not in the source", "链接不在出处中"),
    "problem_unsupported_email": ("e-mail is not in the source", "邮箱不在出处中"),
    "problem_unsupported_phone": ("phone is not in the source", "电话不在出处中"),
    # codes: stages
    "stage_understand": ("understand", "理解"),
    "stage_mood": ("mood", "情绪"),
    "stage_retrieve": ("search", "检索"),
    "stage_compose": ("write", "撰写"),
    "stage_other": ("other", "其他"),
    # channels
    "channel_web": ("Chat page", "聊天页"),
    "channel_api": ("API", "API"),
    "channel_terminal": ("Terminal", "终端"),
    "channel_chatwoot": ("Chatwoot", "Chatwoot"),
    # languages
    "lang_en": ("English", "英语"),
    "lang_zh-Hans": ("Chinese", "简体中文"),
    "lang_zh-Hant": ("Chinese (trad.)", "繁体中文"),
    "lang_other": ("other", "其他"),
}


class Words:
    """The console's texts in one language: `words("take_over")`, `words("turns", n=3)`."""

    def __init__(self, lang: UiLang) -> None:
        self.lang = lang

    def __call__(self, key: str, **values: object) -> str:
        """The text of `key`, with values filled in.

        Raises:
            KeyError: no such text.
        """
        text = _TEXTS[key][self.lang == "zh"]
        return text.format(**values) if values else text

    def code(self, family: str, code: str) -> str:
        """The name of a stored code, e.g. `code("reason", "unhappy")`."""
        found = _TEXTS.get(f"{family}_{code}")
        return found[self.lang == "zh"] if found else code.replace("_", " ")


def keys() -> frozenset[str]:
    """All keys there are."""
    return frozenset(_TEXTS)
