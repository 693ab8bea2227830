// Numbers, times and words, as the page writes them.

const NO = "–";

/** Three significant digits, with k and M: 0.42, 38.5, 1.2k. */
export function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return NO;
  const size = Math.abs(value);
  if (size >= 1e6) return trim(value / 1e6) + "M";
  if (size >= 1e4) return trim(value / 1e3) + "k";
  return trim(value);
}

function trim(value) {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 100) return String(Math.round(value));
  const text = value.toFixed(size >= 10 ? 1 : 2);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

export function percent(value) {
  return value === null || value === undefined ? NO : trim(value) + " %";
}

/** Seconds as milliseconds below one. */
export function latency(seconds) {
  if (seconds === null || seconds === undefined) return NO;
  return seconds < 1 ? trim(seconds * 1000) + " ms" : trim(seconds) + " s";
}

/** 42 s, 3:07, 1 h 05. */
export function duration(seconds) {
  if (seconds === null || !Number.isFinite(seconds)) return NO;
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return whole + " s";
  if (whole < 3600) return Math.floor(whole / 60) + ":" + String(whole % 60).padStart(2, "0");
  if (whole < 86400) return Math.floor(whole / 3600) + " h " + String(Math.floor((whole % 3600) / 60)).padStart(2, "0");
  return Math.floor(whole / 86400) + " d " + Math.floor((whole % 86400) / 3600) + " h";
}

/** A length that was configured: 5 min, 90 s. */
export function span(seconds) {
  if (seconds % 3600 === 0 && seconds) return seconds / 3600 + " h";
  return seconds % 60 === 0 && seconds ? seconds / 60 + " min" : seconds + " s";
}

export function ago(instant, now = Date.now()) {
  if (!instant) return NO;
  const seconds = (now - Date.parse(instant)) / 1000;
  if (seconds < 5) return "now";
  if (seconds < 60) return Math.floor(seconds) + " s ago";
  if (seconds < 3600) return Math.floor(seconds / 60) + " min ago";
  if (seconds < 86400) return Math.floor(seconds / 3600) + " h ago";
  return Math.floor(seconds / 86400) + " d ago";
}

const clockFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const minuteFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hour12: false });
const dayFormat = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

export function clock(instant) {
  return instant ? clockFormat.format(new Date(instant)) : NO;
}

export function minute(instant) {
  return minuteFormat.format(new Date(instant));
}

/** The time today, else day and time. */
export function when(instant) {
  if (!instant) return NO;
  const date = new Date(instant);
  return date.toDateString() === new Date().toDateString() ? minuteFormat.format(date)
    : dayFormat.format(date) + " " + minuteFormat.format(date);
}

export function seconds(from, to = Date.now()) {
  return ((typeof to === "number" ? to : Date.parse(to)) - Date.parse(from)) / 1000;
}

export function many(count, one, several = one + "s") {
  return `${number(count)} ${count === 1 ? one : several}`;
}

/** Words for states; the shape beside them says the same without colour. */
export const STATE_WORDS = {
  steady: "Steady", deploying: "Deploying", paused: "Paused", rolling_back: "Rolling back", failed: "Failed",
  short: "Tasks missing", draining: "Being deleted",
};

export const STATUS_WORDS = {
  PENDING: "Waiting", IN_PROGRESS: "In progress", SUCCESSFUL: "Released", STOPPED: "Stopped", STOP_REQUESTED: "Stopping",
  ROLLBACK_REQUESTED: "Rolling back", ROLLBACK_IN_PROGRESS: "Rolling back", ROLLBACK_SUCCESSFUL: "Rolled back",
  ROLLBACK_FAILED: "Rollback failed",
};

export const STRATEGY_WORDS = { ROLLING: "rolling", BLUE_GREEN: "blue/green", CANARY: "canary", LINEAR: "linear" };

export const TASK_WORDS = {
  starting: "starting", checking: "waiting for its health check", healthy: "healthy", running: "running",
  unhealthy: "unhealthy", draining: "draining", stopping: "stopping", stopped: "stopped", failed: "failed",
};
