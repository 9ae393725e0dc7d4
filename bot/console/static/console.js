/* The console works without this file; it adds keys, local times and pages that keep up to date.
   Not covered: anything that decides; every action is a plain form. */
(() => {
  "use strict";
  const LIST_EVERY_MS = 8000;
  const TALK_EVERY_MS = 4000;
  const locale = document.documentElement.lang.startsWith("zh") ? "zh-CN" : "en-GB";

  function localTimes(within) {
    for (const found of within.querySelectorAll("time[datetime]")) {
      const at = new Date(found.dateTime);
      if (Number.isNaN(at.valueOf())) continue;
      const full = at.toLocaleString(locale, { dateStyle: "medium", timeStyle: "short" });
      const today = at.toDateString() === new Date().toDateString();
      const brief = at.toLocaleString(locale, today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" });
      if (found.textContent.includes("UTC")) found.textContent = brief;
      found.title = full;
    }
  }

  function typing() {
    const at = document.activeElement;
    return at && (at.matches("input, textarea, select") || at.isContentEditable);
  }

  // ---- rows: j, k, Enter -----------------------------------------------------------------
  let chosen = null;
  const rows = () => Array.from(document.querySelectorAll(".rows .row"));

  function choose(id, scroll) {
    chosen = id;
    for (const row of rows()) {
      const on = row.dataset.id === id;
      row.classList.toggle("is-chosen", on);
      if (!on) continue;
      row.querySelector("a").focus({ preventScroll: true });
      if (scroll) row.scrollIntoView({ block: "nearest" });
    }
    try { sessionStorage.setItem("console.chosen", id); } catch { /* private window */ }
  }

  function step(by) {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((row) => row.dataset.id === chosen);
    const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by));
    choose(all[next].dataset.id, true);
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey && event.key === "Enter" && event.target.matches(".composer textarea")) {
      event.target.form.requestSubmit();
      return;
    }
    if (event.key === "Escape" && typing()) { document.activeElement.blur(); return; }
    if (typing() || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "/") { document.getElementById("search")?.focus(); event.preventDefault(); }
    else {
      const named = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
      if (!named) return;
      event.preventDefault();
      if (named.matches("textarea")) named.focus();
      else named.click();
    }
  });

  // ---- the list keeps up to date ---------------------------------------------------------
  const live = document.getElementById("live");
  if (live) {
    const title = document.title;
    let stamp = live.innerHTML;
    const mark = () => {
      const waiting = Number(live.querySelector(".views")?.dataset.waiting || 0);
      document.title = waiting ? `(${waiting}) ${title}` : title;
    };
    const keepUp = async () => {
      if (document.hidden) return;
      try {
        const answer = await fetch(live.dataset.source, { headers: { "X-Requested-With": "fetch" }, redirect: "error" });
        if (answer.status === 401) { location.reload(); return; }
        if (!answer.ok) throw new Error(String(answer.status));
        const html = await answer.text();
        live.classList.remove("is-stale");
        if (html === stamp) return;
        stamp = html;
        const focused = document.activeElement?.closest?.(".row")?.dataset.id;
        const top = scrollY;
        live.innerHTML = html; // escaped by the server, and nothing inline may run under the policy
        localTimes(live);
        mark();
        if (chosen) for (const row of rows()) row.classList.toggle("is-chosen", row.dataset.id === chosen);
        if (focused) live.querySelector(`.row[data-id="${CSS.escape(focused)}"] a`)?.focus({ preventScroll: true });
        scrollTo(0, top);
      } catch {
        live.classList.add("is-stale");
        const dot = live.querySelector(".live-dot");
        if (dot) dot.title = live.dataset.stale;
      }
    };
    try { sessionStorage.setItem("console.list", location.search); } catch { /* private window */ }
    setInterval(keepUp, LIST_EVERY_MS);
    document.addEventListener("visibilitychange", keepUp);
    mark();
    try {
      const before = sessionStorage.getItem("console.chosen");
      if (before && rows().some((row) => row.dataset.id === before)) choose(before, true);
    } catch { /* private window */ }
  }

  // The way back leads to the list as it was: its filter, its search, its page.
  const list = document.querySelector("a[data-list]");
  try { if (list) list.search = sessionStorage.getItem("console.list") || ""; } catch { /* private window */ }

  // ---- a conversation keeps up to date ---------------------------------------------------
  const talk = document.getElementById("conversation");
  if (talk) {
    let mark = null;
    const look = async () => {
      if (document.hidden) return;
      try {
        const answer = await fetch(talk.dataset.pulse, { redirect: "error" });
        if (answer.status === 401) { location.reload(); return; }
        const told = JSON.stringify((await answer.json()).mark);
        if (mark === null || mark === told) { mark = told; return; }
        const page = await (await fetch(location.pathname + location.search)).text();
        const fresh = new DOMParser().parseFromString(page, "text/html");
        const open = new Set(Array.from(document.querySelectorAll("#lines details[open]"), (d) => d.id));
        const atEnd = innerHeight + scrollY > document.body.scrollHeight - 160;
        document.getElementById("lines").replaceWith(fresh.getElementById("lines"));
        document.getElementById("panel").replaceWith(fresh.getElementById("panel"));
        for (const found of document.querySelectorAll("#lines details")) if (found.id) found.open = open.has(found.id);
        // A half-written reply stays; who may write changes only when nobody is writing.
        const written = document.querySelector("#composer textarea")?.value;
        if (!written) document.getElementById("composer").replaceWith(fresh.getElementById("composer"));
        prepare();
        localTimes(document);
        mark = told;
        if (atEnd) document.getElementById("end").scrollIntoView();
      } catch {
        // The server is restarting; the next look will tell.
      }
    };
    look();
    setInterval(look, TALK_EVERY_MS);
    document.addEventListener("visibilitychange", look);
    const target = location.hash.startsWith("#t") && document.getElementById(location.hash.slice(1));
    if (target) { target.open = true; target.closest(".line").scrollIntoView({ block: "start" }); }
    else document.getElementById("end").scrollIntoView({ block: "end" });
  }

  // ---- the words behind a mood; the suggested reply ---------------------------------------
  document.addEventListener("click", async (event) => {
    const why = event.target.closest("a.why");
    if (why && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      const text = why.closest(".line").querySelector(".text");
      try {
        const answer = await fetch(`${why.href}?part=words`, { redirect: "error" });
        if (!answer.ok) throw new Error(String(answer.status));
        const words = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".words");
        text.replaceChildren(words);
        why.remove();
      } catch {
        location.href = why.href;
      }
    }
    const sure = event.target.closest("form[data-sure] button");
    if (sure && !confirm(sure.form.dataset.sure)) event.preventDefault();
    if (event.target.closest("[data-suggest]")) {
      const reply = document.querySelector("#composer textarea");
      if (!reply) return;
      reply.value = document.getElementById("suggestion").textContent;
      reply.dispatchEvent(new Event("input"));
      reply.focus();
    }
  });

  // ---- replies: one id each, drafts survive a reload -------------------------------------
  function prepare() {
    const form = document.querySelector("form[data-draft]");
    if (!form) return;
    const id = form.querySelector("[data-fresh-id]");
    if (!id.value) id.value = Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, "0")).join("");
    const text = form.querySelector("textarea");
    const key = `console.draft.${form.dataset.draft}`;
    try {
      if (!text.value) text.value = sessionStorage.getItem(key) || "";
      text.addEventListener("input", () => sessionStorage.setItem(key, text.value));
      form.addEventListener("submit", () => sessionStorage.removeItem(key));
    } catch { /* private window */ }
  }
  prepare();
  localTimes(document);
})();
