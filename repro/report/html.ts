// Promises a report as one HTML page that needs nothing else: no network, no second file; without its script all is still there to read.
// Leaves filters and the panel of a number to page/main.ts, whose JavaScript lies in assets/, and what is shown to gather.ts.
import type { FindingKind, Place } from "../audit/mod.ts";
import { type Verdict, verdicts } from "../checks/mod.ts";
import { claimNote, type ClaimVerdict } from "../claims/mod.ts";
import { capital } from "../paper/mod.ts";
import { flowing, type Line, plain, type TableView } from "../render/mod.ts";
import { escaped } from "../render/panels/styles.ts";
import { pathOf, readText } from "../runtime.ts";
import type { ReportCell, ReportData, ReportFigure, ReportPaper, ReportTable } from "./data.ts";
import { css } from "./style.ts";
import { scaleCss } from "./surface/colour.ts";
import { heatMapHtml } from "./surface/heat-map.ts";

/** Mark and tone of every word of judgement; the tone is a colour and a shape. */
const badges: Record<Verdict | ClaimVerdict | FindingKind, [mark: string, tone: string]> = {
  "consistent": ["=", "good"],
  "inconsistent": ["≠", "bad"],
  "underpowered": ["?", "doubt"],
  "not comparable": ["·", "faint"],
  "not legible": ["ø", "lost"],
  "missing": ["!", "gap"],
  "holds": ["=", "good"],
  "partly": ["~", "doubt"],
  "fails": ["≠", "bad"],
  "undecided": ["?", "gap"],
  "contradiction": ["✗", "bad"],
  "doubt": ["?", "doubt"],
  "deviation": ["≠", "lost"],
  "note": ["·", "faint"],
};

const badge = (word: keyof typeof badges) => {
  const [mark, tone] = badges[word];
  return `<span class="badge ${tone}">${mark} ${word}</span>`;
};

/** What a row or an entry is found by. */
const found = (words: readonly (string | undefined)[]) =>
  escaped(words.filter((word) => word !== undefined).join(" ").toLowerCase());

/** Distinct words of judgement, as the filter reads them. */
const judged = (words: readonly (keyof typeof badges)[]) => [...new Set(words)].join("|");

const list = (lines: readonly string[]) =>
  `<ul class="small">${lines.map((line) => `<li>${escaped(line)}</li>`).join("")}</ul>`;

const languageOf = (code: string | undefined) => code === undefined ? "" : ` (${capital(code)})`;

/** @param together it shares its column with others, so that its metric must be said */
function cellHtml(table: ReportTable, cell: ReportCell, index: number, together: boolean): string {
  const isText = cell.seeds === undefined;
  const [ours, printed] = [languageOf(cell.language), languageOf(cell.paperLanguage)];
  const label = `${cell.ours ?? "no number of ours"}${ours}, the paper: ${
    cell.paper ?? "nothing"
  }${printed}, ${cell.verdict}; ${table.name}, ${
    table.rows[cell.row].title
  }, ${cell.title}: open where it comes from`;
  return [
    `<button type="button" class="cell" data-table="${table.id}" data-cell="${index}" data-verdict="${cell.verdict}" aria-label="${
      escaped(label)
    }" aria-haspopup="dialog">`,
    together ? `<span class="small faint">${escaped(cell.metric ?? cell.title)}</span>` : "",
    `<span class="ours${isText ? " text" : ""}">${escaped(cell.ours ?? "–")}${
      ours && `<span class="small">${escaped(ours)}</span>`
    }</span>`,
    cell.spread === undefined ? "" : `<span class="small">${escaped(cell.spread)}</span>`,
    cell.reference === undefined ? "" : `<span class="small">ref. ${escaped(cell.reference)}</span>`,
    `<span class="small${isText ? " text" : ""}">paper ${escaped(`${cell.paper ?? "–"}${printed}`)}</span>`,
    badge(cell.verdict),
    "</button>",
  ].join("");
}

