// Promises a paper as its audit wants it: what it prints, claims and declares; whatever it does not declare is left out.
// Leaves the rules to audit.ts.
import { publishedEvidence } from "../claims/mod.ts";
import type { Paper } from "../paper/mod.ts";
import type { AuditDeclaration, AuditedPaper } from "./paper.ts";

/** Rules that compare printed cells with each other need no declaration. */
const nothing: AuditDeclaration = {
  titles: {},
  sourceLanguage: "en",
  datasets: {},
  countedMetrics: [],
  bounds: [],
  languageCounts: [],
  choices: [],
  references: { captions: {}, sections: [], mentions: [] },
  artefacts: [],
  deviations: [],
};

export function auditedPaper(paper: Paper): AuditedPaper {
  return {
    ...nothing,
    ...paper.audit,
    id: paper.id,
    title: paper.title,
    tables: paper.printed,
    languages: [...new Set(paper.datasets.flatMap(({ languages }) => languages))],
    claims: paper.claims ?? [],
    evidence: publishedEvidence(paper.printed),
  };
}
