// A service's first page: release, charts, events, alarms, scaling.

import { Chart } from "./charts.js";
import { h, sentence } from "./dom.js";
import { ago, clock, latency, number, percent, when } from "./format.js";
import { releaseView } from "./release.js";

const charts = new Map();
const RANGE_WORDS = { 900: "15 m", 3600: "1 h", 10800: "3 h", 43200: "12 h", 259200: "3 d" };

/** Draws only what has changed: the page is looked over every second, CloudWatch has news every minute. */
function chart(id, spec) {
  if (!charts.has(id)) charts.set(id, new Chart(id));
  const one = charts.get(id), news = JSON.stringify([spec.grid, spec.series, spec.marks, spec.least]);
  if (one.news !== news) one.update(spec);
  one.news = news;
  return one.element;
}

export function overviewView(state, { setRange }) {
  const { service, now } = state;
  return [
    releaseView(service, state.charts?.trouble ? null : state.charts, now),
    h("section.figures", { "aria-label": "Charts" },
      h("div.bar", {}, h("h2", {}, "Charts"),
        h("div.segments", { role: "group", "aria-label": "Stretch of time" }, state.hello.ranges.map((one) => h("button", {
          type: "button", "aria-pressed": one === state.range ? "true" : "false", onclick: () => setRange(one),
        }, RANGE_WORDS[one] ?? one)))),
      chartsView(state)),
    h("div.columns", {}, events(service, now), h("div", {}, alarms(service, now), scaling(service))),
  ];
}

function sum(groups, name) {
  const [first, ...rest] = groups.map((one) => one[name]);
  return first ? first.map((value, place) => rest.reduce((total, other) => total + (other[place] ?? 0), value ?? 0)) : [];
}

function highest(groups, name) {
  const [first, ...rest] = groups.map((one) => one[name]);
  return first ? first.map((value, place) => rest.reduce((most, other) => {
    const one = other[place];
    return one === null || one === undefined ? most : most === null ? one : Math.max(most, one);
  }, value)) : [];
}

function chartsView(state) {
  const data = state.charts, { service } = state;
  if (!data) return h("p.empty", {}, "Reading CloudWatch…");
  if (data.trouble) return h("p.empty", {}, sentence(`${data.trouble.text} ${data.trouble.hint}`));
  const grid = { start: data.start, period: data.period, count: data.count };
  const groups = Object.values(data.groups);
  const marks = (state.releases ?? []).map((one) => ({ at: one.created_at, tone: one.status.startsWith("ROLLBACK") ? "bad" : "" }));
  const perSecond = (values) => values.map((value) => (value === null ? null : value / data.period));
  const each = `each point ${data.period < 60 ? data.period + " s" : data.period / 60 + " min"}`;
  const byRole = service.revisions.filter((one) => one.group && data.groups[one.group]);
  const isSplit = new Set(byRole.map((one) => one.group)).size > 1 && service.release?.under_way;
  const requests = isSplit ? byVersion(service, data, grid, perSecond)
    : [{ name: "", tone: "new", fill: true, values: perSecond(sum(groups, "requests")) }];
  const nobody = "no load balancer";
  return h("div.grid", { title: null },
    chart("requests", { title: "Requests a second", grid, marks, unit: number, empty: groups.length ? "no requests" : nobody, series: requests }),
    chart("latency", { title: "Latency", grid, marks, unit: latency, empty: groups.length ? "no requests" : nobody, series: [
      { name: "p50", tone: "old", values: highest(groups, "p50") }, { name: "p90", tone: "mid", values: highest(groups, "p90") },
      { name: "p99", tone: "new", values: highest(groups, "p99") }] }),
    chart("errors", { title: "Errors a second", grid, marks, least: 0.1, unit: number, empty: groups.length ? "none" : nobody, series: [
      { name: "4xx", tone: "old", values: perSecond(sum(groups, "e4")) },
      { name: "5xx", tone: "bad", fill: true, values: perSecond(sum(groups, "e5")) },
      { name: "balancer 5xx", tone: "warn", values: perSecond(data.elb5) }] }),
    chart("cpu", { title: "CPU", grid, marks, least: 10, unit: percent, series: [
      { name: "busiest task", tone: "old", values: data.cpu_max }, { name: "mean", tone: "new", fill: true, values: data.cpu }] }),
    chart("memory", { title: "Memory", grid, marks, least: 10, unit: percent, series: [
      { name: "fullest task", tone: "old", values: data.memory_max }, { name: "mean", tone: "new", fill: true, values: data.memory }] }),
    chart("healthy", { title: "Healthy targets", grid, marks, least: service.desired, unit: number, empty: groups.length ? "no data yet" : nobody, series: [
      { name: "", tone: "good", fill: true, values: groups.length && groups.some((one) => one.healthy.some((value) => value !== null)) ? sum(groups, "healthy") : [null] }] }),
    h("p.note", {}, `CloudWatch, ${each}. Dashed lines: releases.`));
}

