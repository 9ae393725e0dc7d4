/* The chat page's messages as elements. Texts of customers, passages and the bot are only ever set
   as text, never as HTML. Covered: what one message looks like. Not covered: the state (chat.js). */
(() => {
  "use strict";
  const { h, icon } = window.shopChat;

  /** Makes nodes for `page`, which knows the language (`text`, `lang`) and what clicks do. */
  window.shopChat.nodes = (page) => {
    function welcomeNode() {
      return h("section", { class: "welcome" },
        h("div", { class: "mark big", "aria-hidden": "true" }),
        h("h2", {}, page.text.welcome),
        h("p", {}, page.text.intro),
        h("div", { class: "examples" },
          ...page.text.examples.map((example) =>
            h("button", { type: "button", class: "chip", onclick: () => page.submit(example) }, icon("search"), h("span", {}, example)))),
      );
    }

    function time(entry) {
      const at = new Date(entry.at ? entry.at * 1000 : entry.shown);
      const options = { hour: "2-digit", minute: "2-digit" };
      if (at.toDateString() !== new Date().toDateString()) Object.assign(options, { month: "short", day: "numeric" });
      return h("time", { datetime: at.toISOString() }, at.toLocaleString(page.lang === "zh" ? "zh-CN" : "en-GB", options));
    }

    function who(name) {
      return h("span", { class: "sr" }, `${name}: `);
    }

    function customerNode(entry) {
      return h("article", { class: entry.pending ? "turn mine is-pending" : "turn mine" },
        h("div", { class: "bubble", dir: "auto" }, who(page.text.you), entry.text), h("footer", {}, time(entry)));
    }

    function agentNode(entry) {
      return h("article", { class: "turn theirs from-agent" },
        h("div", { class: "face" }, icon("person")),
        h("div", { class: "card" },
          h("p", { class: "label" }, `${page.text.agent} · ${entry.author}`),
          h("p", { class: "said", dir: "auto" }, entry.text),
          h("footer", {}, time(entry))));
    }

    function botNode(entry) {
      const sources = sourcesOf(entry);
      const card = h("div", { class: `card ${look(entry)}` });
      const label = labelOf(entry);
      if (label) card.append(h("p", { class: "label" }, icon(label[0]), label[1]));
      card.append(who(page.text.bot), ...paragraphs(entry, sources));
      if (entry.state === "writing") card.append(dots(entry));
      if (entry.state === "failed") card.append(failure(entry));
      if (sources.length && entry.state !== "writing") card.append(sourcesNode(entry, sources));
      const silent = entry.state === "done" && entry.replies.length === 0;
      if (silent) return h("p", { class: "aside" }, page.text.delivered);
      if (entry.state === "done") card.append(footer(entry));
      return h("article", { class: "turn theirs", "aria-busy": String(entry.state === "writing") },
        h("div", { class: "face mark", "aria-hidden": "true" }), card);
    }

    function look(entry) {
      if (entry.state === "failed") return "is-failed";
      return { hand_over: "is-handover", abstain: "is-unknown" }[entry.action] || "";
    }

    function labelOf(entry) {
      if (entry.action === "hand_over") return ["person", page.text.handover];
      if (entry.action === "abstain") return ["search", page.text.dont_know];
      return null;
    }

    /** Sentences that belong together, each followed by its sources' numbers. */
    function paragraphs(entry, sources) {
      const made = [];
      let current = null;
      let kind = "";
      entry.replies.forEach((reply, index) => {
        if (current === null || reply.kind !== kind) {
          current = h("p", { class: `said ${reply.kind}`, dir: "auto" });
          made.push(current);
          kind = reply.kind;
        } else if (needsSpace(entry.replies[index - 1].text)) {
          current.append(" ");
        }
        const fresh = entry.state === "writing" && index >= (entry.seen || 0);
        const chips = reply.citations.map((citation) => chip(entry, citation, sources));
        // The numbers stay on the line of the sentence's last character.
        const letters = Array.from(reply.text);
        const last = chips.length ? letters.pop() || "" : "";
        current.append(h("span", fresh ? { class: "fresh-sentence" } : {}, letters.join(""),
          chips.length ? h("span", { class: "stick" }, last, ...chips) : null));
      });
      entry.seen = entry.replies.length;
      return made;
    }

    function chip(entry, citation, sources) {
      const number = sources.findIndex((source) => same(source, citation)) + 1;
      return h("button", {
        class: "cite", type: "button", title: citation.title,
        "aria-label": `${page.text.sources} ${number}: ${citation.title}`,
        onclick: () => showSource(entry, number),
      }, String(number));
    }

    function needsSpace(before) {
      return before.length > 0 && before.codePointAt(before.length - 1) < 0x2e80;
    }

    function same(one, other) {
      return one.title === other.title && one.text === other.text;
    }

    function sourcesOf(entry) {
      const found = [];
      for (const reply of entry.replies)
        for (const citation of reply.citations)
          if (!found.some((source) => same(source, citation))) found.push(citation);
      return found;
    }

    function sourcesNode(entry, sources) {
      return h("section", { class: "sources", "aria-label": page.text.sources },
        ...sources.map((source, index) =>
          h("details", { "data-key": `${entry.turn_id}/${index + 1}` },
            h("summary", {},
              h("span", { class: "number" }, String(index + 1)),
              h("span", { class: "source-title", dir: "auto" }, source.title),
              h("span", { class: "source-kind" }, page.text.kinds[source.kind] || "")),
            h("div", { class: "source-text", dir: "auto", tabindex: "0" }, ...marked(source)))));
    }

    /** The source with what the answer rests on marked, and in it the shortest answer; places count
     * characters, not code units. */
    function marked(source) {
      const letters = Array.from(source.text);
      const between = (start, end) => letters.slice(start, end).join("");
      const [first, last] = source.answer || [0, 0];
      const parts = [];
      let at = 0;
      for (const [start, end] of source.evidence || []) {
        const holds = start <= first && first < last && last <= end;
        parts.push(between(at, start), h("mark", {}, ...(holds
          ? [between(start, first), h("strong", {}, between(first, last)), between(last, end)]
          : [between(start, end)])));
        at = end;
      }
      return [...parts, between(at)];
    }

    function showSource(entry, number) {
      const found = entry.node.querySelectorAll(".sources details")[number - 1];
      if (!found) return;
      found.open = true;
      found.querySelector("summary").focus({ preventScroll: true });
      found.scrollIntoView({ block: "nearest", behavior: "smooth" });
    }

    function dots(entry) {
      const label = entry.replies.length ? page.text.typing : page.text.looking_up;
      return h("p", { class: "dots", role: "status" },
        h("i"), h("i"), h("i"), h("span", { class: entry.replies.length ? "sr" : "" }, label));
    }

    function failure(entry) {
      const again = h("button", { class: "again", type: "button", onclick: () => page.resend(entry) }, page.text.retry);
      return h("p", { class: "said notice", role: "alert" },
        icon("alert"), h("span", {}, entry.notice || page.text.refusals.lost), entry.asked ? again : null);
    }

    function footer(entry) {
      const made = h("footer", {}, time(entry));
      if (!["answer", "abstain"].includes(entry.action)) return made;
      const thanks = h("span", { class: "thanks", role: "status" });
      const vote = (value, name, label) =>
        h("button", {
          class: "icon-button vote", type: "button", title: label, "aria-label": label,
          "aria-pressed": String(entry.vote === value),
          onclick: () => page.vote(entry, value),
        }, icon(name));
      made.append(vote(1, "up", page.text.helpful), vote(-1, "down", page.text.not_helpful), thanks);
      return made;
    }

    return { welcomeNode, customerNode, agentNode, botNode };
  };
})();