function tableHtml(table: ReportTable): string {
  const index = new Map(table.cells.map((cell, i) => [`${cell.row} ${cell.column}`, i]));
  const blocks = table.layout.map(({ corner, rows, groups }) => {
    const heads = groups.some(({ title }) => title !== "")
      ? `<tr><td></td>${
        groups.map(({ title, columns }) =>
          `<th scope="colgroup" colspan="${columns.length}">${escaped(title)}</th>`
        )
          .join("")
      }</tr>`
      : "";
    const columns = groups.flatMap((group) => group.columns);
    const body = rows.map((row) => {
      const { title, model } = table.rows[row];
      const cells = columns.map(({ cells }) => cells.flatMap((id) => index.get(`${row} ${id}`) ?? []));
      const all = cells.flat().map((i) => table.cells[i]);
      const words = found([
        table.name,
        title,
        row,
        corner,
        ...all.flatMap(({ column, title, ours, paper }) => [column, title, ours ?? "", paper ?? ""]),
      ]);
      return `<tr data-row data-table="${table.id}" data-model="${escaped(model ?? "")}" data-verdicts="${
        judged(all.map(({ verdict }) => verdict))
      }" data-text="${words}"><th scope="row">${escaped(title)}</th>${
        cells.map((some) =>
          `<td><div class="cells">${
            some.map((i) => cellHtml(table, table.cells[i], i, some.length > 1)).join("")
          }</div></td>`
        ).join("")
      }</tr>`;
    }).join("\n");
    return `<div class="scroll" role="region" tabindex="0" aria-label="${
      escaped(`${table.name}, ${corner}`)
    }"><table><thead>${heads}<tr><th scope="col">${escaped(corner)}</th>${
      columns.map(({ title }) => `<th scope="col">${escaped(title)}</th>`).join("")
    }</tr></thead><tbody>${body}</tbody></table></div>`;
  });
  return `<section id="${table.id}" data-section><h3>${escaped(`${table.name}: ${table.title}`)}</h3>
<p class="faint">${escaped(table.caption)}</p>
<p class="small">${escaped(table.notes[0] ?? "")}</p>
${blocks.join("\n")}
<details><summary>How it was judged, and what is missing</summary>${
    list([...table.heading, ...table.notes.slice(1)])
  }</details>${table.power === undefined ? "" : powerHtml(table.power)}</section>`;
}

const lines = (some: readonly Line[]) => some.map((line) => escaped(plain(line))).join("<br>");

/** Which cells notice deliberate faults: first how many of them, then each. */
function powerHtml({ title, heading, blocks, legend, notes }: TableView): string {
  const tables = blocks.map(({ corner, groups, rows }) =>
    `<div class="scroll" role="region" tabindex="0" aria-label="${
      escaped(title)
    }"><table><thead><tr><td></td>${
      groups.map(({ title, columns }) =>
        `<th scope="colgroup" colspan="${columns.length}">${escaped(title)}</th>`
      ).join("")
    }</tr><tr>${
      [corner, ...groups.flatMap(({ columns }) => columns)].map((text) =>
        `<th scope="col">${escaped(text)}</th>`
      ).join("")
    }</tr></thead><tbody>${
      rows.map(({ label, cells }) =>
        `<tr><th scope="row">${lines(label)}</th>${
          cells.map((cell) => `<td>${lines(cell)}</td>`).join("")
        }</tr>`
      ).join("")
    }</tbody></table></div>`
  );
  return `<details><summary>What its checks notice: deliberate faults</summary>${
    list([...notes.map(plain), ...heading, flowing(legend)])
  }${tables.join("\n")}</details>`;
}

const base64 = (text: string) => {
  let binary = "";
  for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte);
  return btoa(binary);
};

/** Records shown in the page; the figure's own command writes all of them. */
const mostRecords = 400;

function figureHtml({ id, name, title, svg, notes, missing, runs, records }: ReportFigure): string {
  const columns = Object.keys(records[0] ?? {});
  const shown = records.slice(0, mostRecords);
  const text = (value: unknown) =>
    typeof value === "number" ? String(Number(value.toPrecision(6))) : String(value ?? "");
  const data = records.length === 0
    ? ""
    : `<details><summary>Its data: ${records.length} records${
      shown.length < records.length ? `, the first ${shown.length} of them` : ""
    }</summary><div class="scroll" role="region" tabindex="0" aria-label="${
      escaped(`Data of ${name}`)
    }"><table><thead><tr>${
      columns.map((column) => `<th scope="col">${escaped(column)}</th>`).join("")
    }</tr></thead><tbody>${
      shown.map((record) =>
        `<tr>${columns.map((column) => `<td>${escaped(text(record[column]))}</td>`).join("")}</tr>`
      ).join("")
    }</tbody></table></div></details>`;
  const made = runs.length === 0
    ? ""
    : `<details><summary>Its runs: ${runs.length}</summary>${
      runs.map((run) => `<button type="button" data-run="${run}" aria-haspopup="dialog">${run}</button>`)
        .join(" ")
    }</details>`;
  return `<section id="${id}" data-section><div data-row data-table="${id}" data-model="" data-verdicts="" data-text="${
    found([name, title, ...notes])
  }"><h3>${escaped(`${name}: ${title}`)}</h3>
<figure><div class="scroll" role="region" tabindex="0" aria-label="${escaped(name)}"><img alt="${
    escaped(`${name}: ${title}. Its data follow as a table.`)
  }" src="data:image/svg+xml;base64,${base64(svg)}"></div>
<figcaption>${missing.length === 0 ? "" : list(missing)}</figcaption></figure>${made}${data}</div></section>`;
}

