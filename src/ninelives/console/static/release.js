// The release in the middle of the page: where it is, who has the traffic, what its tasks do, what would take it back.

import { h } from "./dom.js";
import { ago, clock, duration, latency, many, number, percent, seconds, span, STATUS_WORDS, STRATEGY_WORDS, TASK_WORDS, when } from "./format.js";

const ENDED_BADLY = new Set(["ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED", "STOPPED"]);

export function tone(release) {
  if (release.hooks.some((hook) => hook.status === "AWAITING_ACTION") && release.under_way) return "wait";
  if (["STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"].includes(release.status)) return "warn";
  if (release.under_way) return "busy";
  if (release.status === "ROLLBACK_FAILED") return "bad";
  return ENDED_BADLY.has(release.status) ? "warn" : "good";
}

/** The last values that CloudWatch has of a target group, a second: what its revision really got. */
export function measured(charts, group) {
  const figures = charts?.groups?.[group];
  if (!figures) return null;
  const last = (values) => values[values.length - 1];
  const requests = last(figures.requests) ?? 0;
  return {
    rate: requests / charts.period, requests, p50: last(figures.p50), p99: last(figures.p99),
    errors: requests ? (100 * (last(figures.e5) ?? 0)) / requests : null,
  };
}

export function releaseView(service, charts, now) {
  const release = service.release;
  if (!release) {
    return h("section.release", { "aria-label": "Release" },
      h("p.empty", {}, "No release yet. ", h("code", {}, "ninelives deploy VERSION"), " makes the first."));
  }
  const shifts = release.traffic !== null;
  return h("section.release", { "aria-label": "Release", "data-tone": tone(release) },
    headline(release, now),
    // What goes back skips stages, and ECS does not say which: the rail is for what goes forward.
    release.under_way && tone(release) !== "warn" ? rail(release, service, now) : null,
    release.under_way && shifts ? traffic(service, charts) : null,
    lanes(service, charts),
    release.under_way || release.status !== "SUCCESSFUL" || service.alarms.length ? guards(service, now) : null,
  );
}

function headline(release, now) {
  const took = release.under_way ? seconds(release.created_at, now) : release.finished_at ? seconds(release.created_at, release.finished_at) : null;
  const words = release.under_way ? release.doing ?? STATUS_WORDS[release.status] : STATUS_WORDS[release.status] ?? release.status;
  return h("div.headline", {},
    h("h2", {},
      release.from_version && release.from_version !== release.version
        ? [h("span.from", {}, release.from_version), h("span.arrow", { "aria-label": "to" }, "→")] : null,
      h("span.to", {}, release.version)),
    h("p.doing", {},
      h("span.pill", { "data-tone": tone(release) }, h("i", { "aria-hidden": "true" }), capital(words)),
      h("span.quiet", {}, [
        STRATEGY_WORDS[release.strategy] ?? release.strategy.toLowerCase(),
        took !== null ? duration(took) : null,
        release.under_way ? `since ${clock(release.created_at)}` : release.finished_at ? `${when(release.finished_at)} (${ago(release.finished_at, now)})` : null,
      ].filter(Boolean).join(" · "))),
    release.reason && !release.under_way ? h("p.reason", {}, release.reason) : null,
    release.reason && release.under_way && tone(release) === "warn" ? h("p.reason", {}, release.reason) : null,
  );
}

function capital(text) {
  return text ? text[0].toUpperCase() + text.slice(1) : text;
}

