// Prints what a GPU's compiler makes of each of the engine's shaders, on a machine without that GPU: Mesa's RADV compiles for any
// AMD family that it knows, through stand_in.c. Registers and spills, no times. Linux with RADV, a Vulkan loader and a C compiler.
//
//   npx tsx bench/compiler/main.ts [--family navi31] [--half] [--driver libvulkan_radeon.so] [--markdown FILE]
//
// Exit code 1 where a shader spills registers.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { writeAtomic } from "../../repro/runtime.ts";
import { commit } from "../machine.ts";
import { readStatistics, tableOf } from "./statistics.ts";

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const { values: options } = parseArgs({
  options: {
    family: { type: "string", default: "navi31" },
    half: { type: "boolean", default: false },
    driver: { type: "string" },
    markdown: { type: "string" },
  },
});

/** Where a distribution's package says that RADV is. */
function installedDriver(): string {
  for (const folder of ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"]) {
    const manifest = existsSync(folder) && readdirSync(folder).find((name) => name.startsWith("radeon_icd"));
    if (!manifest) continue;
    const { ICD } = JSON.parse(readFileSync(join(folder, manifest), "utf8"));
    return ICD.library_path;
  }
  throw new Error(
    "RADV was not found; install mesa-vulkan-drivers, or name libvulkan_radeon.so with --driver",
  );
}

const folder = mkdtempSync(join(tmpdir(), "repro-compiler-"));
try {
  const library = join(folder, "libstand_in.so"), manifest = join(folder, "stand_in.json");
  execFileSync("cc", ["-shared", "-fPIC", "-O1", "-o", library, here("stand_in.c"), "-ldl"]);
  writeFileSync(
    manifest,
    JSON.stringify({
      file_format_version: "1.0.0",
      ICD: { library_path: library, api_version: "1.3.0" },
    }),
  );
  const child = spawnSync(
    process.execPath,
    ["--import", "tsx", here("shaders.ts"), ...options.half ? ["half"] : []],
    {
      encoding: "utf8",
      maxBuffer: 2 ** 30,
      cwd: here("../../"),
      env: {
        ...process.env,
        STAND_IN_DRIVER: options.driver ?? installedDriver(),
        VK_DRIVER_FILES: manifest,
        VK_ICD_FILENAMES: manifest,
        RADV_FORCE_FAMILY: options.family,
        RADV_DEBUG: "shaderstats,nocache",
      },
    },
  );
  if (child.status !== 0) {
    throw new Error(`compiling for ${options.family} ended with ${child.status ?? child.signal}:
${child.stderr.split("\n").slice(-12).join("\n")}`);
  }
  const rows = readStatistics(child.stderr);
  const spilling = rows.filter(({ spilled }) => spilled > 0).length;
  const summary =
    `${child.stdout.trim()}, ${options.half ? "half precision" : "f32"}: ${rows.length} shaders, ` +
    `${spilling === 0 ? "none spills" : `${spilling} spill`}`;
  console.log(`${summary}\n\n${tableOf(rows)}`);
  if (options.markdown !== undefined) {
    const title = `# What a GPU's compiler makes of the shaders: ${options.family}`;
    const command = `npx tsx bench/compiler/main.ts --family ${options.family}${
      options.half ? " --half" : ""
    }`;
    await writeAtomic(
      options.markdown,
      `${title}\n\n${
        new Date().toISOString().slice(0, 10)
      }, commit ${commit()}, \`${command}\`.\n${summary}.\n\n${tableOf(rows)}\n`,
    );
  }
  process.exitCode = spilling > 0 ? 1 : 0;
} catch (error) {
  console.error(`bench/compiler: ${(error as Error).message}`);
  process.exitCode = 2;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
