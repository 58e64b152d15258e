// Promises what the page does by itself: filters that hide rows, and a panel for each number with the runs behind it, by mouse and by keys.
// Runs in a browser, as the JavaScript that build.mjs writes to assets/. Leaves all that can be read without a script to html.ts.
import type { ReportCell, ReportRun } from "../data.ts";
import { type Surface, surfaceOf } from "../surface/surface.ts";
import { curveSvg, heatMap, scheduleSvg } from "./drawings.ts";
import { details, element, pairsOf } from "./elements.ts";
import { type Turnable, turnable } from "./turn.ts";

interface Data {
  tables: Record<string, { name: string; rows: Record<string, { title: string }>; cells: ReportCell[] }>;
  runs: Record<string, ReportRun>;
  /** By the id of the first run; without `surface` it is that run's own. */
  surfaces: Record<string, { title: string; surface?: Surface }>;
}

const data = JSON.parse(document.getElementById("data")!.textContent!) as Data;
const form = document.getElementById("filters") as HTMLFormElement;
const panel = document.getElementById("panel") as HTMLDialogElement;
const rows = [...document.querySelectorAll<HTMLElement>("[data-row]")];
const cells = [...document.querySelectorAll<HTMLElement>("[data-verdict]")];
// The innermost first: a section shows what its parts show.
const sections = [...document.querySelectorAll<HTMLElement>("[data-section]")].reverse();

function filter(): void {
  const chosen = new FormData(form);
  const [verdict, table, model] = ["verdict", "table", "model"].map((name) => String(chosen.get(name)));
  const words = String(chosen.get("text")).toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const row of rows) {
    const of = row.dataset;
    row.hidden = !((verdict === "" || of.verdicts!.split("|").includes(verdict)) &&
      (table === "" || of.table === table) &&
      (model === "" || of.model === model) && words.every((word) => of.text!.includes(word)));
    if (!row.hidden) shown++;
  }
  for (const cell of cells) cell.classList.toggle("dim", verdict !== "" && cell.dataset.verdict !== verdict);
  const isAll = verdict + table + model + words.join("") === "";
  // Blocks and sections without a visible row; an empty section stays where nothing is filtered.
  for (const block of document.querySelectorAll<HTMLElement>("[data-section] .scroll")) {
    const inside = [...block.querySelectorAll<HTMLElement>("[data-row]")];
    block.hidden = inside.length > 0 && inside.every(({ hidden }) => hidden);
  }
  for (const section of sections) {
    section.hidden = !isAll &&
      ![...section.querySelectorAll<HTMLElement>("[data-row]")].some(({ hidden }) => !hidden);
  }
  document.getElementById("shown")!.textContent = isAll ? "" : `${shown} of ${rows.length} rows and entries`;
}
form.addEventListener("input", filter);
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", () => setTimeout(filter));

/** What had the focus before the panel, and what the panel showed before. */
let opener: HTMLElement | null = null;
let inPanel: Turnable | null = null;

function stopTurning(): void {
  inPanel?.stop();
  inPanel = null;
}

/** @param content is made after what the panel showed before has ended */
function open(title: string, content: () => (Node | string)[]): void {
  stopTurning();
  document.getElementById("panel-title")!.textContent = title;
  document.getElementById("panel-body")!.replaceChildren(...content());
  if (!panel.open) {
    opener = document.activeElement as HTMLElement | null;
    panel.showModal();
  }
  panel.scrollTop = 0;
  document.getElementById("close")!.focus();
}

panel.addEventListener("close", () => {
  stopTurning();
  opener?.focus();
});
document.getElementById("close")!.addEventListener("click", () => panel.close());
panel.addEventListener("click", (event) => {
  if (event.target === panel) panel.close();
});

function action(text: string, act: () => void): HTMLElement {
  const button = element("button", { type: "button" }, text);
  button.addEventListener("click", act);
  return button;
}

function openCell(table: string, index: number): void {
  const { name, rows, cells } = data.tables[table];
  const cell = cells[index];
  const facts: [string, string | undefined][] = [
    ["ours", cell.ours === null ? "no number: a gap" : `${cell.ours} ${cell.spread ?? ""}`],
    ["the paper", cell.paper ?? "prints nothing here"],
    ["read at", cell.read],
    ["reference", cell.reference],
    ["verdict", `${cell.verdict}: ${cell.why}`],
    ["rule", cell.rule],
  ];
  open(`${name}, ${rows[cell.row].title}, ${cell.title}`, () => cellParts(table, index, facts));
}

