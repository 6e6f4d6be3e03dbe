// The headings of the table of networks become buttons that sort it; what has no value to sort by stays last.
for (const heading of document.querySelectorAll(".networks thead th")) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...heading.childNodes);
  heading.append(button);
  button.addEventListener("click", () => {
    const other = { ascending: "descending", descending: "ascending" };
    const direction = other[heading.getAttribute("aria-sort")] ?? heading.dataset.first;
    const sign = direction === "ascending" ? 1 : -1;
    const body = heading.closest("table").tBodies[0];
    const key = (row) => row.cells[heading.cellIndex].dataset.sort;
    const compare = (a, b) => {
      if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
      return sign * (heading.cellIndex ? a - b : a.localeCompare(b, "en", { numeric: true }));
    };
    body.append(...[...body.rows].sort((a, b) => compare(key(a), key(b))));
    for (const each of heading.parentNode.cells) each.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", direction);
  });
}
