// Promises one output format for what a person typed: --format, its short forms, or the ending of a file's name.
// Leaves drawing to repro/render.
import { formatNames, formatOfFile } from "../../repro/render/mod.ts";
import type { Values } from "./arguments.ts";
import { oneOf, UsageError } from "./usage.ts";

/** `fallback`: the format of a file whose ending says nothing. */
export function formatOf(command: string, values: Values, fallback = "text"): string {
  if (values.out !== undefined && values.format === undefined) {
    return formatOfFile(String(values.out)) ?? fallback;
  }
  const asked = [
    ...(values.json ? ["json"] : []),
    ...(values.markdown ? ["markdown"] : []),
    ...(values.format !== undefined && values.format !== "text" ? [String(values.format)] : []),
  ];
  if (new Set(asked).size > 1) {
    throw new UsageError(
      `${command}: choose one of ${asked.map((each) => `--format ${each}`).join(" and ")}`,
    );
  }
  return oneOf("format", asked[0] ?? "text", formatNames);
}
