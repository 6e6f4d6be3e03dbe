import { $, data, number, paired, say, short } from "./dom.js";
import { powerAfter, rate } from "./counting.js";

const layers = $("#layers");
paired(layers, layers.nextElementSibling, (count) => {
  for (const [name, gain] of Object.entries(data.gains)) {
    $(`[data-power="${name}"]`).textContent = short(powerAfter(count, gain));
  }
  const at = (data.width * count) / data.most;
  $("#mark").setAttribute("d", `M${at} 0V260`);
  $("#after").textContent = say("after", { layers: count });
});

const step = $("#step");
const showRate = () => {
  const now = Number(step.value);
  $("#rate-now").value = say("rate", { step: number(now), rate: short(rate(now, data.schedule)) });
  $("#now").setAttribute("d", `M${(data.width * now) / data.schedule.steps} -10V135`);
};
step.addEventListener("input", showRate);
showRate();
