// Keeps a page up to date: when the stream tells of a change that concerns it, the page is fetched again and
// the regions that differ are put in the place of the old ones. Without this script the page shows the same.
"use strict";

(() => {
  const note = document.querySelector("[data-live-note]");
  const text = note?.querySelector("[data-live-text]");
  if (!note || !text || !window.EventSource) return;
  const { endpoint, domain, only } = note.dataset; // only: the kind of events that concern the page
  const PAUSE = 1000; // milliseconds: many changes at once cost one look
  const SHARE = 20; // and a page that takes long to make is asked for the less often
  const RETRY = 30000; // where the stream was refused, as when there are too many
  const LONGEST = 60000; // and ages grow old without any change
  let source = null;
  let timer = null;
  let due = Infinity;
  let isLooking = false;
  let pause = PAUSE;

  const concerns = (change) =>
    endpoint ? change.id === endpoint || change.endpoint?.id === endpoint : !domain || !change.domains || change.domains.includes(domain) || change.domains_total > change.domains.length;

  const say = (words) => {
    if (text.textContent !== words) text.textContent = words;
  };

  function lookIn(wait) {
    const at = Date.now() + wait;
    if (at >= due) return;
    clearTimeout(timer);
    due = at;
    timer = setTimeout(look, wait);
  }

  async function look() {
    due = Infinity;
    if (document.hidden || isLooking) return lookIn(isLooking ? pause : LONGEST);
    isLooking = true;
    const begun = performance.now();
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.ok) renew(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      // The stream says when the service is back.
    } finally {
      isLooking = false;
      pause = Math.min(LONGEST, Math.max(PAUSE, SHARE * (performance.now() - begun)));
      lookIn(LONGEST);
    }
  }

  function renew(fresh) {
    if (document.title !== fresh.title) document.title = fresh.title;
    for (const old of document.querySelectorAll("[data-live]")) {
      const now = fresh.getElementById(old.id);
      if (now && !old.isEqualNode(now)) replace(old, now);
    }
  }

  // A region of rows that are still the same ones, in the same order, is renewed row by row.
  function replace(old, now) {
    const rows = [...old.querySelectorAll("tr[id]")];
    const others = [...now.querySelectorAll("tr[id]")];
    const isSame = rows.length > 0 && rows.map((row) => row.id).join() === others.map((row) => row.id).join();
    if (!isSame) return put(old, now, rows, others);
    rows.forEach((row, place) => {
      if (!row.isEqualNode(others[place])) put(row, others[place], [row], [others[place]]);
    });
  }

  function put(old, now, rows, others) {
    const place = old.contains(document.activeElement) ? describe(document.activeElement) : null;
    for (const open of old.querySelectorAll("details[open][id]")) now.querySelector(`#${CSS.escape(open.id)}`)?.setAttribute("open", "");
    const former = new Map(rows.map((row) => [row.id, looks(row)]));
    const fresh = document.importNode(now, true);
    old.replaceWith(fresh);
    for (const { id } of others) {
      const row = document.getElementById(id);
      if (row && former.get(id) !== looks(row)) row.classList.add("fresh");
    }
    if (place) [...fresh.querySelectorAll("a, summary, button, input, select")].find((one) => describe(one) === place)?.focus({ preventScroll: true });
  }

  // What makes a control the same one in the new region.
  const describe = (one) => `${one.tagName} ${one.getAttribute("href") ?? one.name ?? ""} ${one.closest("[id]")?.id}`;
  // How a row looks but for the ages in it.
  const looks = (row) => [...row.querySelectorAll(".tile, .worst")].map((one) => `${one.className} ${one.textContent}`).join();

  function listen() {
    if (source || document.hidden) return;
    source = new EventSource("/api/v1/events/stream");
    lookIn(LONGEST);
    source.addEventListener("hello", () => {
      note.hidden = false;
      note.classList.remove("lost");
      say("Live");
      lookIn(0); // what happened since the page was made
    });
    source.addEventListener("endpoint", ({ data }) => !only && concerns(JSON.parse(data)) && lookIn(pause));
    source.addEventListener("endpoint_gone", () => !only && lookIn(pause));
    source.addEventListener("gap", () => lookIn(pause));
    source.addEventListener("event", ({ data }) => {
      const event = JSON.parse(data);
      if (only && event.kind !== only) return;
      lookIn(pause);
      if (!endpoint && !domain) say(`Just now: ${event.subject}, ${event.summary}`.slice(0, 200));
    });
    source.addEventListener("error", () => {
      note.classList.add("lost");
      say("Not live: the connection is lost");
      if (source?.readyState !== EventSource.CLOSED) return; // it comes back by itself
      source = null;
      setTimeout(listen, RETRY);
    });
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      source?.close();
      source = null;
    } else {
      listen();
    }
  });
  listen();
})();
