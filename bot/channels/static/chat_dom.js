/* Small helpers of the chat page: elements, icons, ids, the browser's memory. */
window.shopChat = (() => {
  "use strict";

  const SVG = {
    send: "M4 12l16-8-6 16-3-7z",
    person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zm-7 8c.6-3.6 3.4-5.5 7-5.5s6.4 1.9 7 5.5",
    fresh: "M12 5v14M5 12h14",
    up: "M7 11v9H4v-9zm0 0l4-8c1.6 0 2.4 1 2.2 2.6L12.7 9H19a2 2 0 0 1 2 2.4l-1.3 7A2 2 0 0 1 17.7 20H7",
    down: "M17 13V4h3v9zm0 0l-4 8c-1.6 0-2.4-1-2.2-2.6l.5-3.4H5a2 2 0 0 1-2-2.4l1.3-7A2 2 0 0 1 6.3 4H17",
    arrow: "M12 5v14m-6-6l6 6 6-6",
    search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zm4.8-1.7L20 20",
    alert: "M12 8v5m0 3.2v.1M12 3l9.5 17h-19z",
  };

  /** An element with attributes, listeners (`onclick`) and children; strings become text. */
  function h(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }

  function icon(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", SVG[name]);
    svg.append(path);
    return svg;
  }

  function fill(template, values) {
    return template.replace(/\{(\w+)\}/g, (whole, key) => (key in values ? String(values[key]) : whole));
  }

  function newId() {
    // crypto.randomUUID exists on https and localhost only; a shop may start on plain http.
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
  }

  const memory = {
    get(key) {
      try { return localStorage.getItem(key); } catch { return null; }
    },
    set(key, value) {
      // Private windows may refuse; then the conversation lasts as long as the page.
      try { localStorage.setItem(key, value); } catch { return; }
    },
  };

  return { h, icon, fill, newId, memory };
})();
