// A network is brought out in every chart and table: while the pointer or the focus is on it, and for good by its button.
const legend = document.querySelector(".legend");
if (legend) {
  const main = document.querySelector("main");
  const names = [...legend.querySelectorAll("button")];
  const byName = new Map(names.map((button, index) => [button.textContent.trim(), index]));
  const byColour = new Map(names.map((button, index) => [button.dataset.colour, index]));
  const rows = [...document.querySelectorAll("tr[data-network]")];
  for (const row of rows) {
    const name = row.querySelector(".name");
    const button = document.createElement("button");
    button.type = "button";
    button.append(...name.childNodes);
    name.append(button);
  }
  const buttons = [...names, ...document.querySelectorAll("tr[data-network] .name button")];
  let kept = new Set();

  const on = (target) => {
    const button = names.indexOf(target.closest("button"));
    if (button >= 0) return button;
    const row = target.closest("tr[data-network]");
    if (row) return Number(row.dataset.network);
    if (!target.closest(".chart")) return undefined;
    return (
      byName.get(target.textContent) ??
      byColour.get(target.getAttribute("stroke")) ??
      byColour.get(target.getAttribute("fill"))
    );
  };
  const show = (shown) => {
    main.className = shown.size ? ["picking", ...[...shown].map((n) => `pick${n}`)].join(" ") : "";
    for (const row of rows) row.classList.toggle("picked", shown.has(Number(row.dataset.network)));
  };
  // Names in charts get their classes once, when a chart is drawn: under the pointer only the class of main changes.
  const mark = (chart) => {
    for (const text of chart.querySelectorAll("text")) {
      const network = byName.get(text.textContent);
      if (network !== undefined) text.classList.add("named", `named${network}`);
    }
  };
  for (const chart of document.querySelectorAll(".chart")) mark(chart);
  main.addEventListener("drawn", ({ target }) => mark(target));
  const keep = (networks) => {
    kept = networks;
    for (const button of buttons) button.setAttribute("aria-pressed", kept.has(on(button)));
    show(kept);
  };
  const over = ({ target }) => {
    const network = on(target);
    show(network === undefined ? kept : new Set([...kept, network]));
  };
  main.addEventListener("pointerover", over);
  main.addEventListener("focusin", over);
  main.addEventListener("pointerleave", () => show(kept));
  main.addEventListener("focusout", () => show(kept));
  main.addEventListener("brushed", ({ detail }) =>
    keep(new Set(detail.map((name) => byName.get(name)).filter((n) => n !== undefined))),
  );
  for (const button of buttons) {
    button.addEventListener("click", () => {
      const other = new Set(kept);
      if (!other.delete(on(button))) other.add(on(button));
      keep(other);
    });
  }
  document.addEventListener("keydown", ({ key }) => key === "Escape" && keep(new Set()));
  legend.hidden = false;
  keep(kept);
}
