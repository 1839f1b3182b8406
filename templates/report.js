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
  for (const row of all("tr[data-variant]")) {
    row.addEventListener("click", () => select(row.dataset.variant, null));
  }
  // Two variants beside each other; without script all panels are listed and fold.
  const chooser = (section) => {
    const panels = all(":scope > details.variant", section);
    if (panels.length < 2) return;
    const choice = document.createElement("div");
    choice.className = "choice";
    const beside = document.createElement("div");
    const selects = ["Show", "beside"].map((words, side) => {
      const label = document.createElement("label");
      label.textContent = words + " ";
      const list = document.createElement("select");
      list.append(new Option(side === 0 ? "all variants" : "none", ""));
      for (const panel of panels) list.append(new Option(panel.dataset.variant));
      label.append(list);
      choice.append(label);
      return list;
    });
    const show = () => {
      const wanted = selects.map((list) => list.value);
      beside.className = wanted.every((name) => name !== "") ? "beside" : "";
      for (const panel of panels) {
        const place = wanted.indexOf(panel.dataset.variant);
        panel.hidden = wanted[0] !== "" && place < 0;
        if (place >= 0 && wanted[0] !== "") panel.open = true;
        panel.style.order = place < 0 ? 2 : place;
      }
    };
    selects.forEach((list) => list.addEventListener("change", show));
    panels[0].before(choice, beside);
    beside.append(...panels);
  };
  const anatomy = document.getElementById("anatomy");
  if (anatomy) chooser(anatomy);
  window.addEventListener("beforeprint", () => all("details").forEach((panel) => (panel.open = true)));
  const wanted = /^#variant=(.+)$/.exec(location.hash);
  if (wanted) select(decodeURIComponent(wanted[1]), null);
})();
