// Charts respond to the pointer once they come into view; until then, and without scripts, they are plain SVG.
const slider = document.querySelector("#moment");
const following = [];
const show = (view) => view.signal("moment", Number(slider.value)).runAsync();

// A rectangle drawn over points brings out the networks that lie in it.
const listen = (target, view, spec) => {
  const points = Object.values(spec.datasets ?? {}).flat().filter((row) => "panel" in row);
  for (const { name } of spec.params ?? []) {
    if (!name.startsWith("brush")) continue;
    view.addSignalListener(name, (_, { x, y }) => {
      const inside = (value, [a, b]) => Math.min(a, b) <= value && value <= Math.max(a, b);
      const found = points.filter(
        (row) => x && y && `brush${row.panel}` === name && inside(row.x, x) && inside(row.y, y),
      );
      const detail = found.map((row) => row.network);
      target.dispatchEvent(new CustomEvent("brushed", { bubbles: true, detail }));
    });
  }
};

const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    seen.unobserve(target);
    const live = document.createElement("div");
    const spec = JSON.parse(target.querySelector("script").textContent);
    vegaEmbed(live, spec, {
      mode: "vega-lite",
      renderer: "svg",
      actions: false,
      ast: true, // interprets expressions, which the page's policy does not let anyone evaluate
      defaultStyle: false,
      tooltip: { disableDefaultStyle: true },
    }).then(({ view }) => {
      target.querySelector("svg").replaceWith(live);
      listen(target, view, spec);
      target.dispatchEvent(new CustomEvent("drawn", { bubbles: true }));
      if (!("follows" in target.dataset)) return;
      following.push(view);
      show(view);
    });
  }
});
for (const chart of document.querySelectorAll(".chart")) seen.observe(chart);

// One slider moves the charts and the coloured drawings of a diagnosis over training.
if (slider) {
  slider.parentNode.hidden = false;
  const drawings = [...document.querySelectorAll("img[data-styles]")].map((image) => [
    image,
    JSON.parse(image.dataset.styles),
  ]);
  const move = () => {
    const words = slider.list.options[slider.value].label;
    slider.setAttribute("aria-valuetext", words);
    document.querySelector("output[for=moment]").value = words;
    following.forEach(show);
    for (const [image, styles] of drawings) {
      const [head, body] = image.src.split(",");
      const rules = /(<style class="gradient">)[^<]*/;
      const coloured = atob(body).replace(rules, (_, mark) => mark + styles[slider.value]);
      image.src = `${head},${btoa(coloured)}`;
    }
  };
  slider.addEventListener("input", move);
  move(); // a browser may keep the slider's place when the page is loaded again
}