const surfacesTitle = "tr(F) by layer and step";

/** A map of each group of runs; the script adds one surface of them that can be turned. */
function surfacesHtml({ id, surfaces }: ReportPaper): string {
  const maps = surfaces.map(({ id: of, title, model, runs, surface }) =>
    `<figure data-row data-table="${id}-surfaces" data-model="${
      escaped(model)
    }" data-verdicts="" data-surface="${of}" data-text="${found([title, "tr(F) layer step"])}">${
      heatMapHtml(surface, title)
    }<details><summary>Its run${runs.length === 1 ? "" : `s: ${runs.length}`}</summary>${
      runs.map((run) => `<button type="button" data-run="${run}" aria-haspopup="dialog">${run}</button>`)
        .join(" ")
    }</details></figure>`
  );
  return `<section id="${id}-surfaces" data-section><h3>${surfacesTitle}</h3>
<p>Fisher information of each layer's adapter whenever a run chose the next layer by it. A dot: that adapter trained already (smaller where it did in some of the runs alone). Layer 0 is the lowest.</p>
${
    maps.length === 0
      ? "<p>No finished run here has logged it. Runs whose method chooses layers by tr(F) do.</p>"
      : `<div class="surfaces"><div class="maps">${maps.join("\n")}</div></div>`
  }</section>`;
}

function claimsHtml({ id, claims, note }: ReportPaper): string {
  const entries = claims.map((claim) =>
    `<li data-row data-table="${id}-claims" data-model="" data-verdicts="${
      judged(Object.values(claim.outcomes).map(({ verdict }) => verdict))
    }" data-text="${
      found([
        claim.id,
        claim.quote,
        claim.section,
        claim.asks,
        ...Object.values(claim.outcomes).map(({ verdict }) => verdict),
      ])
    }"><q>${escaped(claim.quote)}</q> <span class="faint">(${
      escaped(claim.section)
    })</span><p class="small">Asked: ${escaped(claim.asks)}</p><ul>${
      Object.entries(claim.outcomes).map(([name, { verdict, why, cases }]) =>
        `<li>${badge(verdict)} <b>${escaped(name)}</b>: ${escaped(why)}${
          cases.length === 0
            ? ""
            : `<details><summary>${cases.length} case${cases.length === 1 ? "" : "s"}</summary>${
              list(cases.map(({ label, holds, arithmetic }) =>
                `${holds === null ? "?" : holds ? "+" : "−"} ${label}: ${arithmetic}`
              ))
            }</details>`
        }</li>`
      ).join("")
    }</ul></li>`
  );
  return `<section id="${id}-claims" data-section><h3>Claims in prose</h3>${
    entries.length === 0
      ? "<p>None are declared.</p>"
      : `${note === undefined ? "" : `<p class="faint">${escaped(note)}</p>`}<p class="faint">${
        escaped(claimNote)
      }</p><ul class="list">${entries.join("\n")}</ul>`
  }</section>`;
}

function placeHtml(
  { id, tables, figures }: ReportPaper,
  { table, row, column, section, line }: Place,
): string {
  const known = [...tables, ...figures].find((each) => each.id === `${id}-${table}`);
  const words = [row, column, section, line && `line ${line}`].filter(Boolean).join(" ");
  return `${
    known ? `<a href="#${known.id}">${escaped(known.name)}</a> ` : table ? `${escaped(table)} ` : ""
  }${escaped(words)}`;
}

