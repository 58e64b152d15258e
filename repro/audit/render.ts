// Promises an audit as text or Markdown, every finding with its figures and places. Leaves JSON to the caller: it is the report.
import type { AuditReport } from "./audit.ts";
import type { Finding, FindingKind, Place } from "./finding.ts";
import { tableNumber } from "./finding.ts";

const marks: Record<FindingKind, string> = { contradiction: "✗", doubt: "?", deviation: "≠", note: "·" };
const legend = "✗ contradiction   ? doubt   ≠ paper and published code or files differ   · note";
const plurals: Record<FindingKind, [string, string]> = {
  contradiction: ["contradiction", "contradictions"],
  doubt: ["doubt", "doubts"],
  deviation: ["deviation", "deviations"],
  note: ["note", "notes"],
};
/** Places shown before "and N more"; JSON has them all. */
const shown = 4;

const countOf = (number: number, kind: FindingKind) => `${number} ${plurals[kind][number === 1 ? 0 : 1]}`;

function placeText({ table, row, column, section, line }: Place): string {
  const words = [
    table && tableNumber(table.replace(/^figure/, "Figure ")),
    row,
    column,
    section && (/^[0-9A-G]/.test(section) && !section.includes(" ") ? `section ${section}` : section),
    line && `line ${line}`,
  ];
  return words.filter(Boolean).join(" ");
}

function placesText({ places }: Finding): string {
  const all = [...new Set(places.map(placeText))];
  const more = all.length - shown;
  return all.slice(0, shown).join(" · ") + (more > 0 ? ` · and ${more} more` : "");
}

const summary = ({ count }: AuditReport) =>
  (Object.keys(count) as FindingKind[]).map((kind) => countOf(count[kind], kind)).join(", ");

/** Breaks at spaces; continuation lines get the indent. */
function wrap(text: string, width: number, indent: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line.length > 0 && line.length + 1 + word.length > width - indent.length) {
      lines.push(line);
      line = word;
    } else line = line.length === 0 ? word : `${line} ${word}`;
  }
  return [...lines, line].join(`\n${indent}`);
}

export function auditText(report: AuditReport, { width }: { width: number }): string {
  const lines = [wrap(`Audit of ${report.title}`, width, ""), wrap(summary(report), width, ""), legend];
  for (const { rule, asks, checked, unit, findings } of applied(report)) {
    const found = findings.length === 0 ? "nothing found" : `${findings.length} found`;
    lines.push("", wrap(`${rule}: ${asks}`, width, "  "), `  ${checked} ${unit}, ${found}`);
    for (const finding of findings) {
      lines.push(`  ${marks[finding.kind]} ${wrap(finding.says, width, "    ")}`);
      lines.push(`    ${wrap(finding.arithmetic, width, "    ")}`);
      const where = placesText(finding);
      lines.push(`    ${wrap(`${finding.id}${where ? ` · ${where}` : ""}`, width, "    ")}`);
    }
  }
  const idle = idleLine(report);
  if (idle) lines.push("", wrap(idle, width, "  "));
  return lines.join("\n") + "\n";
}

const applied = ({ rules }: AuditReport) => rules.filter(({ checked }) => checked > 0);

/** Rules that found nothing to look at. */
function idleLine({ rules }: AuditReport): string {
  const idle = rules.filter(({ checked }) => checked === 0).map(({ rule }) => rule);
  return idle.length === 0 ? "" : `Nothing to apply these rules to: ${idle.join(", ")}.`;
}

const escape = (text: string) => text.replaceAll("|", "\\|").replaceAll("<", "&lt;");

export function auditMarkdown(report: AuditReport): string {
  const lines = [
    `# Audit of ${escape(report.title)}`,
    "",
    `${summary(report)}. ${legend.replaceAll("   ", "; ")}.`,
  ];
  for (const { rule, asks, checked, unit, findings } of applied(report)) {
    lines.push("", `## ${rule}`, "", `${escape(asks)}. ${checked} ${unit}.`, "");
    if (findings.length === 0) {
      lines.push("Nothing found.");
      continue;
    }
    lines.push("| | finding | figures | where |", "|---|---|---|---|");
    for (const finding of findings) {
      lines.push(
        `| ${marks[finding.kind]} | ${escape(finding.says)} | ${escape(finding.arithmetic)} | ${
          escape(placesText(finding))
        } |`,
      );
    }
  }
  const idle = idleLine(report);
  if (idle) lines.push("", idle);
  return lines.join("\n") + "\n";
}
