// Promises RADV's statistics of shaders (RADV_DEBUG=shaderstats) as rows, and these as a table. Leaves making them to main.ts.

export interface ShaderStatistics {
  /** Kernel and variant, as the backend names its pipelines. */
  readonly name: string;
  /** Of one invocation. */
  readonly registers: number;
  /** Registers for which there was no room: each use of one is a trip to memory. */
  readonly spilled: number;
  /** Workgroup memory in bytes. */
  readonly workgroupBytes: number;
  /** Subgroups that a SIMD unit holds at once, as registers and workgroup memory allow: the more, the less it waits. */
  readonly subgroups: number;
  readonly instructions: number;
}

/** Written before a pipeline is made, so that the statistics that follow have a name. */
export const nameMark = "@shader ";

/**
 * One row a shader, the last where one was compiled several times.
 * @throws where statistics lack a number: another version of Mesa names it differently
 */
export function readStatistics(text: string): ShaderStatistics[] {
  const rows = new Map<string, ShaderStatistics>();
  for (const part of text.split(nameMark).slice(1)) {
    const name = part.slice(0, part.indexOf("\n")).trim();
    if (!part.includes("*** SHADER STATS ***")) continue;
    const number = (label: string): number => {
      const found = new RegExp(`^${label}: (\\d+)$`, "m").exec(part);
      if (found === null) throw new Error(`${name}: the driver's statistics have no line "${label}: …"`);
      return Number(found[1]);
    };
    rows.set(name, {
      name,
      registers: number("VGPRs"),
      spilled: number("Spilled VGPRs"),
      workgroupBytes: number("LDS size"),
      subgroups: number("Subgroups per SIMD"),
      instructions: number("Instructions"),
    });
  }
  return [...rows.values()];
}

/** The neediest first. */
export function tableOf(rows: readonly ShaderStatistics[]): string {
  const sorted = rows.toSorted((x, y) => y.spilled - x.spilled || y.registers - x.registers);
  return [
    "| shader | registers | spilled | workgroup memory, bytes | subgroups a SIMD | instructions |",
    "| --- | ---: | ---: | ---: | ---: | ---: |",
    ...sorted.map((each) =>
      `| ${each.name} | ${each.registers} | ${each.spilled} | ${each.workgroupBytes} | ${each.subgroups} | ${each.instructions} |`
    ),
  ].join("\n");
}
