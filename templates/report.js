"use strict";
(() => {
  const all = (query, root = document) => Array.from(root.querySelectorAll(query));
  const select = (name, from) => {
    for (const marked of all("[data-variant]")) {
      const same = marked.dataset.variant === name;
      if (marked.tagName === "DETAILS") {
        if (same) marked.open = true;
      } else {
        marked.classList.toggle("selected", same);
      }
    }
    const first = all("details.variant").find((panel) => panel.dataset.variant === name);
    if (first && from) first.scrollIntoView({ block: "start" });
    history.replaceState(null, "", "#variant=" + encodeURIComponent(name));
  };
  for (const mark of all("svg [data-variant]")) {
    mark.addEventListener("click", () => select(mark.dataset.variant, mark));
    mark.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        select(mark.dataset.variant, mark);
      }
    });
  }
  for (const table of all("table.searchable")) {
    const label = document.createElement("label");
    label.className = "search";
    label.textContent = "Search: ";
    const input = document.createElement("input");
    input.type = "search";
    label.append(input);
    table.parentElement.before(label);
    const rows = all("tbody tr", table).map((row) => [row, row.textContent.toLowerCase()]);
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/);
      for (const [row, text] of rows) row.hidden = !words.every((word) => text.includes(word));
    });
  }
  window.addEventListener("beforeprint", () => all("details").forEach((panel) => (panel.open = true)));
  const wanted = /^#variant=(.+)$/.exec(location.hash);
  if (wanted) select(decodeURIComponent(wanted[1]), null);
})();
