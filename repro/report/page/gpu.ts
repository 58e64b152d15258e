// Promises the page's one WebGPU device, opened when it is first wanted, or in a few words why there is none. Leaves drawing to surface/draw.ts.

export type Opened = { device: GPUDevice; format: GPUTextureFormat } | { why: string };

let opened: Promise<Opened> | null = null;

async function open(): Promise<Opened> {
  if (navigator.gpu === undefined) return { why: "this browser has no WebGPU" };
  try {
    const adapter = await navigator.gpu.requestAdapter();
    if (adapter === null) return { why: "WebGPU finds no graphics adapter here" };
    const device = await adapter.requestDevice();
    void device.lost.then(() => opened = null);
    return { device, format: navigator.gpu.getPreferredCanvasFormat() };
  } catch (error) {
    return { why: `WebGPU gave no device: ${error instanceof Error ? error.message : error}` };
  }
}

/** All who ask share one device; after it is lost the next who asks gets another. */
export const openGpu = (): Promise<Opened> => opened ??= open();
