import { $, $$, data, number, paired, say } from "./dom.js";
import { inception } from "./counting.js";

const preset = $("#preset");
const state = { shape: [], filters: [] };
const start = data.modules[preset.value];
Object.assign(state, { shape: [...start.shape], filters: [...start.filters] });

const show = () => {
  const { branches, module } = inception(state.shape, state.filters);
  const rows = $("#branches").tBodies[0].rows;
  [...branches, module].forEach(({ naive, reduced }, index) => {
    const cells = [naive.channels, naive.params, naive.macs, reduced.channels, reduced.params, reduced.macs];
    cells.forEach((value, column) => { rows[index].cells[column + 1].textContent = number(value); });
    rows[index].cells[7].textContent = naive.macs ? number(naive.macs / reduced.macs, 2) : "–";
  });
  const largest = Math.max(...branches.flatMap(({ naive, reduced }) => [naive.macs, reduced.macs]));
  branches.forEach((branch, index) => {
    for (const kind of ["naive", "reduced"]) {
      const side = data.side * Math.sqrt(branch[kind].macs / largest);
      const square = $(`[data-branch="${index}"] [data-kind="${kind}"]`);
      for (const [name, value] of Object.entries({ y: -side, width: side, height: side })) square.setAttribute(name, value);
    }
  });
  branches.forEach(({ naive, reduced }, index) => {
    const [before, after] = [naive, reduced].map(({ macs }) => `${number(macs / 1e6, 1)} M`);
    $(`[data-branch="${index}"] [data-count]`).textContent = `${before} → ${after}`;
  });
  const { naive, reduced } = branches[2];
  $("#sentence").textContent = say(naive.macs >= reduced.macs ? "saves" : "costs", {
    naive: number(naive.macs), reduced: number(reduced.macs), ratio: number(naive.macs / reduced.macs, 2),
  });
};

const sliders = [...$$("[data-shape]"), ...$$("[data-filter]")];
for (const slider of sliders) {
  const [values, index] = slider.dataset.shape
    ? [state.shape, slider.dataset.shape]
    : [state.filters, slider.dataset.filter];
  paired(slider, slider.nextElementSibling, (value) => {
    values[index] = value;
    preset.value = "";
    show();
  });
}
preset.addEventListener("change", () => {
  const chosen = data.modules[preset.value];
  if (!chosen) return;
  [...chosen.shape].forEach((value, index) => { state.shape[index] = value; });
  [...chosen.filters].forEach((value, index) => { state.filters[index] = value; });
  for (const slider of sliders) {
    slider.value = slider.dataset.shape ? state.shape[slider.dataset.shape] : state.filters[slider.dataset.filter];
    slider.nextElementSibling.value = slider.value;
  }
  show();
});
