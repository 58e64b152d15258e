// Promises `repro doctor`: what this machine has for the engine, and what to do about what is missing.
// Leaves opening backends to repro/training/backend.ts and drivers to repro/gpu.ts.
import { describeAdapter, openGpu } from "../../repro/gpu.ts";
import { hubCacheFolder, reproCacheFolder } from "../../repro/fetch/settings.ts";
import { storeFolder } from "../../repro/runs/mod.ts";
import { machine, runtimeName, writeOutput } from "../../repro/runtime.ts";
import { openBackend, resolveBackend } from "../../repro/training/backend.ts";
import { assetsFolder, encoderNames } from "../../repro/tinyworld/mod.ts";
import { exists, join } from "../../repro/runtime.ts";
import type { Command } from "./command.ts";

interface Finding {
  what: string;
  ok: boolean;
  value: string;
  remedy?: string;
}

export const command: Command = {
  name: "doctor",
  summary: "say what this machine has, and what to do about what is missing",
  options: [{ flag: "--json", help: "one JSON object on standard output" }],
  async run(values) {
    const findings = await examine();
    if (values.json) writeOutput(JSON.stringify({ findings }, null, 2) + "\n");
    else {
      for (const { what, ok, value, remedy } of findings) {
        writeOutput(`${ok ? "ok     " : "missing"}  ${what.padEnd(10)} ${value}\n`);
        if (remedy) writeOutput(`         ${"".padEnd(10)} → ${remedy}\n`);
      }
    }
    return findings.every((each) => each.ok || each.what === "webgpu") ? 0 : 1;
  },
};

async function examine(): Promise<Finding[]> {
  const { cpus, memoryBytes, platform, arch } = machine();
  const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const findings: Finding[] = [
    { what: "runtime", ok: true, value: runtimeName() },
    { what: "machine", ok: true, value: `${platform} ${arch}, ${cpus} cores, ${gib(memoryBytes)} memory` },
  ];
  try {
    const backend = await openBackend("wasm");
    findings.push({ what: "wasm", ok: true, value: backend.description });
    backend.dispose();
  } catch (error) {
    findings.push({
      what: "wasm",
      ok: false,
      value: (error as Error).message,
      remedy: "use Node 20 or later, or Deno 2",
    });
  }
  findings.push(await gpuFinding());
  const { name, reason } = await resolveBackend("auto");
  findings.push({ what: "auto", ok: true, value: `${name} (${reason})` });
  for (const encoder of encoderNames) {
    const path = join(assetsFolder, encoder, "model.safetensors");
    const there = await exists(path);
    findings.push({
      what: encoder,
      ok: there,
      value: there ? "tiny encoder is there" : `${path} is absent`,
      ...(there ? {} : { remedy: `repro pretrain ${encoder}` }),
    });
  }
  findings.push({ what: "store", ok: true, value: storeFolder() });
  findings.push({ what: "hub cache", ok: true, value: hubCacheFolder() });
  findings.push({ what: "fetched", ok: true, value: reproCacheFolder() });
  return findings;
}

async function gpuFinding(): Promise<Finding> {
  const remedy = "install a Vulkan, Metal or D3D12 driver; until then --backend wasm computes the same";
  try {
    const gpu = await openGpu();
    const adapter = gpu === null ? null : await gpu.requestAdapter({ powerPreference: "high-performance" });
    if (adapter === null) return { what: "webgpu", ok: false, value: "no GPU adapter", remedy };
    const { vendor, architecture, device, description, isSoftware } = describeAdapter(adapter);
    const name = [vendor, architecture, device, description].filter(Boolean).join(" ");
    return { what: "webgpu", ok: true, value: isSoftware ? `${name} (software: for tests only)` : name };
  } catch (error) {
    return { what: "webgpu", ok: false, value: (error as Error).message, remedy };
  }
}