function rail(release, service, now) {
  const waiting = release.hooks.filter((hook) => hook.status === "AWAITING_ACTION" || hook.status === "IN_PROGRESS");
  return h("ol.rail", { "aria-label": "Stages" }, release.stages.map((one) => {
    const isNow = one.state === "now" && release.under_way;
    const bake = isNow && release.bake ? release.bake : null;
    const length = bake ? bake.s / service.time_scale : 0;
    const left = bake ? Math.max(0, -seconds(bake.ends_at, now)) : 0;
    const steps = release.traffic?.steps_percent.length ?? 0;
    const step = isNow && one.stage === "PRODUCTION_TRAFFIC_SHIFT" && steps > 1 ? `step ${Math.max(1, release.traffic.steps_taken)} of ${steps}` : null;
    const note = isNow && waiting.length ? (waiting[0].status === "AWAITING_ACTION" ? "waits for you" : "asks " + (one.hooks[0] ?? "a function"))
      : [step, bake ? `${duration(left)} left` : null].filter(Boolean).join(" · ");
    return h("li", { "data-state": one.state, "data-key": one.stage, "aria-current": isNow ? "step" : null },
      h("span.bar", {}, h("i", { style: bake && length ? { "--done": `${Math.min(100, 100 * (1 - left / length))}%` } : {} })),
      h("span.name", {}, one.label, one.hooks.length ? h("span.hooks", { title: `Asked here: ${one.hooks.join(", ")}` }, one.hooks.map((hook) => h(hook === "pause" ? "i.pause" : "i", { "aria-hidden": "true" }, hook === "pause" ? null : "ƒ")), h("span.unseen", {}, `asked here: ${one.hooks.join(", ")}`)) : null),
      h("span.note", {}, note));
  }));
}

function traffic(service, charts) {
  const [fresh] = service.revisions.filter((one) => one.role === "new");
  const olds = service.revisions.filter((one) => one.role === "old" && one.group && one.group !== fresh?.group);
  if (!fresh || !olds.length) return null;
  const old = olds[0];
  const to = fresh.weight ?? service.release.traffic.production_new_percent ?? 0;
  const got = [measured(charts, old.group), measured(charts, fresh.group)];
  const whole = got.reduce((sum, one) => sum + (one?.requests ?? 0), 0);
  const share = whole ? (100 * (got[1]?.requests ?? 0)) / whole : null;
  return h("div.traffic", { role: "group", "aria-label": "Production traffic" },
    h("div.ends", {},
      h("span", {}, h("b.old", {}, percent(Math.round((100 - to) * 10) / 10)), " ", old.version),
      h("span.what", {}, share === null ? "no requests measured yet" : `measured ${percent(Math.round((100 - share) * 10) / 10)} : ${percent(Math.round(share * 10) / 10)}`),
      h("span", {}, fresh.version, " ", h("b.new", {}, percent(to)))),
    h("div.split", { role: "img", "aria-label": `${old.version} has ${percent(100 - to)}, ${fresh.version} ${percent(to)} of the traffic by weight` },
      h("i.new", { style: { "--share": `${to}%` } }),
      (service.release.traffic.steps_percent ?? []).filter((step) => step < 100).map((step) => h("u", { style: { "--at": `${100 - step}%` } }))),
    h("div.split.thin", { "aria-hidden": "true" }, h("i.new", { style: { "--share": `${share ?? to}%` }, class: share === null ? "none" : null })),
  );
}

function lanes(service, charts) {
  const groups = service.revisions.map((one) => one.group);
  const alone = new Set(groups).size === 1;
  // What serves stands left, what comes right, as in the headline and in the bar of the traffic.
  const inOrder = [...service.revisions].sort((one, other) => (one.role === "new") - (other.role === "new"));
  return h("div.lanes", {}, inOrder.map((one) => {
    const live = one.tasks.filter((task) => task.state !== "stopped" && task.state !== "failed");
    const healthy = live.filter((task) => task.state === "healthy" || task.state === "running").length;
    const failed = one.tasks.length - live.length ? one.tasks.filter((task) => task.state === "failed").length : 0;
    // Revisions in one target group cannot be told apart by what it measures.
    const figures = !alone || service.revisions.length === 1 ? measured(charts, one.group) : null;
    const got = live.length || figures?.requests ? figures : null;
    return h("div.lane", { "data-key": one.revision, "data-role": one.role },
      h("div.who", {},
        h("span.version", {}, one.version),
        h("span.quiet", {}, live.length ? `${healthy} of ${many(live.length, "task")} ${live.some((task) => task.state === "running") ? "running" : "healthy"}` : "no task runs",
          failed ? h("span.bad", {}, ` · ${failed} failed`) : null)),
      h("ul.cells", { "aria-label": `Tasks of ${one.version}` }, one.tasks.map((task) => cell(task))),
      got ? h("dl.got", {},
        fact("req/s", number(got.rate)), fact("p50", latency(got.p50)), fact("p99", latency(got.p99)),
        fact("5xx", got.errors === null ? "–" : percent(got.errors), got.errors > 0 ? "bad" : null)) : null);
  }));
}