function auditHtml(paper: ReportPaper): string {
  const { rules, count } = paper.audit;
  const parts = rules.filter(({ checked }) => checked > 0).map(({ rule, asks, checked, unit, findings }) => {
    const entries = findings.map((finding) => {
      const places = [...new Set(finding.places.map((place) => placeHtml(paper, place)))];
      const more = places.length > 4 ? ` · and ${places.length - 4} more` : "";
      return `<li data-row data-table="${paper.id}-audit" data-model="" data-verdicts="${finding.kind}" data-text="${
        found([finding.id, finding.kind, finding.says, finding.arithmetic])
      }">${badge(finding.kind)} ${escaped(finding.says)}<br><span class="small">${
        escaped(finding.arithmetic)
      }</span><br><span class="small faint">${places.slice(0, 4).join(" · ")}${more}</span></li>`;
    });
    return `<section data-section><h4>${escaped(rule)}: ${
      escaped(asks)
    }</h4><p class="small faint">${checked} ${escaped(unit)}, ${
      findings.length === 0 ? "nothing found" : `${findings.length} found`
    }</p>${findings.length === 0 ? "" : `<ul class="list">${entries.join("\n")}</ul>`}</section>`;
  });
  const counts = (Object.keys(count) as FindingKind[]).map((kind) => `${badge(kind)} ${count[kind]}`).join(
    " ",
  );
  return `<section id="${paper.id}-audit" data-section><h3>Audit of what is printed</h3><p>${counts}</p>${
    parts.join("\n")
  }</section>`;
}

function contents(paper: ReportPaper): string {
  const entries = [
    ...[...paper.tables, ...paper.figures].map(({ id, name, title }) => [id, `${name}: ${title}`]),
    [`${paper.id}-surfaces`, surfacesTitle],
    [`${paper.id}-claims`, `Claims (${paper.claims.length})`],
    [`${paper.id}-audit`, "Audit"],
  ];
  return `<ul>${entries.map(([id, text]) => `<li><a href="#${id}">${escaped(text)}</a></li>`).join("")}</ul>`;
}

function paperHtml(paper: ReportPaper): string {
  const count = new Map<Verdict, number>();
  for (const { verdict } of paper.tables.flatMap(({ cells }) => cells)) {
    count.set(verdict, (count.get(verdict) ?? 0) + 1);
  }
  const isLink = /^https:\/\//.test(paper.code);
  return `<section id="${paper.id}"><h2>${escaped(paper.title)}</h2>
<p>${escaped(paper.authors.join(", "))}; ${escaped(paper.venue)}; code: ${
    isLink ? `<a href="${escaped(paper.code)}">${escaped(paper.code)}</a>` : escaped(paper.code)
  }</p>
<p>${escaped(paper.setup)}</p>
${paper.note === undefined ? "" : `<p><b>${escaped(paper.note)}</b></p>`}
<p>${
    verdicts.filter((verdict) => count.has(verdict)).map((verdict) =>
      `${badge(verdict)} ${count.get(verdict)}`
    ).join(" ")
  }</p>
${paper.tables.map(tableHtml).join("\n")}
${paper.figures.map(figureHtml).join("\n")}
${surfacesHtml(paper)}
${claimsHtml(paper)}
${auditHtml(paper)}</section>`;
}

function runsHtml({ runs }: ReportData): string {
  const all = Object.values(runs);
  const rows = all.map(({ id, name, spec, provenance }) =>
    `<tr data-row data-table="runs" data-model="" data-verdicts="" data-text="${
      found([id, name])
    }"><th scope="row"><button type="button" data-run="${id}" aria-haspopup="dialog">${id}</button></th><td>${
      [name, spec.scale, provenance.device, provenance.finished].map((each) => escaped(String(each ?? "")))
        .join("</td><td>")
    }</td></tr>`
  );
  return `<section id="runs" data-section><h2>Runs</h2>${
    all.length === 0
      ? "<p>The store holds none of the runs that these tables and figures need: every number of ours is a gap. Each number's panel has the command that makes its runs.</p>"
      : `<div class="scroll" role="region" tabindex="0" aria-label="Runs"><table><thead><tr>${
        ["run", "name", "scale", "device", "finished"].map((head) => `<th scope="col">${head}</th>`).join("")
      }</tr></thead><tbody>${rows.join("\n")}</tbody></table></div>`
  }</section>`;
}

