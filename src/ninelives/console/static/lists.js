// The other pages of a service: tasks, history.

import { h, sentence } from "./dom.js";
import { ago, clock, duration, many, number, seconds, STATUS_WORDS, STRATEGY_WORDS, TASK_WORDS, when } from "./format.js";

export function tasksView({ service, now }) {
  const rows = service.revisions.flatMap((one) => one.tasks.map((task) => ({ ...task, version: one.version, role: one.role })));
  if (!rows.length) return h("p.empty", {}, "No tasks run, and ECS shows none that has ended lately.");
  return h("div.scroll", { tabindex: "0", role: "region", "aria-label": "Tasks" }, h("table", {},
    h("thead", {}, h("tr", {}, ["Task", "Version", "State", "Target", "Address", "Zone", "Started", "Ended", "Why"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, rows.map((task) => h("tr", { "data-key": task.id, "data-row": "", tabindex: "-1" },
      h("td.id", {}, task.id.slice(0, 12)),
      h("td", {}, h("span", { class: `dot ${task.role}`, "aria-hidden": "true" }), task.version),
      h("td", {}, h("span.cell", { "data-state": task.state, "aria-hidden": "true" }), TASK_WORDS[task.state]),
      h("td", {}, task.target ?? "–"),
      h("td.id", {}, task.address ?? "–"),
      h("td", {}, task.zone ?? "–"),
      h("td.num", {}, task.started_at ? `${clock(task.started_at)}` : "–"),
      h("td.num", {}, task.stopped_at ? ago(task.stopped_at, now) : "–"),
      h("td.why", {}, [task.reason, task.exits ? `exit code: ${task.exits}` : null].filter(Boolean).join("; ")))))));
}

function outcomeTone(status) {
  if (status === "SUCCESSFUL") return "good";
  if (status === "ROLLBACK_FAILED") return "bad";
  return ["PENDING", "IN_PROGRESS"].includes(status) ? "busy" : "warn";
}

export function releasesView({ service, releases, now }, { rollBack }) {
  if (!releases) return h("p.empty", {}, "Reading the history…");
  if (releases.trouble) return h("p.empty", {}, sentence(`${releases.trouble.text} ${releases.trouble.hint}`));
  if (!releases.length) return h("p.empty", {}, "No release yet. ", h("code", {}, "ninelives deploy VERSION"), " makes the first.");
  const canGoBack = !service.release?.under_way;
  return h("div.scroll", { tabindex: "0", role: "region", "aria-label": "History" }, h("table.releases", {},
    h("thead", {}, h("tr", {}, ["Version", "Outcome", "Strategy", "Began", "Took", "Proof", "Why", ""].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, releases.map((one) => h("tr", { "data-key": one.id, "data-row": "", tabindex: "-1" },
      h("td.version", {}, one.version, one.is_live && one.is_proven ? h("span.live", {}, "live") : null),
      h("td", {}, h("span.pill.small", { "data-tone": outcomeTone(one.status) }, h("i", { "aria-hidden": "true" }), STATUS_WORDS[one.status] ?? one.status)),
      h("td", {}, STRATEGY_WORDS[one.strategy] ?? one.strategy),
      h("td.num", { title: one.created_at }, when(one.created_at)),
      h("td.num", {}, one.finished_at ? duration(seconds(one.created_at, one.finished_at)) : duration(seconds(one.created_at, now))),
      h("td", {}, proof(one)),
      h("td.why", {}, one.cause ?? "", one.alarms.length ? ` (${one.alarms.join(", ")})` : ""),
      h("td.act", {}, one.is_proven && !one.is_live ? h("button.plain", {
        type: "button", disabled: !canGoBack, title: canGoBack ? null : "A release is under way", onclick: () => rollBack(one.version),
      }, "Go back to it") : null))))));
}

function proof(one) {
  const report = one.report ? h("a", { href: one.report, target: "_blank", rel: "noopener" }, "report") : null;
  if (!one.proof) return report ?? h("span.quiet", { title: "Not released with --prove, or not on this machine" }, "–");
  const { sent, lost } = one.proof.requests;
  const after = one.proof.latency_ms?.after;
  return [
    h("span", { class: lost ? "bad" : "good" }, lost ? `${number(lost)} of ${number(sent)} lost` : `0 of ${number(sent)} lost`),
    h("span.quiet", {}, ` · gap ${Math.round(one.proof.worst_gap_ms)} ms`, after?.p99 ? ` · p99 ${Math.round(after.p99)} ms` : ""), report ? [" · ", report] : null,
  ];
}
