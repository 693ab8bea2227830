// Wires the page: where it is (the address), what it is told (one stream), what is typed (keys), what is decided (dialogs).

import { h, morph, sentence } from "./dom.js";
import { many, STATE_WORDS } from "./format.js";
import { releasesView, tasksView } from "./lists.js";
import { Logs } from "./logs.js";
import { overviewView } from "./overview.js";
import { taskTip } from "./release.js";

const TABS = { overview: "Overview", tasks: "Tasks", logs: "Logs", releases: "Releases" };
const HIDDEN_MS = 30_000, AGAIN_MS = 2000;
const $ = (id) => document.getElementById(id);

const state = {
  hello: null, services: null, service: null, charts: null, releases: null, releasesOf: null,
  route: { cluster: null, name: null, tab: "overview" }, range: 900, filter: "", now: Date.now(),
  trouble: null, seenAt: null, isListOpen: false,
};
let stream = null, hidden = null, chord = null, chordTimer = null;
const logs = new Logs(ask);

// --- asking ---------------------------------------------------------------------------------------------------------

async function ask(path, parameters, post) {
  const query = parameters ? "?" + new URLSearchParams(parameters) : "";
  try {
    const answer = await fetch(path + query, post ? {
      method: "POST", body: JSON.stringify(post), headers: { "content-type": "application/json", "x-ninelives-token": state.hello.token },
    } : {});
    return await answer.json();
  } catch {
    return { error: { kind: "gone", text: "The console does not answer.", hint: "Looking again." } };
  }
}

async function greet() {
  const hello = await ask("api/hello");
  if (hello.error) { setTrouble("console", hello.error); return false; }
  if (state.hello && hello.page !== state.hello.page) { location.reload(); return false; }
  state.hello = hello;
  logs.pace = hello.place.kind === "region" ? 1000 : 3000;
  return true;
}

function listen() {
  stream?.close();
  const { cluster, name } = state.route;
  const parameters = name ? { cluster, service: name, range: state.range } : {};
  const mine = (stream = new EventSource("api/stream?" + new URLSearchParams(parameters)));
  const on = (event, take) => mine.addEventListener(event, ({ data }) => { if (mine === stream) take(JSON.parse(data)); });
  on("overview", (told) => {
    setTrouble("overview", told.trouble);
    if (!told.trouble) { state.services = told.services; state.scale = told.time_scale; arrive(); }
    drawSide();
    if (!state.route.name) draw();
  });
  on("service", (told) => {
    setTrouble("service", told.trouble);
    if (!told.trouble) {
      state.service = told;
      state.seenAt = Date.now();
      readReleases();
    } else if (told.trouble.kind === "missing") state.service = null;
    draw();
  });
  on("charts", (told) => {
    if (!told.trouble || !state.charts) state.charts = told;
    draw();
  });
  mine.onopen = () => { setTrouble("console", null); greet(); };
  mine.onerror = async () => {
    if (mine !== stream) return;
    if (mine.readyState !== EventSource.CLOSED) {
      setTrouble("console", { kind: "gone", text: state.hello?.place.kind === "region" ? "The region does not answer." : "The console does not answer.", hint: "Connecting again." });
      return;
    }
    // Refused: then the browser gives up, and the page asks why, and again.
    await greet();
    setTimeout(() => { if (mine === stream) listen(); }, AGAIN_MS);
  };
}

const troubles = {};
function setTrouble(source, trouble) {
  if (trouble) troubles[source] = trouble;
  else delete troubles[source];
  const shown = troubles.console ?? troubles.service ?? troubles.overview ?? null;
  state.trouble = shown?.kind === "missing" && shown === troubles.service ? null : shown;
  drawTrouble();
}

async function readReleases() {
  const { service } = state;
  const mark = `${service.cluster}/${service.name}/${service.release?.id}/${service.release?.status}`;
  if (state.releasesOf === mark) return;
  state.releasesOf = mark;
  const answer = await ask("api/releases", { cluster: service.cluster, service: service.name });
  if (state.releasesOf !== mark) return;
  state.releases = answer.error ? Object.assign([], { trouble: answer.error }) : answer.releases;
  if (answer.error) state.releasesOf = null;
  draw();
}

// --- where we are ---------------------------------------------------------------------------------------------------

function address(cluster, name, tab = "overview") {
  return `#/${encodeURIComponent(cluster)}/${encodeURIComponent(name)}${tab === "overview" ? "" : "/" + tab}`;
}

