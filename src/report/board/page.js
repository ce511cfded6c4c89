
"use strict";
// How often the report is asked for, in milliseconds, and how many decisions a stream's table lists.
const EVERY = 5000, LISTED = 50, LEFT = 34, RIGHT = 6;
const body = document.body;
window.addEventListener("error", (event) => { body.dataset.error = String(event.message); });
window.addEventListener("unhandledrejection", (event) => { body.dataset.error = String(event.reason); });
const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const rows = new Map();
let plots = 0;

/* Small makers: text only ever enters the page as text. */
function make(name, given, ...inside) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(given || {})) made.setAttribute(key, value);
  made.append(...inside);
  return made;
}
function draw(name, given, ...inside) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(given)) made.setAttribute(key, value);
  made.append(...inside);
  return made;
}
const known = (value) => value !== null && value !== undefined;
const pad = (number) => String(number).padStart(2, "0");
function clock(at) { const d = new Date(at * 1000); return `${pad(d.getUTCHours())}:${pad(d.getUTCMinutes())}`; }
const stamp = (at) => new Date(at * 1000).toISOString().slice(0, 16).replace("T", " ");
const round = (value) => value >= 100 ? Math.round(value) : Number(value.toPrecision(3));
const whole = (value) => known(value) ? String(value) : "?";
function time(seconds) {
  if (!known(seconds)) return "?";
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${round(seconds / 3600)} h`;
}

/* What is wrong with a stream, in words; empty if nothing is. */
const WRONG = { Accepted: "False", Observed: "False", Healthy: "False", Contended: "True", BudgetExhausted: "True" };
const wrongs = (stream) => stream.conditions.filter((one) => WRONG[one.type] === one.status);
function state(stream) {
  const words = [stream.state || "not seen"];
  if (stream.pin) words.push(`pinned to ${stream.pin.at_least ? "at least " : ""}${stream.pin.shards} until ${stamp(stream.pin.until)}`);
  if (stream.pause) words.push(stream.pause.until ? `paused until ${stamp(stream.pause.until)}` : "paused");
  for (const alarm of stream.alarms) words.push(`alarm ${alarm}`);
  for (const one of wrongs(stream)) words.push(`${one.type === "BudgetExhausted" ? (one.reason === "money" ? "over budget" : "no calls left") : one.type === "Contended" ? "contended" : `not ${one.type.toLowerCase()}`}: ${one.message}`);
  return words.join("; ");
}
const attention = (stream) => wrongs(stream).length > 0 || stream.alarms.length > 0;

/* One stream's part of the table: facts, plot, and what stands behind them. */
function row(stream) {
  const cell = (label, kind) => make("td", { role: "cell", "data-label": label, class: kind });
  const cells = { shards: cell("Shards", "n"), wanted: cell("Wanted", "n"), use: cell("Use", "n"), age: cell("Iterator age", "n"), calls: cell("Calls left", "n"), state: cell("State", "state") };
  const head = make("th", { role: "rowheader", scope: "row" }, stream.stream, make("small", {}, `${stream.pipeline}, ${stream.region}`));
  const because = make("p", { class: "because" }), plot = make("div", { class: "plot" });
  const say = make("p", { class: "say", role: "status" }, "Point at the plot, or tap it: the numbers of that time and the reason of the nearest decision.");
  const conditions = make("tbody", {}), decisions = make("tbody", {});
  const header = (...names) => make("thead", {}, make("tr", {}, ...names.map((name) => make("th", { scope: "col" }, name))));
  const details = make("details", {}, make("summary", {}, `Conditions and decisions of ${stream.stream}`),
    make("table", {}, make("caption", {}, "Conditions"), header("Condition", "Is", "Since (UTC)", "Message"), conditions),
    make("table", {}, make("caption", {}, "Newest decisions first"), header("When (UTC)", "What", "Because"), decisions));
  const more = make("td", { role: "cell", colspan: "7" }, because, plot, say, details);
  const part = make("tbody", { role: "rowgroup", "data-stream": `${stream.pipeline}/${stream.stream}` },
    make("tr", { role: "row", class: "facts" }, head, ...Object.values(cells)), make("tr", { role: "row", class: "more" }, more));
  const made = { part, cells, because, plot, say, details, conditions, decisions, stream, whole: null, near: false, asked: null };
  plot.addEventListener("pointermove", (event) => point(made, event));
  plot.addEventListener("pointerdown", (event) => point(made, event));
  details.addEventListener("toggle", () => { if (details.open) tables(made); });
  part.row = made;
  watcher.observe(part);
  $("streams").append(part);
  return made;
}
function put(element, text, kind) {
  if (element.textContent !== text) element.textContent = text;
  if (kind !== undefined && element.className !== kind) element.className = kind;
}
function facts(made) {
  const s = made.stream, c = made.cells, wrong = attention(s);
  put(c.shards, `${whole(s.shards)} of ${s.min}–${s.max}`);
  put(c.wanted, whole(s.desired));
  put(c.use, known(s.utilisation) ? `${Math.round(s.utilisation * 100)} %` : "?", s.utilisation > 1 ? "n bad" : "n");
  put(c.age, time(s.age_seconds));
  put(c.calls, `${s.calls_left} of ${s.calls_a_day}`, s.calls_left === 0 ? "n bad" : "n");
  put(c.state, state(s), wrong ? "state bad" : s.pin || s.pause ? "state warn" : "state good");
  const readers = (s.functions || []).map((one) => ` Lambda function ${one.function}: factor ${whole(one.factor)} of ${one.min}–${one.max}, ${one.reason}: ${one.because}.`);
  put(made.because, (s.last ? `${s.last.reason}: ${s.last.because}` : "Nothing has been decided yet.") + (readers.length ? `.${readers.join("")}` : ""));
  const words = [s.stream, s.pipeline, s.physical, s.region, s.account, s.state, c.state.textContent, s.last && s.last.reason];
  made.words = words.filter(Boolean).join(" ").toLowerCase();
}

/* Which streams are near the window: only these are asked for and drawn. */
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    entry.target.row.near = entry.isIntersecting;
    if (entry.isIntersecting) fill(entry.target.row);
  }
}, { rootMargin: "300px" });
async function fill(made) {
  const of = JSON.stringify([made.stream.metrics_at, made.stream.shards, made.stream.last && made.stream.last.at, made.stream.seen_at]);
  if (made.asked === of) return;
  made.asked = of;
  try {
    const answer = await fetch(`api/streams/${encodeURIComponent(made.stream.pipeline)}/${encodeURIComponent(made.stream.stream)}`, { cache: "no-store" });
    if (!answer.ok) throw new Error(`the controller answers ${answer.status}`);
    made.whole = await answer.json();
    picture(made);
    if (made.details.open) tables(made);
  } catch (error) {
    made.asked = null;
  }
}
function tables(made) {
  if (!made.whole) return;
  const line = (...texts) => make("tr", {}, ...texts.map((text) => make("td", {}, text)));
  made.conditions.replaceChildren(...made.whole.conditions.map((one) => line(one.type, { True: "yes", False: "no", Unknown: "?" }[one.status], stamp(one.since), one.message)));
  const newest = made.whole.decisions.slice(-LISTED).reverse();
  made.decisions.replaceChildren(...newest.map((one) => line(stamp(one.at), what(one), one.because)));
}
function what(decision) {
  const verb = decision.lambda ? `${decision.verb} ${decision.lambda.function} factor` : decision.verb;
  const counts = decision.from === decision.to ? `${verb} at ${decision.from}` : `${verb} ${decision.from} → ${decision.to}`;
  return `${counts}, ${decision.reason}${decision.outcome ? `, ${decision.outcome}` : ""}`;
}

/* The plot: load and shards above, iterator age below, both over the same hours. */
function scales(made) {
  const series = made.whole.series, count = Math.max(1, series.demand.length);
  const width = made.plot.clientWidth || 320, foot = 118, low = 172;
  const most = (list) => list.reduce((top, value) => known(value) && value > top ? value : top, 0);
  const top = Math.max(1, most(series.demand), most(series.capacity)) * 1.1, late = Math.max(60, most(series.age));
  return {
    series, count, width, foot, low, top, late,
    x: (at) => LEFT + (width - LEFT - RIGHT) * at / count,
    y: (value) => foot - (foot - 12) * value / top,
    z: (value) => low - (low - 136) * value / late,
    place: (at) => (at - series.start) / series.step_seconds,
  };
}
/* A stair over the known steps; unknown ones are gaps. */
function stair(list, s, y, base) {
  let text = "", open = false;
  list.forEach((value, at) => {
    if (!known(value)) { if (open && base !== null) text += `V${base}Z`; open = false; return; }
    const height = y(value).toFixed(1), from = s.x(at).toFixed(1), to = s.x(at + 1).toFixed(1);
    text += open ? `V${height}H${to}` : base === null ? `M${from} ${height}H${to}` : `M${from} ${base}V${height}H${to}`;
    open = true;
  });
  return open && base !== null ? `${text}V${base}Z` : text;
}
function marker(decision, s) {
  const x = s.x(Math.max(0, Math.min(s.count, s.place(decision.at))));
  if (["hold", "settled", "watch", "unwatch"].includes(decision.verb) || decision.lambda) return { kind: "mark hold", d: `M${x - 2} ${s.foot}H${x + 2}V${s.foot - 5}H${x - 2}Z` };
  const y = Math.max(9, s.y(Math.max(decision.from, decision.to)) - 4), up = decision.to > decision.from;
  const refused = decision.verb === "foreign" || /^(refused|unanswered)/.test(decision.outcome || "");
  return { kind: refused ? "mark refused" : "mark", d: `M${x - 5} ${up ? y : y - 8}H${x + 5}L${x} ${up ? y - 8 : y}Z` };
}
function within(made) { return made.whole.decisions.filter((one) => one.at >= made.whole.series.start); }
function picture(made) {
  const s = scales(made), told = within(made), resizes = told.filter((one) => ["resize", "split", "merge"].includes(one.verb)).length;
  const svg = draw("svg", { viewBox: `0 0 ${s.width} 190`, role: "img", "aria-label": `The last day of ${made.stream.stream}: ${resizes} resizes; the decisions are in the table below` });
  const text = (x, y, anchor, words) => svg.append(draw("text", { x, y, "text-anchor": anchor }, words));
  for (const part of [0, .5, 1]) {
    const y = s.y(s.top / 1.1 * part);
    svg.append(draw("line", { class: "grid", x1: LEFT, x2: s.width - RIGHT, y1: y, y2: y }));
    text(LEFT - 4, y + 4, "end", String(round(s.top / 1.1 * part)));
  }
  svg.append(draw("line", { class: "grid", x1: LEFT, x2: s.width - RIGHT, y1: s.low, y2: s.low }));
  text(LEFT - 4, 142, "end", time(s.late).replace(" ", ""));
  const hours = s.count * s.series.step_seconds / 3600, fit = Math.max(2, Math.floor((s.width - LEFT) / 60));
  const every = [.25, .5, 1, 2, 3, 4, 6].find((step) => hours / step <= fit) || 12;
  for (let at = Math.ceil(s.series.start / 3600 / every) * every * 3600; s.place(at) <= s.count; at += every * 3600) {
    const x = s.x(s.place(at));
    text(x, 187, x < LEFT + 15 ? "start" : x > s.width - 24 ? "end" : "middle", clock(at));
  }
  svg.append(draw("path", { class: "demand", d: stair(s.series.demand, s, s.y, s.foot) }));
  svg.append(draw("path", { class: "rejected", d: stair(s.series.rejected.map((value) => value > 0 ? value : null), s, s.y, s.foot) }));
  svg.append(draw("path", { class: "capacity", d: stair(s.series.capacity, s, s.y, null) }));
  svg.append(draw("path", { class: "age", d: stair(s.series.age, s, s.z, null) }));
  for (const one of told) {
    const { kind, d } = marker(one, s);
    svg.append(draw("path", { class: kind, d }, draw("title", {}, `${stamp(one.at)}: ${what(one)}: ${one.because}`)));
  }
  svg.append(draw("line", { class: "cursor", x1: -9, x2: -9, y1: 0, y2: s.low }));
  made.plot.replaceChildren(svg);
  if (!made.drawn) { made.drawn = true; plots += 1; }
  body.dataset.plots = String(plots);
}
function point(made, event) {
  if (!made.whole || !made.whole.series.demand.length) return;
  const s = scales(made), box = made.plot.getBoundingClientRect();
  const share = Math.max(0, Math.min(.9999, (event.clientX - box.left - LEFT) / (s.width - LEFT - RIGHT)));
  const at = Math.floor(share * s.count), moment = s.series.start + at * s.series.step_seconds;
  const line = made.plot.querySelector(".cursor"), x = s.x(share * s.count);
  if (line) { line.setAttribute("x1", x); line.setAttribute("x2", x); }
  // The one that is nearest; of those at the same distance a resize tells most.
  const far = (one) => Math.abs(s.place(one.at) - share * s.count) + (one.verb === "hold" ? 2 : 0);
  const near = within(made).reduce((best, one) => !best || far(one) <= far(best) ? one : best, null);
  const value = (list, unit) => known(list[at]) ? `${round(list[at])}${unit}` : "?";
  put(made.say, `${stamp(moment)} UTC: demand ${value(s.series.demand, "")}, open shards ${value(s.series.capacity, "")}, rejected ${value(s.series.rejected, "")}, iterator age ${known(s.series.age[at]) ? time(s.series.age[at]) : "?"}. ${near ? `Nearest decision, ${stamp(near.at)}: ${what(near)}: ${near.because}` : ""}`);
}

/* The search, and what the table shows of it. */
function sift() {
  const words = $("find").value.toLowerCase().split(/\s+/).filter(Boolean), only = $("attention").checked;
  let shown = 0;
  for (const made of rows.values()) {
    const fits = words.every((word) => made.words.includes(word)) && (!only || attention(made.stream));
    if (made.part.hidden === fits) made.part.hidden = !fits;
    shown += fits ? 1 : 0;
  }
  put($("shown"), `${shown} of ${rows.size} shown`);
  $("none").hidden = shown > 0 || rows.size === 0;
}

/* The report, again and again while somebody looks. */
function told(report) {
  const bad = report.streams.filter(attention).length;
  const count = report.streams.length === 1 ? "1 stream" : `${report.streams.length} streams`;
  put($("summary"), `${count}, ${bad === 0 ? "none needs" : bad === 1 ? "1 needs" : `${bad} need`} attention. As of ${stamp(report.at)} UTC, a tick every ${time(report.tick_seconds)}, ${report.ticks.count} ticks and ${report.ticks.resizes} resizes since the start. Version ${report.version}.`);
  document.title = bad ? `(${bad}) tidegate` : "tidegate";
  $("dry").hidden = !report.dry_run;
  trouble(report.troubles);
  const seen = new Set();
  for (const stream of report.streams) {
    const key = `${stream.pipeline}/${stream.stream}`;
    seen.add(key);
    if (!rows.has(key)) rows.set(key, row(stream));
    const made = rows.get(key);
    made.stream = stream;
    facts(made);
    if (made.near) fill(made);
  }
  for (const [key, made] of rows) if (!seen.has(key)) { watcher.unobserve(made.part); made.part.remove(); rows.delete(key); }
  $("drift").hidden = report.drift.length === 0;
  $("drifts").replaceChildren(...report.drift.map((one) => make("li", {}, `${one.pipeline}, ${stamp(one.at)} UTC: ${one.found} found, ${one.done} put right, ${one.failed} failed, ${one.left} left, ${one.unchecked} not checked${one.trouble ? `: ${one.trouble}` : ""}`)));
  sift();
  body.dataset.ready = String(rows.size);
}
function trouble(lines) {
  put($("trouble"), lines.join("\n"));
  $("trouble").hidden = lines.length === 0;
}
async function refresh() {
  try {
    const answer = await fetch("api/streams", { cache: "no-store" });
    if (!answer.ok) throw new Error(`it answers ${answer.status}`);
    told(await answer.json());
  } catch (error) {
    trouble([`The controller cannot be asked, so that this may be old: ${error.message}. The next try is in ${EVERY / 1000} s.`]);
  }
}
async function again() {
  if (!document.hidden) await refresh();
  setTimeout(again, EVERY);
}
$("filter").addEventListener("submit", (event) => event.preventDefault());
$("find").addEventListener("input", sift);
$("attention").addEventListener("change", sift);
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
let width = window.innerWidth;
window.addEventListener("resize", () => {
  if (window.innerWidth === width) return;
  width = window.innerWidth;
  for (const made of rows.values()) if (made.whole && made.near) picture(made);
});
again();

