// Promises records as comma-separated values (RFC 4180): a head, one line a record, an absent value empty.
// Leaves which records there are to the caller.

export type TableRecord = Readonly<Record<string, string | number | boolean | null | undefined>>;

const field = (value: TableRecord[string]): string => {
  const text = String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** Columns are those of the first record. */
export function renderCsv(records: readonly TableRecord[]): string {
  const names = Object.keys(records[0] ?? {});
  const lines = [names, ...records.map((record) => names.map((name) => record[name]))];
  return lines.map((line) => line.map(field).join(",") + "\r\n").join("");
}