function decoded(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}

function route() {
  const [cluster, name, tab] = location.hash.slice(2).split("/").map(decoded);
  const before = state.route;
  state.route = { cluster: cluster || null, name: name || null, tab: Object.hasOwn(TABS, tab ?? "") ? tab : "overview" };
  const isOther = before.cluster !== state.route.cluster || before.name !== state.route.name;
  if (isOther) {
    Object.assign(state, { service: null, charts: null, releases: null, releasesOf: null, isListOpen: false });
    setTrouble("service", null);
    if (state.hello) listen();
  }
  if (state.route.tab === "logs" && state.route.name) {
    if (isOther || logs.named?.name !== name || logs.named?.cluster !== cluster) logs.reset({ cluster, name });
    logs.start();
  } else logs.stop();
  hideTip();
  drawSide();
  draw();
}

/** Without an address: the service of the file, if it is there, else the only one, else the first that moves. */
function arrive() {
  if (state.route.name || !state.services?.length) return;
  const { first } = state.hello;
  const found = (first && state.services.find((one) => one.cluster === first.cluster && one.name === first.name))
    ?? state.services.find((one) => one.state !== "steady") ?? state.services[0];
  history.replaceState(null, "", address(found.cluster, found.name));
  route();
}

function go(tab) {
  const { cluster, name } = state.route;
  if (name) location.hash = address(cluster, name, tab);
}

// --- drawing --------------------------------------------------------------------------------------------------------

function found() {
  const words = state.filter.toLowerCase().split(/\s+/).filter(Boolean);
  return (state.services ?? []).filter((one) => words.every((word) => `${one.cluster}/${one.name} ${one.state}`.toLowerCase().includes(word)));
}

function drawSide() {
  if (!state.hello) return;
  const { place } = state.hello, { cluster, name } = state.route;
  const shown = found();
  const clusters = [...new Set(shown.map((one) => one.cluster))];
  morph($("side"), [
    h("div.brand", {},
      h("a.name", { href: "#/", "aria-label": "ninelives, the first service" }, h("img", { src: new URL("./icon.svg", import.meta.url).pathname, alt: "", width: "16", height: "16" }), "ninelives"),
      h("button.menu", { type: "button", "aria-expanded": state.isListOpen ? "true" : "false", "aria-controls": "services", onclick: () => { state.isListOpen = !state.isListOpen; drawSide(); } },
        name ? [h("span.quiet", {}, cluster + " / "), name] : "Services"),
      h("button.icon", { type: "button", title: "Keys (?)", "aria-label": "Keys", onclick: showKeys }, "?"),
      h("button.icon", { type: "button", title: "Light or dark (t)", "aria-label": "Light or dark", onclick: turnTheme }, "◐")),
    h("div.list", { id: "services", "data-open": state.isListOpen ? "" : null },
      h("p.place", { title: place.endpoint }, h("b", {}, place.region), h("span.quiet", {}, place.kind === "region" ? ` ${place.environment ?? "embedded"}` : ` AWS${place.environment ? " · " + place.environment : ""}`, state.scale > 1 ? ` · time ×${state.scale}` : "")),
      h("input", { type: "search", id: "filter", placeholder: "Find a service", "aria-label": "Find a service", autocomplete: "off", spellcheck: "false", oninput: filterServices, onkeydown: filterKey }),
      h("nav", { "aria-label": "Services" },
        state.services === null ? h("p.empty", {}, state.trouble ? "Not read yet." : "Reading…") : !state.services.length ? h("p.empty", {}, "No services yet. ", h("code", {}, "ninelives deploy VERSION"), " makes one.") : !shown.length ? h("p.empty", {}, "None is called so.") : null,
        clusters.map((one) => h("section", { "data-key": one }, h("h2", {}, one), h("ul", {}, shown.filter((service) => service.cluster === one).map((service) => h("li", { "data-key": service.name },
          h("a.service", { href: address(service.cluster, service.name, service.cluster === cluster && service.name === name ? "overview" : state.route.tab), "aria-current": service.cluster === cluster && service.name === name ? "page" : null, "data-service": "" },
            h("span.status", { "data-state": service.state, role: "img", "aria-label": STATE_WORDS[service.state] ?? service.state }),
            h("span.label", {}, service.name),
            h("span.count", { class: service.running < service.desired ? "warn" : null, title: `${service.running} run, ${service.desired} are wanted` }, service.running === service.desired ? service.running : `${service.running}/${service.desired}`))))))))),
  ]);
}

