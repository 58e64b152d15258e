// Promises: the rule of the house for imports, as a function: they point down (core ← repro ← papers ← cli), core stands alone,
// and Node's API stays behind one module. Leaves finding the imports to the lint plugin beside it.

const FLOORS = ["core", "repro", "papers", "cli"];
const NODE_DOORS = new Set(["repro/runtime.ts", "repro/disk.ts", "repro/launch/process.ts"]);

/** What `specifier`, written in `file`, points at: a path relative to the root, or null for a package. */
export function target(file: string, specifier: string): string | null {
  if (specifier === "repro") return "repro/mod.ts";
  if (specifier === "repro/core" || specifier.startsWith("repro/core/")) return "core/mod.ts";
  if (!specifier.startsWith(".")) return null;
  return new URL(specifier, `file:///${file}`).pathname.slice(1);
}

/** The fault of importing `specifier` in `file` (relative to the root), or null when it is allowed. */
export function fault(file: string, specifier: string): string | null {
  const floor = FLOORS.indexOf(file.split("/")[0]);
  if (floor < 0) return null;
  const to = target(file, specifier);
  if (to === null) {
    if (floor === 0) {
      return `core imports "${specifier}": core stands alone; take what it needs as an argument`;
    }
    if (specifier.startsWith("node:") && !NODE_DOORS.has(file)) {
      return `"${specifier}" is imported outside repro/runtime.ts: add what is needed there and import that instead`;
    }
    return null;
  }
  const above = FLOORS.indexOf(to.split("/")[0]);
  if (above > floor) {
    return `${FLOORS[floor]}/ imports ${to}: imports point down only (core ← repro ← papers ← cli)`;
  }
  if (above < 0) return `${file} imports ${to}: that is outside the four floors`;
  return null;
}
