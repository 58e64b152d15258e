// The statistics that RADV prints of shaders are read by name, the last of each, and the neediest stand first in the table.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { nameMark, readStatistics, tableOf } from "../../bench/compiler/statistics.ts";

const test = suite("bench-compiler");

const shader = (name: string, registers: number, spilled: number) =>
  `${nameMark}${name}
Compute Shader:
*** SHADER STATS ***
SGPRs: 128
VGPRs: ${registers}
Spilled SGPRs: 7
Spilled VGPRs: ${spilled}
Code size: 76
LDS size: 512
Subgroups per SIMD: 32
Instructions: 14
Pre-Sched VGPRs: 2
********************
`;

test("statistics are read by shader", () => {
  const text = `a line of the loader\n${shader("first/a", 12, 0)}${nameMark}taken from a cache\n` +
    shader("second/b", 256, 138) + shader("first/a", 24, 0);
  assert.equal(readStatistics(text), [
    { name: "first/a", registers: 24, spilled: 0, workgroupBytes: 512, subgroups: 32, instructions: 14 },
    { name: "second/b", registers: 256, spilled: 138, workgroupBytes: 512, subgroups: 32, instructions: 14 },
  ]);
});

test("what spills stands first", () => {
  const rows = readStatistics(shader("a", 12, 0) + shader("b", 240, 0) + shader("c", 100, 3));
  const names = tableOf(rows).split("\n").slice(2).map((line) => line.split(" ")[1]);
  assert.equal(names, ["c", "b", "a"]);
});

test("statistics in other words are an error that says which is missing", () => {
  assert.throws(
    () => readStatistics(shader("a", 12, 0).replace("VGPRs: 12", "Vector registers: 12")),
    /a: the driver's statistics have no line "VGPRs: …"/,
  );
});
test.run();
