// A compute program as data (bindings, parameters, WGSL body) and the complete shader text made from it.
// Compiling and running it is device.ts's; the programs themselves stand in kernels/.

/** `r` is read-only storage, `w` storage that is written (and may be read). */
export type Access = "r" | "w";
export type ElementType = "f32" | "i32" | "u32" | "vec4f" | "f16" | "vec4h";
/** Extensions of WGSL; the device must have been opened with the feature that each stands for. */
export type Extension =
  | "subgroups"
  | "f16"
  | "chromium_experimental_subgroup_matrix"
  | "subgroup_size_control";

export interface Binding {
  readonly name: string;
  readonly type: ElementType;
  readonly access: Access;
}

export interface Parameter {
  readonly name: string;
  readonly type: "u32" | "i32" | "f32";
}

export interface Program {
  /** Kernel and variant, unique among all programs; it is what an error of the device names. */
  readonly name: string;
  readonly bindings: readonly Binding[];
  readonly parameters: readonly Parameter[];
  readonly extensions?: readonly Extension[];
  /** WGSL with `fn main`; parameters are read as `p.name`. */
  readonly body: string;
}

/** `"x y:i32 → out"`: what is left of the arrow is read, what is right of it written; f32 unless said otherwise. */
export function bindings(text: string): Binding[] {
  const [read, write = ""] = text.split("→");
  const parse = (side: string, access: Access): Binding[] =>
    side.trim().split(/\s+/).filter(Boolean).map((word) => {
      const [name, type = "f32"] = word.split(":");
      return { name, type: type as ElementType, access };
    });
  return [...parse(read, "r"), ...parse(write, "w")];
}

/** `"rows cols epsilon:f32"`: u32 unless said otherwise. */
export function parameters(text: string): Parameter[] {
  return text.trim().split(/\s+/).filter(Boolean).map((word) => {
    const [name, type = "u32"] = word.split(":");
    return { name, type: type as Parameter["type"] };
  });
}

/** Programs with the same signature share one pipeline layout. */
export function signature(program: Program): string {
  return program.bindings.map((each) => each.access).join("");
}

export function shaderText(program: Program): string {
  const extensions = program.extensions ?? [];
  const fields = program.parameters.map((each) => `  ${each.name}: ${each.type},`).join("\n");
  const storage = program.bindings.map((each, i) =>
    `@group(1) @binding(${i}) var<storage, ${each.access === "r" ? "read" : "read_write"}> ` +
    `${each.name}: array<${each.type}>;`
  );
  return [
    ...extensions.map((each) => `enable ${each};`),
    // Which subgroup an invocation belongs to is a quotient of its index, which the analysis cannot see to be uniform.
    ...(extensions.includes("chromium_experimental_subgroup_matrix")
      ? ["diagnostic(off, chromium.subgroup_matrix_uniformity);"]
      : []),
    `struct Parameters {\n${fields || "  unused: u32,"}\n}`,
    `@group(0) @binding(0) var<uniform> p: Parameters;`,
    ...storage,
    program.body,
  ].join("\n");
}