/** Words of judgement by what is judged, those that occur. No word belongs to two of them, so that one filter takes all. */
function judgements({ papers }: ReportData): [group: string, words: (keyof typeof badges)[]][] {
  const found: Record<string, string[]> = {
    numbers: papers.flatMap(({ tables }) => tables.flatMap(({ cells }) => cells)).map(({ verdict }) =>
      verdict
    ),
    claims: papers.flatMap(({ claims }) => claims.flatMap(({ outcomes }) => Object.values(outcomes))).map((
      { verdict },
    ) => verdict),
    audit: papers.flatMap(({ audit }) => audit.rules.flatMap(({ findings }) => findings)).map(({ kind }) =>
      kind
    ),
  };
  const words = Object.keys(badges) as (keyof typeof badges)[];
  return Object.entries(found).flatMap(([group, some]) => {
    const there = words.filter((word) => some.includes(word));
    return there.length === 0 ? [] : [[group, there]];
  });
}

function filters(data: ReportData): string {
  const { papers } = data;
  const options = (entries: readonly (readonly [string, string])[]) =>
    `<option value="">all</option>${
      entries.map(([value, text]) => `<option value="${escaped(value)}">${escaped(text)}</option>`).join("")
    }`;
  const sections = papers.flatMap(({ id, tables, figures }) => [
    ...[...tables, ...figures].map((each) => [each.id, each.name] as const),
    [`${id}-surfaces`, surfacesTitle] as const,
    [`${id}-claims`, "Claims"] as const,
    [`${id}-audit`, "Audit"] as const,
  ]);
  const models = new Map(
    papers.flatMap((paper) => paper.models.map(({ id, title }) => [id, title] as const)),
  );
  return `<form id="filters" role="search" aria-label="Filters">
<label>Verdict <select name="verdict"><option value="">all</option>${
    judgements(data).map(([group, words]) =>
      `<optgroup label="${group}">${
        words.map((word) => `<option value="${word}">${badges[word][0]} ${word}</option>`).join("")
      }</optgroup>`
    ).join("")
  }</select></label>
<label>Table or figure <select name="table">${options(sections)}</select></label>
<label>Model <select name="model">${options([...models])}</select></label>
<label>Text <input name="text" type="search" size="18" autocomplete="off"></label>
<button type="reset">Show all</button><output id="shown" aria-live="polite"></output></form>`;
}

/** JSON inside a script element: nothing in it can end the element. */
const embedded = (data: unknown) =>
  JSON.stringify(data).replaceAll("<", "\\u003c").replaceAll("\u2028", "\\u2028").replaceAll(
    "\u2029",
    "\\u2029",
  );

/** What the script needs; the rest stands in the page already, and a surface of one run among the runs. */
const forScript = ({ papers, runs }: ReportData) => ({
  tables: Object.fromEntries(
    papers.flatMap(({ tables }) => tables.map(({ id, name, rows, cells }) => [id, { name, rows, cells }])),
  ),
  runs,
  surfaces: Object.fromEntries(
    papers.flatMap(({ surfaces }) =>
      surfaces.map(({ id, title, runs, surface }) => [id, { title, ...(runs.length > 1 ? { surface } : {}) }])
    ),
  ),
});

export async function renderReport(data: ReportData): Promise<string> {
  const script = await readText(pathOf(new URL("./assets/page.js", import.meta.url)));
  const title = `Report: ${data.papers.map(({ shortTitle }) => shortTitle).join(", ")}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escaped(title)}</title><link rel="icon" href="data:,">
<style>${css}${scaleCss}</style></head><body>
<a class="skip" href="#main">Skip to the tables</a>
<header><h1>${escaped(title)}</h1>
<p>Every number of ours beside the paper's. A number's button opens the runs that it was made from.</p>
<nav aria-label="Contents">${data.papers.map(contents).join("")}<ul><li><a href="#runs">Runs (${
    Object.keys(data.runs).length
  })</a></li></ul></nav></header>
${filters(data)}
<main id="main" tabindex="-1">
${data.papers.map(paperHtml).join("\n")}
${runsHtml(data)}
</main>
<dialog id="panel" aria-labelledby="panel-title"><header><h2 id="panel-title"></h2><button type="button" id="close">Close</button></header><div id="panel-body"></div></dialog>
<script type="application/json" id="data">${embedded(forScript(data))}</script>
<script>${script}</script>
</body></html>
`;
}