function draw() {
  state.now = Date.now();
  if (!state.hello) return;
  const { service, route: { cluster, name, tab } } = state;
  const mood = service?.release?.under_way ? "● " : "";
  document.title = service ? `${mood}${service.name} ${service.version} – ninelives` : "ninelives";
  if (!name) {
    morph($("main"), h("p.empty.page", {}, state.trouble ? ["Nothing can be read just now. ", sentence(state.trouble.hint)] : state.services === null ? "Reading…" : ["No services here yet. Make one with ", h("code", {}, "ninelives deploy VERSION"), " and it appears by itself."]));
    return;
  }
  if (!service) {
    const missing = troubles.service;
    morph($("main"), h("p.empty.page", {}, missing ? sentence(`${missing.text} ${missing.hint}`) : "Reading…"));
    return;
  }
  const views = { overview: () => overviewView(state, { setRange }), tasks: () => tasksView(state), releases: () => releasesView(state, { rollBack: (version) => confirmRollback(version) }), logs: () => logs.element };
  morph($("main"), [
    head(service, cluster, name, tab),
    h("div.view", { "data-key": tab, "data-tab": tab }, views[tab]()),
  ]);
}

function head(service, cluster, name, tab) {
  const { actions } = service;
  const act = (label, key, kind, onclick) => h("button", { type: "button", class: kind, onclick, title: `${label} (${key})`, "data-key": label, "data-act": label.toLowerCase() }, label);
  return h("div.head", { "data-key": "head" },
    h("div.title", {},
      h("h1", {}, h("span.quiet.cluster", {}, cluster + " / "), name),
      h("p", {}, h("span.status", { "data-state": service.state, "aria-hidden": "true" }), STATE_WORDS[service.state] ?? service.state,
        h("span.quiet", {}, ` · ${service.version} · ${many(service.running, "task")}${service.running === service.desired ? "" : `, ${service.desired} wanted`}`, service.launch ? ` · ${service.launch}` : ""),
        service.url ? [" ", h("a", { href: service.url, target: "_blank", rel: "noopener noreferrer" }, service.url.replace(/^https?:\/\//, ""))] : null)),
    h("div.acts", { role: "group", "aria-label": "Decide" },
      actions.promote ? act("Promote", "P", "primary", confirmPromote) : null,
      service.release?.under_way && !actions.promote ? act("Pause", "U", "plain", explainPause) : null,
      actions.abort ? act("Abort", "A", "danger", confirmAbort) : null,
      actions.rollback ? act("Roll back", "R", "danger", () => confirmRollback(null)) : null),
    h("nav.tabs", { "aria-label": "Pages of the service" }, Object.entries(TABS).map(([one, label]) => h("a", {
      href: address(cluster, name, one), "aria-current": one === tab ? "page" : null, title: `g ${one[0]}` }, label))));
}

function drawTrouble() {
  const { trouble } = state;
  document.documentElement.toggleAttribute("data-stale", Boolean(trouble));
  morph($("trouble"), trouble ? [h("b", {}, sentence(trouble.text)), " ", sentence(trouble.hint), state.seenAt ? h("span.quiet", {}, ` Last seen ${new Date(state.seenAt).toLocaleTimeString()}.`) : null] : []);
}

function setRange(seconds) {
  if (seconds === state.range) return;
  state.range = seconds;
  state.charts = null;
  listen();
  draw();
}

function filterServices(event) {
  state.filter = event.target.value;
  drawSide();
}

function filterKey(event) {
  if (event.key === "Enter") {
    const [first] = found();
    if (first) { location.hash = address(first.cluster, first.name, state.route.tab); event.target.blur(); }
  }
}

// --- decisions ------------------------------------------------------------------------------------------------------

function dialog(title, body, buttons) {
  const box = h("dialog", { "aria-labelledby": "dialog-title" }, h("form", { method: "dialog" },
    h("h2", { id: "dialog-title" }, title), body, buttons ? h("div.buttons", {}, buttons(() => box.close())) : h("div.buttons", {}, h("button.plain", { type: "submit", autofocus: true }, "Close"))));
  box.addEventListener("close", () => box.remove());
  box.addEventListener("click", (event) => { if (event.target === box) box.close(); });
  document.body.append(box);
  box.showModal();
  return box;
}

function confirm(title, text, label, kind, what) {
  // About what was shown when it was asked: the page goes on below the question, and elsewhere.
  const { cluster, name } = state.route;
  const decision = { cluster, service: name, deployment: state.service?.release?.arn ?? null, ...what };
  dialog(title, h("div", {}, text.map((one) => h("p", {}, one))), (close) => [
    h("button.plain", { type: "submit", autofocus: true }, "Cancel"),
    h("button", { type: "button", class: kind, "data-confirm": "", onclick: async (event) => {
      event.target.disabled = true;
      const answer = await ask("api/decide", null, decision);
      close();
      if (answer.error) toast(`${answer.error.text} ${answer.error.hint ?? ""}`, "bad");
      else toast(answer.told.length ? answer.told.join("; ") : "Done.", "good");
    } }, label)]);
}

function confirmPromote() {
  const { actions, release } = state.service;
  const [pause] = actions.promote;
  confirm(`Let ${release.version} go on?`, [`${state.service.name} waits${pause.stage ? ` in “${pause.stage}”` : ""} for a decision. Promoted, the release goes on to its next stage.`], "Promote", "primary", { verb: "promote", hook: pause.hook });
}

function confirmAbort() {
  const { release } = state.service;
  confirm(`Take ${release.version} back?`, [
    release.from_version ? `${state.service.name} goes back to ${release.from_version}; ${release.traffic ? "it is still there at full size and has all traffic again in seconds." : "its tasks are started again where they have ended."}` : "There is no version before it to go back to.",
  ], "Abort the release", "danger", { verb: "abort" });
}

function confirmRollback(version) {
  const { actions, version: live, name } = state.service;
  const to = version ?? actions.rollback?.version;
  if (!to) return;
  confirm(`Roll ${name} back to ${to}?`, [`${live} serves now. ${to} was proven good; its task definition is deployed again, nothing is built. It is a release like any other, with the service's strategy.`], `Roll back to ${to}`, "danger", { verb: "rollback", version });
}

function explainPause() {
  const { actions } = state.service;
  dialog("A release cannot be paused from outside", h("div", {},
    h("p", {}, "ECS pauses a release only where a hook of the service says so, before the release begins."),
    h("p", {}, actions.pauses.length ? `Releases of this service pause in ${actions.pauses.join(", ")}.` : ["In ", h("code", {}, "ninelives.yml"), ":"]),
    actions.pauses.length ? null : h("pre", {}, "deploy:\n  hooks:\n    - stages: [PRE_PRODUCTION_TRAFFIC_SHIFT]\n      pause: true"),
    h("p", {}, "The release that is under way goes on, or is taken back with Abort.")));
}

let toastTimer;
function toast(text, tone) {
  morph($("toast"), h("p", { "data-tone": tone }, sentence(text)));
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => morph($("toast"), []), tone === "bad" ? 12_000 : 6000);
}

// --- keys -----------------------------------------------------------------------------------------------------------

const KEYS = [
  ["j k", "next, previous service; row in a table"], ["/", "find a service; filter lines"], ["g o", "overview"], ["g t", "tasks"], ["g l", "logs"], ["g r", "releases"], ["g s", "services"],
  ["[ ]", "shorter, longer stretch of the charts"], ["← →", "through a chart that has the focus"], ["f", "follow the logs"], ["P", "promote, behind a question"], ["A", "abort, behind a question"], ["R", "roll back, behind a question"], ["t", "light or dark"], ["Esc", "close; leave a field"], ["?", "this list"],
];

function showKeys() {
  dialog("Keys", h("dl.keys", {}, KEYS.map(([key, what]) => h("div", {}, h("dt", {}, key.split(" ").map((one) => h("kbd", {}, one))), h("dd", {}, what)))));
}

function turnTheme() {
  const isDark = (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  document.documentElement.dataset.theme = isDark ? "light" : "dark";
  try { localStorage.setItem("ninelives-theme", document.documentElement.dataset.theme); } catch { /* not kept */ }
}

function step(by) {
  const { tab } = state.route;
  if (tab === "tasks" || tab === "releases") {
    const rows = [...document.querySelectorAll("[data-row]")];
    const at = rows.indexOf(document.activeElement?.closest("[data-row]"));
    rows[Math.max(0, Math.min(rows.length - 1, at + by))]?.focus();
    return;
  }
  const shown = found();
  const at = shown.findIndex((one) => one.cluster === state.route.cluster && one.name === state.route.name);
  const next = shown[Math.max(0, Math.min(shown.length - 1, at + by))];
  if (next && next !== shown[at]) location.hash = address(next.cluster, next.name, tab);
}

const CHORDS = { o: () => go("overview"), t: () => go("tasks"), l: () => go("logs"), r: () => go("releases"), s: () => { state.isListOpen = true; drawSide(); (document.querySelector("[data-service][aria-current]") ?? document.querySelector("[data-service]"))?.focus(); } };
const SINGLE = {
  j: () => step(1), k: () => step(-1), "?": showKeys, t: turnTheme,
  f: () => state.route.tab === "logs" && logs.setFollow(!logs.isFollowing),
  "/": () => { if (state.route.tab === "logs") logs.input.focus(); else { state.isListOpen = true; drawSide(); $("filter").focus(); } },
  "[": () => move(-1), "]": () => move(1),
  P: () => state.service?.actions.promote && confirmPromote(),
  A: () => state.service?.actions.abort && confirmAbort(),
  R: () => state.service?.actions.rollback && confirmRollback(null),
  U: () => state.service?.release?.under_way && explainPause(),
};

function move(by) {
  const { ranges } = state.hello;
  setRange(ranges[Math.max(0, Math.min(ranges.length - 1, ranges.indexOf(state.range) + by))]);
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !state.hello) return;
  const isTyping = event.target.matches?.("input, textarea, select");
  if (event.key === "Escape") {
    hideTip();
    if (isTyping) {
      if (event.target.value) { event.target.value = ""; event.target.dispatchEvent(new Event("input")); }
      event.target.blur();
    } else if (state.isListOpen) { state.isListOpen = false; drawSide(); }
    return;
  }
  if (isTyping || document.querySelector("dialog[open]")) return;
  if (chord) {
    chord = null;
    clearTimeout(chordTimer);
    if (CHORDS[event.key]) { event.preventDefault(); CHORDS[event.key](); return; }
  }
  if (event.key === "g") { chord = "g"; chordTimer = setTimeout(() => { chord = null; }, 1200); return; }
  const does = SINGLE[event.key];
  if (does) { event.preventDefault(); does(); }
});

// --- tips -----------------------------------------------------------------------------------------------------------

function task(id) {
  for (const one of state.service?.revisions ?? []) for (const other of one.tasks) if (other.id === id) return other;
  return null;
}

function showTip(target) {
  const one = task(target.dataset.task);
  if (!one) return;
  const tip = $("tip");
  morph(tip, taskTip(one, Date.now()));
  tip.hidden = false;
  const box = target.getBoundingClientRect(), mine = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(8, Math.min(innerWidth - mine.width - 8, box.left - 12))}px`;
  tip.style.top = `${box.bottom + mine.height + 16 > innerHeight ? box.top - mine.height - 8 : box.bottom + 8}px`;
}

function hideTip() {
  $("tip").hidden = true;
}

addEventListener("pointerover", ({ target }) => { const found = target.closest?.("button.cell"); if (found) showTip(found); else if (!document.activeElement?.matches("button.cell")) hideTip(); });
addEventListener("focusin", ({ target }) => { if (target.matches("button.cell")) showTip(target); else hideTip(); });
addEventListener("click", ({ target }) => { const found = target.closest?.("button.cell"); if (found) showTip(found); });
addEventListener("scroll", hideTip, { passive: true });

// --- begin ----------------------------------------------------------------------------------------------------------

addEventListener("hashchange", route);
document.addEventListener("visibilitychange", () => {
  clearTimeout(hidden);
  // A page that nobody sees asks nothing.
  if (document.hidden) hidden = setTimeout(() => { stream?.close(); stream = null; logs.stop(); }, HIDDEN_MS);
  else if (!stream && state.hello) { listen(); if (state.route.tab === "logs") logs.start(); }
});
setInterval(() => { if (!document.hidden && state.service && state.route.tab !== "logs") draw(); }, 1000);

(async function begin() {
  while (!(await greet())) {
    await new Promise((resolve) => { setTimeout(resolve, 1000); });
  }
  setTrouble("console", null);
  const { name } = state.route;
  route();
  if (!name && !stream) listen();
})();
