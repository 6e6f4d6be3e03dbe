import { $, $$, data, element, number, say } from "./dom.js";
import { agrees, leaving, sheet } from "./counting.js";

const body = $("#sheet").tBodies[0];
const FIRST = 2; // the column of #1×1
const PRINTED = FIRST + data.columns.length;
const rows = data.rows.map((row) => ({ ...row, filters: [...row.filters] }));
const offset = (row) => (row.kind === "conv2" ? 1 : 0);
let chosen = null;

const convention = () => ({
  biases: $("#biases").checked,
  kilo: $("#thousand").checked ? 1000 : 1024,
  separable: $("#separable").checked,
});

const derive = (lines) => {
  if (!chosen) return;
  const { index, operations } = chosen;
  const { biases, kilo } = convention();
  const row = rows[index], line = lines[index], positions = row.side ** 2;
  const list = element("ul");
  for (const term of line.terms) {
    const factors = [...term.factors, ...(operations && positions > 1 ? [row.side, row.side] : [])];
    const value = term.weights * (operations ? positions : 1);
    const extra = !operations && biases && term.biases ? say("biases", { count: number(term.biases) }) : "";
    list.append(element("li", {}, `${data.words.terms[term.part] ?? term.part}: ${factors.map((f) => number(f)).join(" · ")} = ${number(value)}${extra}`));
  }
  const count = operations ? line.macs : biases ? line.params : line.weights;
  const unit = operations ? 1e6 : kilo;
  const printed = operations ? row.macs : row.params;
  const same = agrees(printed, count / unit, !operations);
  const sum = say(same ? "sum_agrees" : "sum_differs", {
    sum: number(count), unit: number(unit), value: number(count / unit, 2),
    printed: number(printed, printed % 1 ? 1 : 0), apart: number(count / unit - printed, 2),
  });
  const title = say(operations ? "operations_of" : "params_of", { row: row.name });
  $("#derivation").replaceChildren(element("b", {}, title), list, element("p", {}, sum));
};

const show = () => {
  const { biases, kilo, separable } = convention();
  const lines = sheet(rows, separable);
  let count = 0;
  lines.forEach((line, index) => {
    const values = [(biases ? line.params : line.weights) / kilo, line.macs / 1e6];
    values.forEach((value, column) => {
      const same = agrees(column ? rows[index].macs : rows[index].params, value, !column);
      count += same;
      const cell = body.rows[index].cells[PRINTED + 2 * column + 1];
      cell.className = `number ${same ? "agrees" : "differs-cell"}`;
      cell.firstChild.textContent = number(value, 2);
    });
    const wide = rows[index].kind === "linear" ? [rows[index].filters[0]] : [leaving(rows[index]), rows[index].side, rows[index].side];
    body.rows[index].cells[1].textContent = wide.join("×");
  });
  $("#explained").textContent = say("explained", { count, cells: 2 * rows.length });
  derive(lines);
};

const fields = [];
rows.forEach((row, index) => {
  const cells = body.rows[index].cells;
  if (row.kind === "inception" || row.kind === "conv2") {
    row.filters.forEach((value, place) => {
      const column = place + offset(row);
      const field = element("input", { type: "number", min: 1, max: 2048, value, "aria-label": `${row.name}, ${data.columns[column]}` });
      field.addEventListener("input", () => {
        row.filters[place] = Math.min(2048, Math.max(1, Math.round(Number(field.value)) || 1));
        show();
      });
      field.addEventListener("change", () => { field.value = row.filters[place]; });
      fields.push([field, row, place, value]);
      cells[FIRST + column].replaceChildren(field);
    });
  }
  for (const column of [0, 1]) {
    const cell = cells[PRINTED + 2 * column + 1];
    const button = element("button", { type: "button", class: "cell" }, cell.textContent);
    button.addEventListener("click", () => {
      chosen = { index, operations: column === 1 };
      show();
    });
    cell.replaceChildren(button);
  }
});
for (const box of $$("form.live input")) box.addEventListener("change", show);
$("#reset").addEventListener("click", () => {
  for (const [field, row, place, value] of fields) {
    field.value = value;
    row.filters[place] = value;
  }
  show();
});
show();
