"""Words for working through the queue, and for writing and correcting what the bot says, in English
and Chinese.
"""

from __future__ import annotations

TEACH: dict[str, tuple[str, str]] = {
    "conversation_one": ("Conversation", "返回会话"),
    "view_own": ("Mine", "我的"),
    "owed": ("Awaits a reply", "待回复"),
    "next_waiting": ("Next in line", "下一位等待的顾客"),
    "talk_keys": (
        "t takes over, r replies, n opens the next in line, u goes back",
        "t 接管，r 回复，n 下一位，u 返回",
    ),
    "frustration_now": ("now {now}, at most {most}", "当前 {now}，最高 {most}"),
    "teach_new": ("Write the answer", "补充答案"),
    "teach_edit": ("Change this entry", "修改这条资料"),
    "teach_correct": ("Correct", "纠正"),
    "teach_hint": (
        "What you save here is an entry of the shop's knowledge. The bot answers with it within a "
        "second, to everybody: write nothing about this customer.",
        "保存后即成为店铺资料，机器人一秒内就会用它回答所有顾客，请不要写入该顾客的个人信息。",
    ),
    "teach_asked": ("The customer asked", "顾客的问题"),
    "teach_said": ("The bot said", "机器人的回答"),
    "teach_question": ("Question, as customers would ask it", "问题（按顾客的问法）"),
    "teach_answer": ("Answer, word for word as customers get it", "答案（原样发给顾客）"),
    "teach_also": ("The same question in other words, one a line", "同一问题的其他问法，每行一个"),
    "teach_save": ("Save", "保存"),
    "teach_retire": ("Stop using this entry", "停用这条资料"),
    "teach_retire_sure": (
        "Stop answering with this entry? It can be written again.",
        "确定不再用这条资料回答？之后可以重新填写。",
    ),
    "teach_instead": (
        "Or change an entry that the search found:",
        "也可以直接修改检索到的资料：",
    ),
    "teach_from": (
        "It came from {source}: change it there as well, or the next import brings the old text back.",
        "该条来自 {source}，请同时修改源文件，否则下次导入会恢复原文。",
    ),
    "teach_product": (
        "Products are changed where they come from: in the shop system or its export.",
        "商品资料请在店铺系统或其导出文件中修改。",
    ),
    "teach_written": ("answer written", "已补充答案"),
    "teach_empty": (
        "Please write both the question and the answer.",
        "请把问题和答案都填写完整。",
    ),
    "teach_meanwhile": (
        "A colleague has changed this entry meanwhile. Your text is still here; the entry now says: "
        "{text}",
        "同事刚刚修改过这条资料，您填写的内容仍保留在此。资料目前为：{text}",
    ),
    "done_teach": (
        "Saved. From now on the bot answers with it.",
        "已保存，机器人现在会用它来回答。",
    ),
    "done_same": ("It said that already; nothing was changed.", "内容没有变化。"),
    "done_retire": (
        "The bot no longer answers with this entry.",
        "机器人不再使用这条资料。",
    ),
}
