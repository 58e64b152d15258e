// Promises every table of the paper in its order. Leaves their content to the files beside this one.
import type { Table } from "../../../repro/paper/mod.ts";
import { data } from "./data.ts";
import { results } from "./results.ts";
import { settings } from "./settings.ts";

const numberOf = ({ id }: Table) => Number(id.replace("table", ""));

export const tables: readonly Table[] = [...results, ...settings, ...data].sort((a, b) =>
  numberOf(a) - numberOf(b)
);
