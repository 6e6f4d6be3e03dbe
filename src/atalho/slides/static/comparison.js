import { $, $$, data, element, number, say, shape, short } from "./dom.js";
import { front, parsed, ranked, within } from "./choosing.js";

const WIDTH = 640, HEIGHT = 340, MOST = 60;
const picture = $("#budget");
const sliders = { latency: $("#max-latency"), peak_memory: $("#max-memory"), top1: $("#min-top1") };
let rows = data.rows;
let scale;

const measured = (quantity) => rows.map((row) => row[quantity]).filter((value) => Number.isFinite(value));

// A latency's place on a logarithmic axis, an accuracy's on a linear one.
const scales = () => {
  const times = measured("latency").map(Math.log10), accuracies = measured("top1");
  const [left, right] = [Math.min(...times) - 0.15, Math.max(...times) + 0.25];
  const low = Math.max(0, Math.min(...accuracies) - 0.04), high = Math.min(1, Math.max(...accuracies) + 0.04);
  return {
    x: (value) => (WIDTH * (Math.log10(value) - left)) / (right - left),
    y: (value) => HEIGHT * (1 - (value - low) / (high - low)),
    time: (x) => 10 ** (left + (x / WIDTH) * (right - left)),
    accuracy: (y) => low + (1 - y / HEIGHT) * (high - low),
    ends: [10 ** left, 10 ** right, low, high],
  };
};

// A slider's place, 0 to 1000, ↔ its limit; the far end is no limit.
const limit = (quantity) => {
  const share = sliders[quantity].value / 1000;
  if (quantity === "top1") return share === 0 ? null : scale.ends[2] + share * (scale.ends[3] - scale.ends[2]);
  if (share === 1) return null;
  if (quantity === "latency") return scale.time(share * WIDTH);
  const memories = measured("peak_memory");
  return memories.length ? Math.max(...memories) * Math.max(share, 0.001) : null;
};
const limits = () =>
  Object.fromEntries(Object.keys(sliders).map((quantity) => [quantity, limit(quantity)]).filter(([, value]) => value !== null));

const written = { latency: (value) => `${short(1e3 * value)} ms`, peak_memory: (value) => `${number(value / 1e6)} MB`, top1: (value) => `${number(100 * value, 1)} %` };

const sentence = (fitting) => {
  if (!fitting.length) return say("none");
  const [best] = fitting;
  const timed = fitting.filter((row) => Number.isFinite(row.latency));
  const slowest = timed.reduce((one, other) => (other.latency > one.latency ? other : one), timed[0]);
  const fastest = timed.reduce((one, other) => (other.latency < one.latency ? other : one), timed[0]);
  const parts = [say("best", { network: best.network, top1: written.top1(best.top1), count: fitting.length })];
  if (timed.length) parts.push(say("slowest", { network: slowest.network, latency: written.latency(slowest.latency) }), say("fastest", { network: fastest.network, latency: written.latency(fastest.latency) }));
  return parts.join(" ");
};

const draw = (asked, fitting) => {
  const inside = new Set(fitting), best = new Set(front(rows, ["top1", "latency"]));
  const marks = rows.filter((row) => Number.isFinite(row.latency) && Number.isFinite(row.top1)).flatMap((row) => {
    const at = rows.indexOf(row);
    const [x, y] = [scale.x(row.latency), scale.y(row.top1)];
    return [
      shape("circle", { cx: x, cy: y, r: 8, fill: data.palette[at % data.palette.length], opacity: inside.has(row) ? 1 : 0.2 }),
      shape("text", { x: x + 12, y: y + 4, class: inside.has(row) ? "" : "faint" }, row.network + (best.has(row) ? " ◂" : "")),
    ];
  });
  const right = asked.latency === undefined ? WIDTH : scale.x(asked.latency);
  const bottom = asked.top1 === undefined ? HEIGHT : scale.y(asked.top1);
  picture.replaceChildren(
    shape("rect", { class: "allowed", x: 0, y: 0, width: Math.max(0, right), height: Math.max(0, bottom) }),
    shape("path", { class: "axis", d: `M0 0V${HEIGHT}H${WIDTH}` }),
    ...marks,
    shape("path", { class: "budget", "data-limit": "latency", d: `M${right} 0V${HEIGHT}` }),
    shape("path", { class: "budget", "data-limit": "top1", d: `M0 ${bottom}H${WIDTH}` }),
    shape("text", { x: WIDTH / 2, y: HEIGHT + 32, "text-anchor": "middle" }, say("x_axis")),
    shape("text", { x: -HEIGHT / 2, y: -34, transform: "rotate(-90)", "text-anchor": "middle" }, say("y_axis")),
    ...[scale.ends[0] * 1.3, Math.sqrt(scale.ends[0] * scale.ends[1]), scale.ends[1] / 1.4].map((time) => shape("text", { x: scale.x(time), y: HEIGHT + 16, "text-anchor": "middle", class: "faint" }, short(Number((1e3 * time).toPrecision(2))))),
    ...[0.1, 0.5, 0.9].map((share) => scale.ends[2] + share * (scale.ends[3] - scale.ends[2])).map((value) => shape("text", { x: -6, y: scale.y(value) + 4, "text-anchor": "end", class: "faint" }, number(100 * value))),
  );
};

