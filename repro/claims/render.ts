// Promises claims with their verdicts side by side, as text and as Markdown. Leaves the evidence to the caller.
import type { Claim, ClaimVerdict, Evidence, Outcome } from "./claim.ts";

/** A verdict's mark is text, so that it survives a file and eyes that do not see colour. */
const marks: Record<ClaimVerdict, string> = { holds: "=", partly: "~", fails: "≠", undecided: "?" };
export const claimLegend = "= holds   ~ holds in part   ≠ fails   ? undecided";

/** To be told wherever claims are shown. */
export const claimNote =
  "On runs each case stands for itself, at 95 %: nothing is corrected for the number of cases or claims. " +
  "A claim about every case holds where all of them are shown.";

export interface JudgedClaim {
  id: string;
  about: Claim["about"];
  section: string;
  quote: string;
  asks: string;
  /** By name of the evidence; absent where runs have no part in the claim. */
  outcomes: Record<string, Outcome>;
}

/** Every claim on every evidence; claims about settings on the paper alone. */
export function judgeClaims(
  claims: readonly Claim[],
  evidence: Readonly<Record<string, Evidence>>,
): JudgedClaim[] {
  return claims.map(({ evaluate, ...claim }) => ({
    ...claim,
    outcomes: Object.fromEntries(
      Object.entries(evidence).filter(([, { source }]) => claim.about !== "settings" || source === "paper")
        .map(([name, each]) => [name, evaluate(each)]),
    ),
  }));
}

export function claimsText(judged: readonly JudgedClaim[], { cases }: { cases: boolean }): string {
  const lines = [claimLegend];
  for (const { id, section, quote, asks, outcomes } of judged) {
    lines.push("", `${id} (${section})`, `  "${quote}"`, `  asked: ${asks}`);
    for (const [name, { verdict, why, cases: found }] of Object.entries(outcomes)) {
      lines.push(`  ${marks[verdict]} ${name}: ${verdict}; ${why}`);
      if (!cases) continue;
      for (const { label, holds, arithmetic } of found) {
        lines.push(`      ${holds === null ? "?" : holds ? "+" : "−"} ${label}: ${arithmetic}`);
      }
    }
  }
  return lines.join("\n") + "\n";
}

const escape = (text: string) => text.replaceAll("|", "\\|").replaceAll("<", "&lt;");

export function claimsMarkdown(judged: readonly JudgedClaim[], names: readonly string[]): string {
  const lines = [
    `| claim | section | asked | ${names.join(" | ")} |`,
    `|---|---|---|${names.map(() => "---").join("|")}|`,
  ];
  for (const { quote, section, asks, outcomes } of judged) {
    const verdicts = names.map((name) => {
      const outcome = outcomes[name];
      return outcome ? `${marks[outcome.verdict]} ${outcome.verdict}: ${escape(outcome.why)}` : "–";
    });
    lines.push(`| ${escape(quote)} | ${section} | ${escape(asks)} | ${verdicts.join(" | ")} |`);
  }
  return lines.join("\n") + "\n";
}
