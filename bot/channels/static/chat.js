/* The customers' chat page: its state, sending, receiving, people of the shop who join. Not covered:
   what a message looks like (chat_nodes.js), transport (Gradio). */
(() => {
  "use strict";

  const { h, icon, fill, newId, memory } = window.shopChat;
  const CONVERSATION = "shopkeeper.conversation";
  const LANG = "shopkeeper.lang";
  const POLL_SOON_MS = 4000;
  const POLL_LATER_MS = 20000;
  const PATIENCE_MS = 90000;
  function firstLang() {
    const kept = memory.get(LANG);
    if (kept === "en" || kept === "zh") return kept;
    for (const tag of navigator.languages || [navigator.language || ""]) {
      if (/^zh\b/i.test(tag)) return "zh";
      if (/^en\b/i.test(tag)) return "en";
    }
    return "en";
  }

  function start(element, trigger, props, server, watch) {
    const all = props.texts;
    const limit = props.limit;
    let lang = firstLang();
    let text = all[lang];
    let conversation = memory.get(CONVERSATION);
    if (!/^[0-9a-f]{32}$/.test(conversation || "")) conversation = keep(newId());
    let entries = [];
    let status = "bot";
    let lastId = 0;
    let live = null; // the answer being written
    let pending = []; // what the customer sent meanwhile
    let patience = 0;
    let pollTimer = 0;
    let undo = null;

    function keep(id) {
      memory.set(CONVERSATION, id);
      return id;
    }

    const root = element.querySelector(".chat");
    const log = h("div", { class: "log", role: "log", tabindex: "-1" });
    const scroller = h("div", { class: "scroller" }, log);
    const jump = h("button", { class: "jump", type: "button", hidden: true, onclick: () => toEnd(true) });
    const header = h("header", { class: "bar" });
    const input = h("textarea", {
      rows: "1", id: "message", enterkeyhint: "send", autocomplete: "off",
      oninput: onInput, onkeydown: onKey,
    });
    const send = h("button", { class: "send", type: "submit" }, icon("send"));
    const counter = h("span", { class: "counter", role: "status" });
    const foot = h("div", { class: "foot" });
    const composer = h(
      "form",
      { class: "composer", onsubmit: (event) => { event.preventDefault(); submit(); } },
      h("div", { class: "field" }, input, send),
      foot,
    );
    const toast = h("div", { class: "toast", role: "status", hidden: true });
    root.replaceChildren(header, h("main", { class: "stage" }, scroller, jump), composer, toast);
    scroller.addEventListener("scroll", () => { jump.hidden = nearEnd(); }, { passive: true });

    // ---- language -------------------------------------------------------------------------

    function speak(next) {
      lang = next;
      text = all[lang];
      document.documentElement.lang = lang === "zh" ? "zh-Hans" : "en";
      document.title = text.title;
      renderFrame();
      renderLog();
    }

    function renderFrame() {
      const choose = (code, label, name) =>
        h("button", {
          type: "button", lang: code === "zh" ? "zh-Hans" : "en", "aria-label": name,
          "aria-pressed": String(lang === code),
          onclick: () => { memory.set(LANG, code); speak(code); input.focus(); },
        }, label);
      header.replaceChildren(
        h("div", { class: "mark", "aria-hidden": "true" }),
        h("div", { class: "names" },
          h("h1", {}, h("b", {}, text.shop), h("small", {}, text.shop_other)),
          h("p", { class: `status is-${status}` }, subtitle())),
        h("button", {
          class: "icon-button fresh", type: "button", title: text.new_chat, "aria-label": text.new_chat,
          hidden: entries.length === 0, disabled: live !== null, onclick: startAfresh,
        }, icon("fresh")),
        h("div", { class: "switch", role: "group", "aria-label": text.switch_label },
          choose("zh", "中", "中文"), choose("en", "EN", "English")),
      );
      input.placeholder = text.placeholder;
      input.setAttribute("aria-label", text.message_label);
      send.setAttribute("aria-label", text.send);
      send.title = text.send;
      log.setAttribute("aria-label", text.log_label);
      jump.replaceChildren(icon("arrow"), text.newest);
      foot.replaceChildren(
        h("button", { class: "person", type: "button", disabled: status === "waiting" || status === "agent", onclick: () => submit(text.person_message) },
          icon("person"), text.person),
        h("span", { class: "keys" }, text.keys),
        counter,
      );
      onInput();
    }

    function subtitle() {
      return { waiting: text.waiting, agent: text.with_agent }[status] || text.subtitle;
    }

    // ---- the log --------------------------------------------------------------------------

    const page = {
      get text() { return text; },
      get lang() { return lang; },
      submit, resend, vote,
    };
    const nodes = window.shopChat.nodes(page);

    function renderLog() {
      const open = new Set(
        Array.from(log.querySelectorAll("details[open]"), (found) => found.dataset.key),
      );
      log.replaceChildren(...(entries.length ? entries.map(entryNode) : [nodes.welcomeNode()]));
      for (const found of log.querySelectorAll("details")) found.open = open.has(found.dataset.key);
      root.classList.toggle("is-empty", entries.length === 0);
    }

    function entryNode(entry) {
      const made = entry.kind === "customer" ? nodes.customerNode(entry)
        : entry.kind === "agent" ? nodes.agentNode(entry) : nodes.botNode(entry);
      entry.node = made;
      return made;
    }

    function refresh(entry) {
      const old = entry.node;
      const open = new Set(Array.from(old.querySelectorAll("details[open]"), (d) => d.dataset.key));
      const made = entryNode(entry);
      for (const found of made.querySelectorAll("details")) found.open = open.has(found.dataset.key);
      old.replaceWith(made);
    }

    async function vote(entry, value) {
      const wanted = entry.vote === value ? 0 : value;
      try {
        if (!(await server.vote({ turn_id: entry.turn_id, value: wanted }))) return;
      } catch {
        say(text.refusals.failed);
        return;
      }
      entry.vote = wanted;
      refresh(entry);
      entry.node.querySelector(".thanks").textContent = { 1: text.thanks, "-1": text.sorry }[wanted] || "";
      entry.node.querySelectorAll(".vote")[value === 1 ? 0 : 1].focus();
    }

    // ---- scrolling ------------------------------------------------------------------------

    function nearEnd() {
      return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 120;
    }

    function toEnd(smooth) {
      scroller.scrollTo({ top: scroller.scrollHeight, behavior: smooth ? "smooth" : "instant" });
      jump.hidden = true;
    }

    /** Shows an entry, at the end or right behind another one. */
    function add(entry, behind) {
      const follow = entry.kind === "customer" || nearEnd();
      entry.shown = Date.now();
      if (entries.length === 0) log.replaceChildren();
      root.classList.remove("is-empty");
      if (behind) {
        entries.splice(entries.indexOf(behind) + 1, 0, entry);
        behind.node.after(entryNode(entry));
      } else {
        entries.push(entry);
        log.append(entryNode(entry));
      }
      if (follow) toEnd(true);
      else jump.hidden = false;
      return entry;
    }

    // ---- sending --------------------------------------------------------------------------

    function onInput() {
      const follow = nearEnd();
      input.style.height = "auto";
      input.style.height = `${Math.min(input.scrollHeight, 168)}px`;
      if (follow) toEnd(false);
      const length = input.value.trim().length;
      const over = length - limit;
      counter.textContent = over > 0 ? fill(text.over_limit, { over: over.toLocaleString() })
        : length > 0.8 * limit ? `${length.toLocaleString()} / ${limit.toLocaleString()}` : "";
      counter.classList.toggle("is-over", over > 0);
      send.disabled = length === 0 || over > 0;
    }

    function onKey(event) {
      // While a Chinese input method is composing, Enter chooses a candidate.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      submit();
    }

    function submit(prepared) {
      const typed = (prepared === undefined ? input.value : prepared).trim();
      if (!typed) { input.focus(); return; }
      if (typed.length > limit) {
        say(fill(text.refusals.too_long, { limit: limit.toLocaleString() }));
        return;
      }
      if (prepared === undefined) input.value = "";
      hideToast();
      const asked = add({ kind: "customer", text: typed, pending: live !== null });
      if (live !== null) { pending.push(asked); onInput(); } else ask(asked);
      if (!matchMedia("(hover: none)").matches || prepared === undefined) input.focus();
    }

    function ask(asked) {
      live = add({ kind: "bot", turn_id: "", state: "writing", replies: [], action: "", vote: 0, asked, ticket: newId() }, asked);
      renderFrame();
      patient();
      trigger("submit", { ticket: live.ticket, conversation_id: conversation, text: asked.text, lang: tongue() });
    }

    /** People write in bursts: what came while an answer was being written is asked now. */
    function askNext() {
      const asked = pending.shift();
      if (!asked) { schedulePoll(); return; }
      asked.pending = false;
      refresh(asked);
      ask(asked);
    }

    /** What the bot's own sentences should be written in: simplified or traditional, if Chinese. */
    function tongue() {
      return lang === "zh" ? (navigator.languages || []).find((tag) => /^zh\b/i.test(tag)) || "zh" : "en";
    }

    function resend(entry) {
      if (live !== null) return;
      entry.node.remove();
      entries = entries.filter((other) => other !== entry);
      ask(entry.asked);
    }

    /** A server that went away sends nothing, not even an error. */
    function patient() {
      clearTimeout(patience);
      patience = setTimeout(() => onAnswer({ ticket: live && live.ticket, turn_id: "", state: "failed", replies: (live && live.replies) || [], notice: text.refusals.lost, action: "", vote: 0 }), PATIENCE_MS);
    }

    function onAnswer(told) {
      if (!live || !told || told.ticket !== live.ticket) return;
      const follow = nearEnd();
      Object.assign(live, told);
      const done = live.state !== "writing";
      if (live.action === "hand_over") status = "waiting";
      refresh(live);
      if (done) {
        clearTimeout(patience);
        live = null;
        renderFrame();
        askNext();
      } else {
        patient();
      }
      if (follow) toEnd(true);
    }

    watch("value", () => onAnswer(props.value));

    // ---- people of the shop ---------------------------------------------------------------

    function schedulePoll() {
      clearTimeout(pollTimer);
      if (entries.length === 0) return;
      const wait = status === "waiting" || status === "agent" ? POLL_SOON_MS : POLL_LATER_MS;
      pollTimer = setTimeout(poll, wait);
    }

    async function poll() {
      if (document.hidden || live !== null) { schedulePoll(); return; }
      const asked = conversation;
      try {
        const told = await server.news({ conversation_id: asked, after: lastId });
        if (told && asked === conversation) {
          lastId = told.last_id;
          const changed = told.status !== status;
          status = told.status;
          told.entries.forEach(add);
          if (changed) renderFrame();
        }
      } catch {
        // The server is restarting; the next look will tell.
      }
      schedulePoll();
    }

    document.addEventListener("visibilitychange", () => { if (!document.hidden && entries.length) poll(); });

    // ---- beginning and beginning again ----------------------------------------------------

    function startAfresh() {
      if (live !== null) return;
      undo = { conversation, entries, status, lastId };
      conversation = keep(newId());
      entries = [];
      status = "bot";
      lastId = 0;
      clearTimeout(pollTimer);
      renderFrame();
      renderLog();
      say(text.restarted, [text.undo, () => {
        ({ conversation, entries, status, lastId } = undo);
        keep(conversation);
        hideToast();
        renderFrame();
        renderLog();
        toEnd(false);
        schedulePoll();
      }]);
      input.focus();
    }

    let toastTimer = 0;
    function say(said, action) {
      clearTimeout(toastTimer);
      toast.replaceChildren(h("span", {}, said),
        action ? h("button", { type: "button", onclick: action[1] }, action[0])
          : h("button", { type: "button", "aria-label": text.close, onclick: hideToast }, "×"));
      toast.hidden = false;
      toastTimer = setTimeout(hideToast, 9000);
    }

    function hideToast() {
      clearTimeout(toastTimer);
      toast.hidden = true;
    }

    async function restore() {
      try {
        const told = await server.transcript({ conversation_id: conversation });
        if (told && entries.length === 0) {
          entries = told.entries;
          status = told.status;
          lastId = told.last_id;
          renderFrame();
          renderLog();
          toEnd(false);
        }
      } catch {
        say(text.refusals.failed);
      }
      root.classList.add("is-ready");
      schedulePoll();
    }

    document.querySelector(".splash")?.remove();
    speak(lang);
    restore();
    if (!matchMedia("(hover: none)").matches) input.focus();
  }

  window.shopChat.start = start;
})();
