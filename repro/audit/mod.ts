// Promises the public surface of the audit, and nothing else.
export { audit, rules } from "./audit.ts";
export type { AuditReport } from "./audit.ts";
export { auditedPaper } from "./of-paper.ts";
export type { Finding, FindingKind, Place, RuleReport } from "./finding.ts";
export type {
  Artefacts,
  AuditDeclaration,
  AuditedDataset,
  AuditedPaper,
  Choice,
  Deviation,
  LanguageCount,
  References,
  Rule,
} from "./paper.ts";
export { auditMarkdown, auditText } from "./render.ts";
