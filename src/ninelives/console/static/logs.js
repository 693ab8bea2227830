// What the tasks write, as they write it. Lines are added, never drawn anew; a filter hides, and does not ask again.

import { h } from "./dom.js";
import { many } from "./format.js";

const KEPT = 5000, OVERLAP_MS = 10_000;
const SINCE = { 300: "5 m", 900: "15 m", 3600: "1 h", 21600: "6 h" };
const timeFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false, fractionalSecondDigits: 3 });

/** What a filter lets through: /a regular expression/, or words that must all be there; null where it is no expression. */
export function matcher(text) {
  const expression = /^\/(.+)\/$/.exec(text);
  if (expression) {
    try { const found = new RegExp(expression[1], "i"); return (line) => found.test(line); } catch { return null; }
  }
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return (line) => { const lower = line.toLowerCase(); return words.every((word) => lower.includes(word)); };
}

export class Logs {
  constructor(ask) {
    this.ask = ask;
    this.since = 900;
    this.list = h("ol.lines", { "aria-label": "Lines", tabindex: "0" });
    this.input = h("input", { type: "search", id: "log-filter", placeholder: "Filter: words, or /expression/", "aria-label": "Filter lines", autocomplete: "off", spellcheck: "false" });
    this.follow = h("button", { type: "button", "aria-pressed": "true", title: "Follow (f)" }, "Follow");
    this.count = h("span.quiet", { role: "status" });
    this.choice = h("div.segments", { role: "group", "aria-label": "Since" });
    this.empty = h("p.empty");
    this.element = h("section.logs", { "data-own": "", "data-key": "logs", "aria-label": "Logs" },
      h("div.bar", {}, this.input, this.choice, this.follow, this.count), this.empty, this.list);
    this.input.oninput = () => this.filter();
    this.follow.onclick = () => this.setFollow(!this.isFollowing);
    this.list.onscroll = () => this.scrolled();
    this.isFollowing = true;
    this.reset(null);
  }

  /** Show another service's lines, or none. */
  reset(named) {
    clearTimeout(this.timer);
    this.named = named;
    this.known = new Map();
    this.latest = null;
    this.shown = 0;
    this.list.replaceChildren();
    this.empty.textContent = "Reading…";
    this.empty.hidden = false;
    this.choice.replaceChildren(...Object.entries(SINCE).map(([seconds, name]) => h("button", {
      type: "button", "aria-pressed": Number(seconds) === this.since ? "true" : "false",
      onclick: () => { this.since = Number(seconds); const { named: again } = this; this.reset(again); this.start(); },
    }, name)));
  }

  start() {
    clearTimeout(this.timer);
    if (this.named) this.read();
  }

  stop() {
    clearTimeout(this.timer);
  }

  async read() {
    const named = this.named;
    const when = this.latest === null ? { since: this.since } : { after: this.latest - OVERLAP_MS };
    const answer = await this.ask("api/logs", { cluster: named.cluster, service: named.name, ...when });
    if (named !== this.named) return;
    if (answer.error) this.said(`${answer.error.text} ${answer.error.hint}`);
    else this.take(answer.logs);
    this.timer = setTimeout(() => this.read(), this.pace ?? 1000);
  }

  said(text) {
    if (!this.list.childElementCount) { this.empty.textContent = text; this.empty.hidden = false; }
  }

  take({ lines, group, is_cut: isCut }) {
    const match = matcher(this.input.value) ?? (() => true);
    const fresh = lines.filter((line) => !this.known.has(line.id));
    const nodes = document.createDocumentFragment();
    for (const line of fresh) {
      const node = lineView(line);
      node.hidden = !match(line.text + " " + line.task);
      if (!node.hidden) this.shown += 1;
      this.known.set(line.id, node);
      this.latest = Math.max(this.latest ?? 0, line.at);
      nodes.append(node);
    }
    this.list.append(nodes);
    for (const [id, node] of this.known) {
      if (this.known.size <= KEPT) break;
      this.known.delete(id);
      if (!node.hidden) this.shown -= 1;
      node.remove();
    }
    if (isCut && this.latest !== null && !this.list.querySelector(".cut")) this.list.prepend(h("li.cut", {}, "Older lines are left out: take a shorter stretch."));
    if (!this.known.size) this.said(group === null ? "This service's containers do not write to CloudWatch Logs." : `Nothing was written to ${group} in this stretch.`);
    else this.empty.hidden = true;
    this.tell();
    if (fresh.length && this.isFollowing) this.toEnd();
  }

  filter() {
    const match = matcher(this.input.value);
    this.input.setAttribute("aria-invalid", match === null ? "true" : "false");
    if (!match) return;
    this.shown = 0;
    for (const node of this.known.values()) {
      node.hidden = !match(node.dataset.all);
      if (!node.hidden) this.shown += 1;
    }
    this.tell();
    if (this.isFollowing) this.toEnd();
  }

  tell() {
    const all = this.known.size;
    this.count.textContent = this.input.value ? `${this.shown} of ${many(all, "line")}` : many(all, "line");
  }

  setFollow(follow) {
    this.isFollowing = follow;
    this.follow.setAttribute("aria-pressed", follow ? "true" : "false");
    if (follow) this.toEnd();
  }

  toEnd() {
    this.list.scrollTop = this.list.scrollHeight;
  }

  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.list;
    const isAtEnd = scrollHeight - scrollTop - clientHeight < 24;
    if (isAtEnd !== this.isFollowing) this.setFollow(isAtEnd);
  }
}

function lineView(line) {
  const level = /\b(fatal|error|exception|panic|traceback)\b/i.test(line.text) ? "bad" : /\bwarn(ing)?\b/i.test(line.text) ? "warn" : null;
  return h("li", { "data-tone": level, "data-all": line.text + " " + line.task },
    h("time", {}, timeFormat.format(line.at)), h("span.task", { style: { "--hue": hue(line.task) } }, line.task.slice(0, 6)), h("span.text", {}, line.text));
}

/** Each task has a colour of its own, the same for as long as it lives. */
function hue(task) {
  return parseInt(task.slice(0, 6), 16) % 360 || 0;
}
