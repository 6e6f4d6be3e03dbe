import { $, $$, data, number, say } from "./dom.js";

const boxes = $$("[data-branch]"), module = $("#module");
const show = () => {
  const channels = data.channels[module.value];
  const chosen = boxes.filter((box) => box.checked).map((box) => Number(box.dataset.branch));
  for (const maps of $$("[data-maps]")) maps.hidden = !chosen.includes(Number(maps.dataset.maps));
  const total = chosen.reduce((sum, branch) => sum + channels[branch], 0);
  const whole = channels.reduce((sum, each) => sum + each, 0);
  $("#sum").textContent = say(total === whole ? "sum" : "part", {
    module: module.value, sum: chosen.map((branch) => channels[branch]).join(" + ") || "0", total: number(total), whole: number(whole),
  });
};
for (const control of [...boxes, module]) control.addEventListener("change", show);
show();
