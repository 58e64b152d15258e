// Promises two-way choices from COPA's XML, SuperGLUE's JSON lines and XCOPA's JSON lines (the last two are alike).
// Leaves splits to datasets.ts and the wording of the model's input to tasks/choice.ts.
import { DataError, shown } from "./errors.ts";
import { parseJsonLines, stringField } from "./json.ts";
import type { ChoiceExample } from "./types.ts";

function readQuestion(value: unknown, file: string, where: string): "cause" | "effect" {
  if (value !== "cause" && value !== "effect") {
    throw new DataError(file, where, `the question is ${shown(value)}`, 'it must be "cause" or "effect"');
  }
  return value;
}

/** One object a line: premise, choice1, choice2, question, label 0 or 1. */
export function readCopaJsonl(text: string, file: string): ChoiceExample[] {
  return parseJsonLines(text, file).map(({ line, fields }) => {
    const where = `line ${line}`;
    const label = fields.label;
    if (label !== 0 && label !== 1) {
      throw new DataError(
        file,
        where,
        `the label is ${shown(label)}`,
        "it must be 0 or 1 (test files without labels cannot be scored)",
      );
    }
    return {
      premise: stringField(fields, "premise", file, where),
      choice1: stringField(fields, "choice1", file, where),
      choice2: stringField(fields, "choice2", file, where),
      question: readQuestion(fields.question, file, where),
      label,
    };
  });
}

const entities: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function unescape(text: string, file: string, where: string): string {
  return text.replace(/&(#x[0-9a-fA-F]+|#\d+|\w+);/g, (whole, name: string) => {
    if (name.startsWith("#x")) return String.fromCodePoint(parseInt(name.slice(2), 16));
    if (name.startsWith("#")) return String.fromCodePoint(parseInt(name.slice(1), 10));
    const value = entities[name];
    if (value === undefined) {
      throw new DataError(file, where, `unknown entity ${whole}`, "write the character itself");
    }
    return value;
  });
}

/** The original XML: items with `asks-for`, `most-plausible-alternative` 1 or 2, and elements p, a1, a2; in file order. */
export function readCopaXml(text: string, file: string): ChoiceExample[] {
  if (!/<\/copa-corpus>\s*$/.test(text)) {
    throw new DataError(
      file,
      "",
      "it does not end with </copa-corpus>",
      "the file may be truncated; fetch it again",
    );
  }
  const examples: ChoiceExample[] = [];
  for (const item of text.replace(/<!--[\s\S]*?-->/g, "").matchAll(/<item\b([^>]*)>([\s\S]*?)<\/item>/g)) {
    const attribute = (name: string) =>
      new RegExp(`(?:^|\\s)${name}\\s*=\\s*["']([^"']*)["']`).exec(item[1])?.[1];
    const where = `item ${attribute("id") ?? examples.length + 1}`;
    const element = (name: string) => {
      const found = new RegExp(`<${name}>([\\s\\S]*?)</${name}>`).exec(item[2]);
      if (!found) {
        throw new DataError(file, where, `no element <${name}>`, "check that the file is COPA's XML");
      }
      return unescape(found[1].trim(), file, where);
    };
    const right = attribute("most-plausible-alternative");
    if (right !== "1" && right !== "2") {
      throw new DataError(file, where, `most-plausible-alternative is ${shown(right)}`, "it must be 1 or 2");
    }
    examples.push({
      premise: element("p"),
      choice1: element("a1"),
      choice2: element("a2"),
      question: readQuestion(attribute("asks-for"), file, where),
      label: right === "1" ? 0 : 1,
    });
  }
  if (examples.length === 0) throw new DataError(file, "", "no items", "check that the file is COPA's XML");
  return examples;
}