function fact(name, value, toneName) {
  return h("div", {}, h("dt", {}, name), h("dd", { class: toneName }, value));
}

function cell(task) {
  const told = `${task.id.slice(0, 8)} ${TASK_WORDS[task.state]}`;
  return h("li", { "data-key": task.id }, h("button.cell", {
    "data-state": task.state, "data-task": task.id, type: "button", "aria-label": told,
  }));
}

export function taskTip(task, now) {
  return [
    h("b", {}, task.id.slice(0, 12)), h("span", { class: `state ${task.state}` }, TASK_WORDS[task.state]),
    h("dl", {},
      row("status", task.last_status),
      task.target ? row("target", task.target + (task.target_reason ? `: ${task.target_reason}` : "")) : null,
      task.address ? row("address", task.address) : null,
      task.zone ? row("zone", task.zone) : null,
      task.started_at ? row("started", `${clock(task.started_at)} (${ago(task.started_at, now)})`) : null,
      task.stopped_at ? row("stopped", `${clock(task.stopped_at)} (${ago(task.stopped_at, now)})`) : null,
      task.exits ? row("exit code", task.exits) : null,
      task.reason ? row("reason", task.reason) : null),
  ];
}

function row(name, value) {
  return h("div", {}, h("dt", {}, name), h("dd", {}, value));
}

function guards(service, now) {
  const release = service.release, breaker = release.circuit_breaker;
  const waiting = release.under_way ? release.hooks.filter((hook) => hook.status === "AWAITING_ACTION") : [];
  const asked = release.under_way ? release.hooks.filter((hook) => hook.status === "IN_PROGRESS") : [];
  const on = service.alarms.filter((alarm) => alarm.state === "ALARM");
  const quiet = service.alarms.length - on.length;
  return h("ul.guards", { "aria-label": "What would take it back" },
    waiting.map((hook) => h("li", { "data-tone": "wait", "data-key": hook.id },
      "Waits for a decision", hook.expires_at ? h("span.quiet", {}, ` until ${when(hook.expires_at)}, then: ${hook.on_timeout}`) : null)),
    asked.map((hook) => h("li", { "data-key": hook.id }, `Asks ${String(hook.target).split(":function:").pop()}`)),
    breaker && release.under_way ? h("li", { "data-tone": breaker.failures ? "warn" : null, "data-key": "breaker" }, "Circuit breaker ",
      h("span.quiet", {}, `${breaker.failures} of ${breaker.threshold} failures`)) : null,
    on.map((alarm) => h("li", { "data-tone": "bad", "data-key": alarm.name }, alarm.name, h("span.quiet", {}, ` ${alarm.metric} ${alarm.limit}, ${ago(alarm.since, now)}`))),
    release.alarms && release.alarms.triggered.filter((name) => !on.some((alarm) => alarm.name === name)).map((name) =>
      h("li", { "data-tone": "warn", "data-key": name }, name, h("span.quiet", {}, " took the release back"))),
    quiet > 0 ? h("li", { "data-key": "alarms" }, many(quiet, "alarm"), h("span.quiet", {}, on.length ? " not on" : " watched, none on")) : null,
    release.bake_s && release.under_way ? h("li", { "data-key": "bake" }, "Bake ", h("span.quiet", {}, span(release.bake_s),
      service.time_scale > 1 ? ` (here ${duration(release.bake_s / service.time_scale)})` : null)) : null,
  );
}
