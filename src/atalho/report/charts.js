// Charts answer to the pointer once they come into view; until then, and without scripts, they are plain SVG.
const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    seen.unobserve(target);
    const live = document.createElement("div");
    vegaEmbed(live, JSON.parse(target.querySelector("script").textContent), {
      mode: "vega-lite",
      renderer: "svg",
      actions: false,
      ast: true, // interprets expressions, which the page's policy does not let anyone evaluate
      defaultStyle: false,
      tooltip: { disableDefaultStyle: true },
    }).then(() => target.querySelector("svg").replaceWith(live));
  }
});
for (const chart of document.querySelectorAll(".chart")) seen.observe(chart);