function cellParts(table: string, index: number, facts: [string, string | undefined][]): (Node | string)[] {
  const cell = data.tables[table].cells[index];
  const content: (Node | string)[] = [pairsOf(facts)];
  const seeds = cell.seeds ?? [];
  if (seeds.length > 0) {
    content.push(element("h3", {}, "Runs"));
    for (const [seed, run, value] of seeds) {
      content.push(
        element(
          "p",
          {},
          `seed ${seed}: ${value === null ? "–" : value.toFixed(2)}  `,
          action(`run ${run}`, () => openRun(run, () => openCell(table, index))),
        ),
      );
    }
    // The first one at once: what most readers came for.
    if (seeds.length === 1) content.push(...runParts(data.runs[seeds[0][1]]));
  }
  if (cell.command !== undefined) {
    content.push(element("h3", {}, "Missing runs are made by"), element("pre", {}, cell.command));
  }
  return content;
}

/** Cells that a run feeds, table by table. */
function fedBy(id: string): string[] {
  return Object.values(data.tables).flatMap(({ name, cells }) => {
    const fed = cells.filter(({ seeds }) => seeds?.some(([, run]) => run === id)).length;
    return fed === 0 ? [] : [`${name}: ${fed} cell${fed === 1 ? "" : "s"}`];
  });
}

/** The run's averages of tr(F) where it tracked them, and its own surface, to be turned and flat, where it chose layers by tr(F). */
function traceParts(run: ReportRun): Node[] {
  const surface = surfaceOf([run]);
  const averages = curveSvg(run.trace, "mean tr(F) of the open adapters");
  if (surface === null) return [averages];
  inPanel = turnable();
  inPanel.show(surface);
  const words =
    "tr(F) of each layer, whenever the next one was chosen by it; a dot: its adapter trained already";
  const tracked = run.trace.steps.length > 0 ? [averages] : [];
  return [...tracked, element("p", { class: "small" }, words), inPanel.element, heatMap(surface)];
}

function runParts(run: ReportRun): Node[] {
  const plain = (value: unknown) => (typeof value === "object" ? JSON.stringify(value) : String(value));
  const entries = (of: Record<string, unknown>) =>
    pairsOf(Object.entries(of).map(([key, value]) => [key, plain(value)]));
  const { hyperparameters, ...spec } = run.spec;
  return [
    element("p", {}, `feeds ${fedBy(run.id).join(", ") || "figures only"}`),
    details("Loss", true, curveSvg(run.losses, "loss")),
    details("tr(F)", true, ...traceParts(run)),
    details("Schedule", true, scheduleSvg(run.schedule, Number(run.losses.steps.at(-1) ?? 0))),
    details("Validation", false, curveSvg(run.validation, "validation score")),
    details("Specification", false, entries(spec), entries(hyperparameters as Record<string, unknown>)),
    details("Provenance", false, entries(run.provenance)),
    details("Results", false, entries(run.metrics)),
    details("Log", false, element("pre", {}, run.log.join("\n"))),
  ];
}

/** @param back shows again what the run was opened from */
function openRun(id: string, back?: () => void): void {
  const run = data.runs[id];
  const before = back ? [action("Back to the number", back)] : [];
  open(`Run ${id}: ${run.name}`, () => [...before, ...runParts(run)]);
}

/** One surface for each section of maps; a map's button shows its own. */
function addTurning(section: HTMLElement): void {
  const maps = [...section.querySelectorAll<HTMLElement>("[data-surface]")];
  const of = ({ dataset }: HTMLElement) => data.surfaces[dataset.surface!];
  const chooser = element(
    "select",
    {},
    ...maps.map((map) => element("option", { value: map.dataset.surface! }, of(map).title)),
  ) as HTMLSelectElement;
  const label = element("label", { class: "small" }, "Surface of ", chooser);
  const view = turnable(() => {
    section.prepend(label);
    for (const map of maps) {
      const choose = action("turn it", () => {
        chooser.value = map.dataset.surface!;
        show();
        label.scrollIntoView({ block: "center" });
        view.element.querySelector("canvas")!.focus();
      });
      choose.setAttribute("aria-label", `turn in three dimensions: ${of(map).title}`);
      map.querySelector("figcaption")!.append(" ", choose);
    }
  });
  const show = () => {
    const { surface } = data.surfaces[chooser.value];
    view.show(surface ?? surfaceOf([data.runs[chooser.value]])!);
  };
  chooser.addEventListener("change", show);
  section.prepend(view.element);
  show();
}
for (const section of document.querySelectorAll<HTMLElement>(".surfaces")) addTurning(section);

document.addEventListener("click", (event) => {
  const target = (event.target as Element).closest<HTMLElement>("[data-cell],[data-run]");
  if (target === null) return;
  if (target.dataset.run !== undefined) openRun(target.dataset.run);
  else openCell(target.dataset.table!, Number(target.dataset.cell));
});
filter();
