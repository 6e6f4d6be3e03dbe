import { $, $$, data, number, paired, say } from "./dom.js";
import { agrees, blocks } from "./counting.js";

const size = { width: 64, map: 56 };
const showBlocks = () => {
  const weights = blocks(size.width);
  for (const row of $$("#costs tr[data-kind]")) {
    const kind = row.dataset.kind;
    const values = [number(weights[kind]), number(weights[kind] * size.map ** 2), number(weights[kind] / weights.basic, 2)];
    row.cells[1].textContent = say(`${kind}_layers`, { width: size.width, four: 4 * size.width });
    values.forEach((value, index) => { row.cells[index + 2].textContent = value; });
  }
};
for (const name of ["width", "map"]) {
  const slider = $(`#${name}`);
  paired(slider, slider.nextElementSibling, (value) => { size[name] = value; showBlocks(); });
}

const boxes = ["projections", "later", "linear"].map((name) => $(`#${name}`));
const showWay = () => {
  const index = data.ways.findIndex((way) => boxes.every((box) => way[box.id] === box.checked));
  const agreed = data.depths.filter((_, at) => agrees(data.printed[at], data.ways[index].values[at], $("#cut").checked));
  for (const row of $$("#ways tr[data-way]")) row.classList.toggle("selected", Number(row.dataset.way) === index);
  $("#agreed").textContent = say("agreed", { count: agreed.length, of: data.depths.length, which: agreed.join(", ") || "–" });
};
for (const box of [...boxes, $("#cut")]) box.addEventListener("change", showWay);
showWay();