/** Target groups take turns: what was in the new version's before its release began was an older one's. */
function byVersion(service, data, grid, perSecond) {
  const [fresh, old] = ["new", "old"].map((role) => service.revisions.find((one) => one.role === role && data.groups[one.group]));
  const began = (Date.parse(service.release.created_at) - Date.parse(grid.start)) / 1000 / grid.period;
  const [ours, theirs] = [fresh, old].map((one) => (one ? data.groups[one.group].requests : Array(grid.count).fill(0)));
  return [
    { name: fresh?.version ?? "", tone: "new", fill: true, values: perSecond(ours.map((value, place) => (place + 1 > began ? value : null))) },
    { name: old ? `${old.version} and before` : "before", tone: "old", values: perSecond(theirs.map((value, place) => (place + 1 > began ? value : value + ours[place]))) },
  ];
}

function events(service, now) {
  return h("section.events", { "aria-label": "Events" }, h("h2", {}, "Events"),
    service.events.length ? h("ol.log", {}, service.events.slice(0, 40).map((one) => h("li", { "data-key": one.id, "data-tone": eventTone(one.text) },
      h("time", { datetime: one.at, title: when(one.at) }, clock(one.at)), h("span", {}, brief(one.text)))))
      : h("p.empty", {}, "ECS has told no events yet."));
}

function eventTone(text) {
  if (/failed|unhealthy|unable|rolled back|rolling back|alarm/i.test(text)) return "bad";
  return /steady state|deployment completed/.test(text) ? "good" : null;
}

/** ARNs by their last part: the rest stands in the event itself. */
function brief(text) {
  return text.replace(/arn:aws[\w-]*:elasticloadbalancing:[^:]*:\d*:(targetgroup\/[\w-]+)\/[0-9a-f]+/g, "$1")
    .replace(/arn:aws[\w-]*:[^\s)]*\/([\w-]+)/g, "$1").replace(/\b([0-9a-f]{8})[0-9a-f]{24}\b/g, "$1…");
}

function alarms(service, now) {
  return h("section.alarms", { "aria-label": "Alarms" }, h("h2", {}, "Alarms"),
    service.alarms.length ? h("ul.log", {}, service.alarms.map((one) => h("li", { "data-key": one.name, "data-tone": { ALARM: "bad", OK: "good" }[one.state] ?? null },
      h("span.mark", { "aria-hidden": "true" }),
      h("span", {}, h("b", {}, one.name), " ", h("span.quiet", {}, `${{ ALARM: "in alarm", OK: "ok", INSUFFICIENT_DATA: "no data" }[one.state] ?? one.state} · ${[one.metric, one.limit].filter(Boolean).join(" ")} · ${ago(one.since, now)}`),
        one.state === "ALARM" ? h("span.why", {}, one.reason) : null))))
      : h("p.empty", {}, service.troubles.alarms ?? "None guards releases of this service."));
}

function scaling(service) {
  const one = service.scaling;
  if (!one) return service.troubles.scaling ? h("section", {}, h("h2", {}, "Scaling"), h("p.empty", {}, service.troubles.scaling)) : null;
  const suspended = [one.in_suspended ? "in" : null, one.out_suspended ? "out" : null].filter(Boolean);
  return h("section.scaling", { "aria-label": "Scaling" }, h("h2", {}, "Scaling"),
    h("p", {}, h("b", {}, `${one.min} to ${one.max} tasks`), h("span.quiet", {}, ` · ${service.desired} wanted now`, suspended.length ? ` · scaling ${suspended.join(" and ")} is suspended` : "")),
    h("ol.log", {}, one.activities.map((activity) => h("li", {}, h("time", {}, clock(activity.at)), h("span", {}, activity.text, " ", h("span.quiet", {}, activity.status.toLowerCase()))))));
}
