"use strict";
(() => {
  const all = (query, root = document) => Array.from(root.querySelectorAll(query));
  const make = (tag, properties, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };
  const main = document.querySelector("main");
  const panels = all("details.variant");
  const names = [...new Set(panels.map((panel) => panel.dataset.variant))];
  const marked = all("[data-variant]:not(details)");
  const EVERY = "";
  const state = { variant: EVERY, beside: EVERY };

  // Panels that follow each other stand beside each other; without script all are listed and fold.
  const groups = [];
  for (const panel of panels) {
    const before = panel.previousElementSibling;
    let group = before && before.classList.contains("panels") ? before : null;
    if (!group) {
      group = make("div", { className: "panels" });
      panel.before(group);
      const absent = make("p", { className: "absent", hidden: true });
      group.before(absent);
      groups.push({ group, absent });
    }
    group.append(panel);
  }

  const status = make("span", { className: "heard" });
  status.setAttribute("role", "status");
  const lists = ["Variant", "beside"].map((word, side) => {
    const list = make("select", {});
    list.append(new Option(side === 0 ? "all, folded" : "none", EVERY));
    for (const name of names) list.append(new Option(name, name));
    list.addEventListener("change", () => {
      state[side === 0 ? "variant" : "beside"] = list.value;
      show(true);
    });
    return [word, list];
  });

  const show = (said) => {
    const places = state.variant === EVERY ? [] : [state.variant, state.beside];
    for (const panel of panels) {
      const place = places.indexOf(panel.dataset.variant);
      panel.hidden = places.length > 0 && place < 0;
      panel.open = place >= 0;
      panel.classList.toggle("second", place === 1);
    }
    const beside = places.length > 0 && state.beside !== EVERY && state.beside !== state.variant;
    for (const { group, absent } of groups) {
      group.classList.toggle("beside", beside);
      absent.hidden = all(":scope > details", group).some((panel) => !panel.hidden);
      absent.textContent = "Nothing is recorded here about " + state.variant + ".";
    }
    for (const mark of marked) {
      const own = places.length > 0 && places.includes(mark.dataset.variant);
      mark.classList.toggle("selected", own);
      if (mark.getAttribute("role") === "button") mark.setAttribute("aria-pressed", String(own));
    }
    for (const chart of all("svg.chart")) {
      chart.classList.toggle("picked", chart.querySelector(".selected") !== null);
    }
    lists[0][1].value = state.variant;
    lists[1][1].value = state.beside;
    lists[1][1].disabled = places.length === 0;
    if (said) {
      const words = places.filter((name) => name !== EVERY).join(" beside ");
      status.textContent = "Showing " + (words || "all variants");
      const fields = Object.entries(state).filter(([, name]) => name !== EVERY);
      const hash = fields.map(([key, name]) => key + "=" + encodeURIComponent(name)).join("&");
      history.replaceState(null, "", "#" + hash);
    }
  };
  const select = (name) => {
    if (!names.includes(name)) return;
    state.variant = name;
    if (state.beside === name) state.beside = EVERY;
    show(true);
  };

  if (names.length > 0) {
    const pick = make("div", { className: "pick" });
    for (const [word, list] of lists) pick.append(make("label", {}, word + " ", list));
    document.querySelector(".bar .inside").append(pick, status);
  }
  for (const mark of all("svg [data-variant][tabindex]")) {
    mark.addEventListener("click", () => select(mark.dataset.variant));
    mark.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        select(mark.dataset.variant);
      }
    });
  }
  for (const row of all("tr[data-variant]")) {
    if (!names.includes(row.dataset.variant)) continue;
    const button = make("button", { type: "button" }, ...row.cells[0].childNodes);
    row.cells[0].append(button);
    row.addEventListener("click", () => select(row.dataset.variant));
  }
  for (const table of all("table.searchable")) {
    const input = make("input", { type: "search" });
    const found = make("span", { className: "found" });
    found.setAttribute("role", "status");
    const rows = all("tbody tr", table).map((row) => [row, row.textContent.toLowerCase()]);
    if (rows.length < 4) continue;
    input.setAttribute("aria-label", "Filter: " + table.caption.textContent);
    table.parentElement.before(make("label", { className: "search" }, "Filter rows ", input, " ", found));
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/);
      for (const [row, text] of rows) row.hidden = !words.every((word) => text.includes(word));
      const left = rows.filter(([row]) => !row.hidden).length;
      found.textContent = input.value === "" ? "" : left + " of " + rows.length + " rows";
    });
  }

  // Marks and boxes are told on hover, tap and focus, which a title alone is not.
  const tip = make("div", { className: "tip", hidden: true });
  tip.setAttribute("role", "tooltip");
  document.body.append(tip);
  const words = (one) => {
    const title = one.querySelector(":scope > title");
    if (title) {
      one.dataset.tip = title.textContent;
      if (one.hasAttribute("role")) one.setAttribute("aria-label", title.textContent);
      title.remove();
    }
    return one.dataset.tip || "";
  };
  let told = null;
  const lay = () => {
    if (!told) return;
    const place = told.getBoundingClientRect();
    const left = Math.min(place.left, innerWidth - tip.offsetWidth - 8);
    const below = place.bottom + 6 + tip.offsetHeight <= innerHeight;
    tip.style.left = Math.max(8, left) + "px";
    tip.style.top = Math.max(8, below ? place.bottom + 6 : place.top - 6 - tip.offsetHeight) + "px";
  };
  const tell = (target) => {
    if (target === tip) return;
    told = target instanceof Element ? target.closest("svg .mark, svg .layer") : null;
    const text = told ? words(told) : "";
    tip.hidden = text === "";
    tip.textContent = text;
    lay();
  };
  // What scrolls below a resting pointer does not hide what is told of the focused mark.
  document.addEventListener("pointerover", ({ target }) => {
    const over = target instanceof Element && target.closest("svg .mark, svg .layer");
    if (target !== tip) tell(over || document.activeElement);
  });
  document.addEventListener("focusin", (event) => tell(event.target));
  document.addEventListener("focusout", () => tell(null));
  document.addEventListener("scroll", lay, { capture: true, passive: true });

  // One stop of the Tab key a drawing; arrow keys go from mark to mark.
  const center = (one) => {
    const place = one.getBoundingClientRect();
    return [(place.left + place.right) / 2, (place.top + place.bottom) / 2];
  };
  const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const nearest = (one, others, [right, down]) => {
    const [x, y] = center(one);
    let best = null;
    for (const other of others) {
      const [ox, oy] = center(other);
      const along = (ox - x) * right + (oy - y) * down;
      const aside = Math.abs((ox - x) * down + (oy - y) * right);
      const far = along + 2 * aside;
      if (other !== one && along > 1 && (!best || far < best.far)) best = { other, far };
    }
    return best && best.other;
  };
  for (const drawing of all("svg.chart, svg.topology")) {
    const stops = all("[tabindex]", drawing);
    stops.slice(1).forEach((stop) => { stop.tabIndex = -1; });
    drawing.addEventListener("keydown", (event) => {
      const from = event.target.closest("[tabindex]");
      const next = ways[event.key] && stops.includes(from) && nearest(from, stops, ways[event.key]);
      if (!next) return;
      event.preventDefault();
      from.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    });
  }
  // A box filters the decisions below it.
  for (const box of all("svg .layer[data-layer]")) {
    const panel = box.closest("details");
    const input = panel && panel.querySelector("input[type=search]");
    if (!input) continue;
    box.setAttribute("role", "button");
    const filter = () => {
      input.value = input.value === box.dataset.layer ? "" : box.dataset.layer;
      input.dispatchEvent(new Event("input"));
    };
    box.addEventListener("click", filter);
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      filter();
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") tell(null);
  });

  // The section that is read is marked in the bar.
  const links = new Map(all(".bar nav a").map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) links.get(target.id).setAttribute("aria-current", "true");
      else links.get(target.id).removeAttribute("aria-current");
    }
  }, { rootMargin: "-40% 0px -55% 0px" });
  for (const section of all("main > section")) if (links.has(section.id)) seen.observe(section);

  const fields = new URLSearchParams(location.hash.slice(1));
  const known = (name, other) => (names.includes(name) ? name : other);
  state.variant = known(fields.get("variant"), known(main.dataset.first, names[0] || EVERY));
  state.beside = known(fields.get("beside"), EVERY);
  document.documentElement.classList.add("scripted");
  show(false);
})();
