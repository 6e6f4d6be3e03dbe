import { $, $$, data, element, number, say } from "./dom.js";

// Rows of networks: a button in each line of their tables, the drawing's rows, and the receptive field on the photo.
const drawn = $(".pan svg");
const natural = drawn.viewBox.baseVal.width;
const zoom = $("#zoom");
const fit = () => {
  drawn.setAttribute("width", (natural * zoom.value) / 100);
  drawn.removeAttribute("height");
  zoom.nextElementSibling.value = `${zoom.value} %`;
};
zoom.addEventListener("input", fit);
zoom.value = Math.round(Math.max(40, Math.min(100, (100 * $(".pan").clientWidth) / natural)) / 10) * 10;
fit();

let network = "";
for (const part of $$("text.name, g.rows", drawn)) {
  if (part.matches("text")) network = part.textContent;
  else part.dataset.network = network;
}

export const choose = (of, name) => {
  const row = data.networks[of].find((each) => each.name === name);
  for (const part of $$("g.rows", drawn)) {
    part.classList.toggle("picked", part.dataset.network === of && part.dataset.row.split(" ").includes(name));
  }
  for (const line of $$(".rows-of tr[data-row]")) {
    const same = line.dataset.row === name && line.closest("table").dataset.network === of;
    line.classList.toggle("selected", same);
    $("button", line).setAttribute("aria-pressed", same);
  }
  const [height, width] = row.field ?? [224, 224];
  const field = $("#field");
  for (const [key, value] of Object.entries({ x: 112 - width / 2, y: 112 - height / 2, width, height })) field.setAttribute(key, value);
  const cost = { row: `${of} ${name}`, output: row.output.join("×"), params: number(row.params), macs: number(row.macs) };
  const seen = row.field
    ? say(Math.max(...row.field) > 224 ? "beyond" : "within", { field: row.field.join("×"), stride: row.stride.join("×") })
    : say("whole");
  $("#seen-caption").textContent = `${say("cost", cost)} ${seen}`;
};

for (const line of $$(".rows-of tr[data-row]")) {
  const button = element("button", { type: "button", class: "cell", "aria-pressed": "false" }, line.cells[0].textContent);
  button.addEventListener("click", () => choose(line.closest("table").dataset.network, line.dataset.row));
  line.cells[0].replaceChildren(button);
}
for (const part of $$("g.rows", drawn)) {
  part.addEventListener("click", () => choose(part.dataset.network, part.dataset.row.split(" ")[0]));
}
