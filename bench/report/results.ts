// Promises the file of a bench: what was measured, where, when and with what, checked when it is read again.
// Leaves drawing it to the files beside this one.
import { z } from "zod";
import { readText, writeAtomic } from "../../repro/runtime.ts";
import { operations } from "../work/registry.ts";

const agreement = z.object({ agrees: z.boolean(), deviation: z.number().nullable(), where: z.string() });

const engineResult = z.discriminatedUnion("state", [
  z.object({ engine: z.string(), state: z.literal("unsupported") }),
  z.object({ engine: z.string(), state: z.literal("failed"), message: z.string() }),
  z.object({
    engine: z.string(),
    state: z.literal("measured"),
    samples: z.array(z.number()),
    calls: z.number(),
    agreement: agreement.nullable(),
    memory: z.object({ resident: z.number(), peak: z.number() }).optional(),
  }),
]);

const operation = z.object({
  name: z.string(),
  summary: z.string(),
  flops: z.number().nullable(),
  bytes: z.number().nullable(),
  tokens: z.number().nullable(),
  results: z.array(engineResult),
});

const schema = z.object({
  format: z.literal(1),
  /** ISO, start of the bench. */
  date: z.string(),
  /** Of the engine: see machine.ts. */
  commit: z.string(),
  machine: z.object({ cpu: z.string(), cores: z.number(), memoryBytes: z.number(), system: z.string() }),
  backend: z.string(),
  threads: z.number(),
  rounds: z.number(),
  tolerance: z.number(),
  engines: z.array(z.object({
    id: z.string(),
    title: z.string(),
    version: z.string(),
    description: z.string(),
    /** Where it differs from that of all. */
    tolerance: z.number().optional(),
  })),
  /** Engines that could not be started, and why. */
  absent: z.array(z.object({ id: z.string(), title: z.string(), reason: z.string() })),
  operations: z.array(operation),
});

export type BenchResults = z.infer<typeof schema>;
export type MeasuredOperation = z.infer<typeof operation>;
export type MeasuredEngine = z.infer<typeof engineResult>;

export async function readResults(path: string): Promise<BenchResults> {
  const parsed = schema.safeParse(JSON.parse(await readText(path)));
  if (parsed.success) return parsed.data;
  const { path: at, message } = parsed.error.issues[0];
  throw new Error(`${path}: ${at.join(".")}: ${message}; it is no result of this bench, measure again`);
}

export async function writeResults(path: string, results: BenchResults): Promise<void> {
  await writeAtomic(path, JSON.stringify(results) + "\n");
}

/** In whatever order parts were measured, they are kept in the order of the list. */
function placeOf(name: string): number {
  const place = operations.findIndex((each) => each.name === name);
  return place < 0 ? operations.length : place;
}

/**
 * Puts a part of the operations into what was measured before. @throws when it was another machine, commit or backend: such
 * times do not belong into one table
 */
export function merge(before: BenchResults, added: BenchResults): BenchResults {
  for (const name of ["commit", "backend", "threads"] as const) {
    if (before[name] !== added[name]) {
      throw new Error(
        `add to results: ${name} was ${before[name]} and is ${added[name]}; write another file`,
      );
    }
  }
  if (before.machine.cpu !== added.machine.cpu) {
    throw new Error(`add to results: they are from ${before.machine.cpu}, this is ${added.machine.cpu}`);
  }
  const byKey = <T, K>(items: readonly T[], key: (item: T) => K) => [
    ...new Map(items.map((item) => [key(item), item])).values(),
  ];
  const engines = byKey([...before.engines, ...added.engines], ({ id }) => id);
  return {
    ...before,
    engines,
    absent: byKey([...before.absent, ...added.absent], ({ id }) => id).filter(({ id }) =>
      !engines.some((engine) => engine.id === id)
    ),
    operations: byKey([...before.operations, ...added.operations], ({ name }) => name).toSorted((a, b) =>
      placeOf(a.name) - placeOf(b.name)
    ),
  };
}
