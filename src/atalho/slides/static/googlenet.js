import { $, data, number, say } from "./dom.js";
import { choose } from "./rows.js";

$("#heads").addEventListener("change", ({ target }) => {
  $("#network").classList.toggle("without-heads", !target.checked);
  const kind = target.checked ? "with" : "without";
  $("#heads-said").textContent = say(`heads_${kind}`, { params: number(data.params[kind]), inference: number(data.params.without) });
});
choose(...data.start);
