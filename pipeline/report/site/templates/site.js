"use strict";
(() => {
  const all = (query, from = document) => [...from.querySelectorAll(query)];
  const make = (tag, words = "", name = "") => {
    const made = document.createElement(tag);
    made.textContent = words;
    if (name) made.className = name;
    return made;
  };
  const run = window.crossbandRun || { seconds: {}, changes: null };

  const spoken = (seconds) => {
    if (seconds < 90) return `${seconds.toFixed(1)} s`;
    return seconds < 5400 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(1)} h`;
  };
  for (const cell of all("[data-seconds]")) {
    const seconds = run.seconds[cell.dataset.seconds];
    if (seconds !== undefined) cell.textContent = spoken(seconds);
  }

  for (const graph of all(".graph")) graph.scrollLeft = (graph.scrollWidth - graph.clientWidth) / 2;

  const changes = document.getElementById("changes");
  if (changes && run.changes) {
    const written = (value) => (value === null ? "–" : String(value));
    for (const [stage, name, before, now] of run.changes) {
      const line = make("tr");
      const apart = before === null || now === null ? "" : Number((now - before).toPrecision(4));
      line.append(make("td", stage), make("td", name));
      for (const words of [written(before), written(now), String(apart)]) {
        line.append(make("td", words, "n"));
      }
      changes.tBodies[0].append(line);
    }
    changes.parentElement.hidden = !run.changes.length;
    const words = run.changes.length ? `${run.changes.length} numbers differ.` : "No number differs.";
    document.getElementById("unchanged").textContent = words;
  }

  const cards = all(".cards > li");
  const chosen = () => cards.filter((card) => !card.hidden);
  for (const form of all("[data-filters=cards]")) {
    const apply = () => {
      const wanted = all("select", form).filter((select) => select.selectedIndex > 0);
      for (const card of cards) {
        card.hidden = wanted.some((select) => card.dataset[select.name] !== select.value);
      }
      form.querySelector("output").textContent = `${chosen().length} shown`;
    };
    form.addEventListener("change", apply);
    apply();
  }

  const dialog = document.querySelector("dialog");
  if (dialog) {
    let shown = null;
    const units = JSON.parse(dialog.dataset.units);
    const view = (src, number, index, name) => {
      const box = make("span", "", "view");
      box.style.setProperty("--n", number);
      box.style.setProperty("--i", index);
      const image = make("img");
      image.src = src;
      image.alt = name;
      box.append(image);
      return box;
    };
    const figure = (name, ...parts) => {
      const made = make("figure");
      made.append(...parts, make("figcaption", name));
      return made;
    };
    const open = (card) => {
      shown = card;
      const { id, src, views, facts } = card.querySelector("button").dataset;
      const names = JSON.parse(views);
      const content = dialog.querySelector(".content");
      content.replaceChildren();
      dialog.querySelector("h2").textContent = id;
      const grid = make("div", "", "views");
      if (src && names.length > 1) {
        const wipe = make("div", "", "wipe");
        wipe.append(view(src, names.length, 0, names[0]), view(src, names.length, 1, names[1]));
        const slider = make("input");
        slider.type = "range";
        slider.value = 50;
        slider.setAttribute("aria-label", `From ${names[0]} to ${names[1]}`);
        slider.addEventListener("input", () => wipe.style.setProperty("--cut", `${slider.value}%`));
        grid.append(figure(`${names[0]} | ${names[1]}`, wipe, slider));
      }
      if (src) names.forEach((name, i) => grid.append(figure(name, view(src, names.length, i, name))));
      const list = make("dl", "", "facts");
      for (const [name, value] of Object.entries(JSON.parse(facts))) {
        const pair = make("div");
        pair.append(make("dt", name), make("dd", `${value} ${units[name] || ""}`.trim()));
        list.append(pair);
      }
      content.append(grid, list);
      if (dialog.open) return;
      dialog.showModal();
      dialog.querySelector('[data-step="1"]').focus();
    };
    const step = (by) => {
      const found = chosen();
      open(found[(found.indexOf(shown) + by + found.length) % found.length]);
    };
    for (const card of cards) card.querySelector("button").addEventListener("click", () => open(card));
    for (const button of all("[data-step]", dialog)) {
      button.addEventListener("click", () => step(Number(button.dataset.step)));
    }
    dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => shown && shown.querySelector("button").focus());
    dialog.addEventListener("keydown", (event) => {
      if (event.target.type === "range") return;
      if (event.key === "ArrowLeft") step(-1);
      if (event.key === "ArrowRight") step(1);
    });
  }

  const list = document.getElementById("list");
  if (list) {
    const PAGE = 100;
    const rows = window.crossbandRejected || [];
    const form = document.querySelector("[data-filters=list]");
    const [back, next] = all("[data-page]");
    let page = 0;
    for (const select of all("select", form)) {
      const values = [...new Set(rows.map((row) => row[select.name]))].sort();
      for (const value of values) select.append(new Option(value || "none", value));
    }
    const draw = () => {
      const text = form.elements.text.value.toLowerCase();
      const wanted = all("select", form).filter((select) => select.selectedIndex > 0);
      const found = rows.filter(
        (row) =>
          wanted.every((select) => row[select.name] === select.value) &&
          (!text || row[1].toLowerCase().includes(text) || row[2].toLowerCase().includes(text)),
      );
      const last = Math.max(0, Math.ceil(found.length / PAGE) - 1);
      page = Math.min(page, last);
      list.tBodies[0].replaceChildren(
        ...found.slice(page * PAGE, (page + 1) * PAGE).map((row) => {
          const line = make("tr");
          line.append(...row.map((words) => make("td", words)));
          return line;
        }),
      );
      const from = found.length ? page * PAGE + 1 : 0;
      document.querySelector(".pages output").textContent =
        `${from}–${Math.min((page + 1) * PAGE, found.length)} of ${found.length}`;
      back.disabled = page === 0;
      next.disabled = page === last;
    };
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => { page = 0; draw(); });
    back.addEventListener("click", () => { page -= 1; draw(); });
    next.addEventListener("click", () => { page += 1; draw(); });
    draw();
  }
})();