const show = () => {
  if (!measured("latency").length || !measured("top1").length) return;
  scale = scales();
  const asked = limits(), fitting = within(rows, asked);
  for (const [quantity, slider] of Object.entries(sliders)) {
    const words = asked[quantity] === undefined ? say("no_limit") : written[quantity](asked[quantity]);
    slider.nextElementSibling.value = words;
    slider.setAttribute("aria-valuetext", words);
  }
  $("#choice").textContent = sentence(fitting);
  draw(asked, fitting);
};
for (const slider of Object.values(sliders)) slider.addEventListener("input", show);

// The lines of the budget can be dragged; the sliders do the same.
let dragged = null;
const move = (event) => {
  const box = picture.getScreenCTM().inverse();
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(box);
  const share = dragged === "latency" ? at.x / WIDTH : 1 - at.y / HEIGHT;
  sliders[dragged].value = Math.round(1000 * Math.min(1, Math.max(0, share)));
  show();
};
picture.addEventListener("pointerdown", (event) => {
  dragged = event.target.dataset.limit ?? null;
  if (dragged) picture.setPointerCapture(event.pointerId);
});
picture.addEventListener("pointermove", (event) => { if (dragged) move(event); });
picture.addEventListener("pointerup", () => { dragged = null; });

// Somebody's own records: read here, sent nowhere, and shown as text.
const table = () => {
  const cells = (row) => [row.network, ...["top1", "latency", "peak_memory"].map((quantity) => (Number.isFinite(row[quantity]) ? written[quantity](row[quantity]) : "–"))];
  const lines = rows.map((row) => {
    const [name, ...values] = cells(row);
    return element("tr", {}, element("th", { scope: "row" }, name), ...values.map((value) => element("td", { class: "number" }, value)));
  });
  $("#networks").tBodies[0].replaceChildren(...lines);
};
const read = async (file) => {
  const lines = (await file.text()).split("\n").filter((line) => line.trim());
  const records = lines.map(parsed);
  const wrong = records.indexOf(null);
  const { rows: found, apart } = ranked(records.filter(Boolean), data.rules);
  const usable = found.slice(0, MOST).map((row) => ({ ...row, network: row.network.slice(0, MOST) }));
  const complete = usable.some((row) => Number.isFinite(row.latency) && Number.isFinite(row.top1));
  const told = [say(complete ? "read" : "unusable", { count: usable.length, records: lines.length, apart })];
  if (wrong >= 0) told.push(say("wrong", { line: wrong + 1 }));
  $("#told").textContent = told.join(" ");
  if (!complete) return;
  rows = usable;
  table();
  show();
};
$("#file").addEventListener("change", ({ target }) => target.files[0] && read(target.files[0]));
const drop = $("#drop");
drop.addEventListener("dragover", (event) => event.preventDefault());
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  const [file] = event.dataTransfer.files;
  if (file) read(file);
});
$("#own").addEventListener("click", () => { rows = data.rows; $("#told").textContent = ""; table(); show(); });
show();
