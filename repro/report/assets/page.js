"use strict";
(() => {
  // page/elements.ts
  function element(name, attributes, ...content) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...content);
    return made;
  }
  function details(title, open2, ...content) {
    return element("details", open2 ? { open: "" } : {}, element("summary", {}, title), ...content);
  }
  var pairsOf = (pairs) => element(
    "dl",
    {},
    ...pairs.flatMap(
      ([term, value]) => value === void 0 ? [] : [element("dt", {}, term), element("dd", {}, value)]
    )
  );

  // page/drawings.ts
  var width = 640;
  var left = 56;
  var right = 12;
  function svg(height, title, content) {
    const holder = element("div", {});
    const text2 = title.replace(/[<&>]/g, "");
    holder.innerHTML = `<svg viewBox="0 0 ${width} ${height}" width="${width}" role="img" aria-label="${text2}"><title>${text2}</title>${content}</svg>`;
    return holder;
  }
  var nothing = (what) => element("p", { class: "faint" }, `${what}: nothing was logged`);
  var short = (value) => String(Number(value.toPrecision(3)));
  var px = (value) => value.toFixed(1);
  var text = (x, y, words, anchor = "middle") => `<text x="${px(x)}" y="${px(y)}" text-anchor="${anchor}">${words}</text>`;
  function stepAxis(from, to, y) {
    const marks = [0, 0.25, 0.5, 0.75, 1].map((part) => {
      const x = left + part * (width - left - right);
      return `<path class="axis" d="M${px(x)},${y}v4"/>${text(x, y + 15, short(Math.round(from + part * (to - from))))}`;
    });
    return `<path class="axis" d="M${left},${y}H${width - right}"/>${marks.join("")}${text((left + width) / 2, y + 29, "step")}`;
  }
  function curveSvg({ each, steps, values }, what) {
    if (steps.length === 0) return nothing(what);
    const [top, bottom] = [12, 150];
    const [low, high] = [Math.min(0, ...values), Math.max(...values)];
    const [from, to] = [0, Math.max(steps.at(-1), 1)];
    const x = (step) => left + (step - from) / (to - from) * (width - left - right);
    const y = (value) => bottom - (high > low ? (value - low) / (high - low) : 0.5) * (bottom - top);
    const path = steps.map((step, i) => `${i === 0 ? "M" : "L"}${px(x(step))},${px(y(values[i]))}`).join("");
    const dots = steps.length > 30 ? "" : steps.map((step, i) => `<circle class="bar" r="2.5" cx="${px(x(step))}" cy="${px(y(values[i]))}"/>`).join("");
    const marks = [low, (low + high) / 2, high].map(
      (value) => `<path class="axis" d="M${left - 4},${px(y(value))}h4"/>${text(left - 7, y(value) + 4, short(value), "end")}`
    ).join("");
    const holder = svg(
      184,
      `${what} by step, from ${short(values[0])} to ${short(values.at(-1))}`,
      `${stepAxis(from, to, bottom)}<path class="axis" d="M${left},${top}V${bottom}"/>${marks}<path class="curve" d="${path}"/>${dots}`
    );
    const note = each > 1 ? `; each point is the mean of ${each} logged values` : "";
    return element("div", {}, element("p", { class: "small" }, `${what}${note}`), holder);
  }
  function heatMapSvg(layers) {
    if (layers === null) return nothing("tr(F) by layer and step");
    const { steps, values } = layers;
    const positive = values.flat().filter((value) => value !== null && value > 0);
    if (positive.length === 0) return nothing("tr(F) by layer and step");
    const count = values[0].length;
    const [low, high] = [Math.min(...positive), Math.max(...positive)].map(Math.log);
    const [top, size] = [6, 13];
    const wide = (width - left - right) / steps.length;
    const boxes = values.map(
      (row, i) => row.map((value, layer) => {
        const share = value === null || value <= 0 ? null : high > low ? (Math.log(value) - low) / (high - low) : 1;
        const colour = share === null ? "none" : `hsl(${Math.round(250 - 200 * share)} 70% ${Math.round(18 + 66 * share)}%)`;
        return `<rect x="${px(left + i * wide)}" y="${top + (count - 1 - layer) * size}" width="${px(wide)}" height="${size}" fill="${colour}"><title>step ${steps[i]}, layer ${layer}: ${value === null ? "not finite" : short(value)}</title></rect>`;
      }).join("")
    ).join("");
    const bottom = top + count * size;
    const names = Array.from(
      { length: count },
      (_, layer) => text(left - 6, top + (count - layer) * size - 3, String(layer), "end")
    );
    const marked = [.../* @__PURE__ */ new Set([0, Math.floor((steps.length - 1) / 2), steps.length - 1])];
    const marks = marked.map((i) => text(left + (i + 0.5) * wide, bottom + 14, String(steps[i])));
    return element(
      "div",
      {},
      element(
        "p",
        { class: "small" },
        `tr(F) of each layer (rows) at each measured step (columns), logarithmic: dark ${short(Math.exp(low))} to light ${short(Math.exp(high))}`
      ),
      svg(
        bottom + 32,
        `tr(F) of ${count} layers at ${steps.length} steps`,
        boxes + names.join("") + marks.join("") + text((left + width) / 2, bottom + 28, "step")
      )
    );
  }
  function scheduleSvg(schedule, steps) {
    if (schedule.length === 0) return nothing("layers opened");
    const opened = new Map(
      schedule.flatMap(({ step, layers }) => layers.map((layer) => [layer, step]))
    );
    const count = Math.max(...opened.keys()) + 1;
    const [top, size, to] = [6, 13, Math.max(steps, ...opened.values(), 1)];
    const x = (step) => left + step / to * (width - left - right);
    const rows2 = Array.from({ length: count }, (_, layer) => {
      const y = top + (count - 1 - layer) * size;
      const from = opened.get(layer);
      const bar = from === void 0 ? text(left + 4, y + 10, "never", "start") : `<rect class="bar" x="${px(x(from))}" y="${y + 2}" width="${px(Math.max(1, width - right - x(from)))}" height="${size - 4}"><title>layer ${layer}: from step ${from}</title></rect>`;
      return text(left - 6, y + 10, String(layer), "end") + bar;
    });
    const bottom = top + count * size;
    return element(
      "div",
      {},
      element("p", { class: "small" }, "layers, from the step before which each opened"),
      svg(
        bottom + 34,
        `schedule: ${[...opened].map(([layer, step]) => `layer ${layer} from step ${step}`).join(", ")}`,
        rows2.join("") + stepAxis(0, to, bottom)
      )
    );
  }

  // page/main.ts
  var data = JSON.parse(document.getElementById("data").textContent);
  var form = document.getElementById("filters");
  var panel = document.getElementById("panel");
  var rows = [...document.querySelectorAll("[data-row]")];
  var cells = [...document.querySelectorAll("[data-verdict]")];
  var sections = [...document.querySelectorAll("[data-section]")].reverse();
  function filter() {
    const chosen = new FormData(form);
    const [verdict, table, model] = ["verdict", "table", "model"].map((name) => String(chosen.get(name)));
    const words = String(chosen.get("text")).toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const of = row.dataset;
      row.hidden = !((verdict === "" || of.verdicts.split("|").includes(verdict)) && (table === "" || of.table === table) && (model === "" || of.model === model) && words.every((word) => of.text.includes(word)));
      if (!row.hidden) shown++;
    }
    for (const cell of cells) cell.classList.toggle("dim", verdict !== "" && cell.dataset.verdict !== verdict);
    const isAll = verdict + table + model + words.join("") === "";
    for (const block of document.querySelectorAll("[data-section] .scroll")) {
      const inside = [...block.querySelectorAll("[data-row]")];
      block.hidden = inside.length > 0 && inside.every(({ hidden }) => hidden);
    }
    for (const section of sections) {
      section.hidden = !isAll && ![...section.querySelectorAll("[data-row]")].some(({ hidden }) => !hidden);
    }
    document.getElementById("shown").textContent = isAll ? "" : `${shown} of ${rows.length} rows and entries`;
  }
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  var opener = null;
  function open(title, content) {
    document.getElementById("panel-title").textContent = title;
    document.getElementById("panel-body").replaceChildren(...content);
    if (!panel.open) {
      opener = document.activeElement;
      panel.showModal();
    }
    panel.scrollTop = 0;
    document.getElementById("close").focus();
  }
  panel.addEventListener("close", () => opener?.focus());
  document.getElementById("close").addEventListener("click", () => panel.close());
  panel.addEventListener("click", (event) => {
    if (event.target === panel) panel.close();
  });
  function action(text2, act) {
    const button = element("button", { type: "button" }, text2);
    button.addEventListener("click", act);
    return button;
  }
  function openCell(table, index) {
    const { name, rows: rows2, cells: cells2 } = data.tables[table];
    const cell = cells2[index];
    const facts = [
      ["ours", cell.ours === null ? "no number: a gap" : `${cell.ours} ${cell.spread ?? ""}`],
      ["the paper", cell.paper ?? "prints nothing here"],
      ["read at", cell.read],
      ["reference", cell.reference],
      ["verdict", `${cell.verdict}: ${cell.why}`],
      ["rule", cell.rule]
    ];
    const content = [pairsOf(facts)];
    const seeds = cell.seeds ?? [];
    if (seeds.length > 0) {
      content.push(element("h3", {}, "Runs"));
      for (const [seed, run, value] of seeds) {
        content.push(
          element(
            "p",
            {},
            `seed ${seed}: ${value === null ? "–" : value.toFixed(2)}  `,
            action(`run ${run}`, () => openRun(run, () => openCell(table, index)))
          )
        );
      }
      if (seeds.length === 1) content.push(...runParts(data.runs[seeds[0][1]]));
    }
    if (cell.command !== void 0) {
      content.push(element("h3", {}, "Missing runs are made by"), element("pre", {}, cell.command));
    }
    open(`${name}, ${rows2[cell.row].title}, ${cell.column}`, content);
  }
  function fedBy(id) {
    return Object.values(data.tables).flatMap(({ name, cells: cells2 }) => {
      const fed = cells2.filter(({ seeds }) => seeds?.some(([, run]) => run === id)).length;
      return fed === 0 ? [] : [`${name}: ${fed} cell${fed === 1 ? "" : "s"}`];
    });
  }
  function runParts(run) {
    const plain = (value) => typeof value === "object" ? JSON.stringify(value) : String(value);
    const entries = (of) => pairsOf(Object.entries(of).map(([key, value]) => [key, plain(value)]));
    const { hyperparameters, ...spec } = run.spec;
    return [
      element("p", {}, `feeds ${fedBy(run.id).join(", ") || "figures only"}`),
      details("Loss", true, curveSvg(run.losses, "loss")),
      details("tr(F)", true, curveSvg(run.trace, "mean tr(F) of the open adapters"), heatMapSvg(run.layers)),
      details("Schedule", true, scheduleSvg(run.schedule, Number(run.losses.steps.at(-1) ?? 0))),
      details("Validation", false, curveSvg(run.validation, "validation score")),
      details("Specification", false, entries(spec), entries(hyperparameters)),
      details("Provenance", false, entries(run.provenance)),
      details("Results", false, entries(run.metrics)),
      details("Log", false, element("pre", {}, run.log.join("\n")))
    ];
  }
  function openRun(id, back) {
    const run = data.runs[id];
    open(`Run ${id}: ${run.name}`, [...back ? [action("Back to the number", back)] : [], ...runParts(run)]);
  }
  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-cell],[data-run]");
    if (target === null) return;
    if (target.dataset.run !== void 0) openRun(target.dataset.run);
    else openCell(target.dataset.table, Number(target.dataset.cell));
  });
  filter();
})();
