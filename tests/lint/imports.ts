// Promises: `deno lint` reports every import that the rule beside this file forbids, and every host global in core.
// Leaves style to the formatter and the stock rules.
import { fault } from "./rule.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const HOST_GLOBALS = new Set(["process", "Buffer", "Deno", "require", "__dirname", "__filename"]);

/** Path of a file relative to the repository root, with forward slashes. */
function fromRoot(file: string): string {
  const path = file.replaceAll("\\", "/");
  return path.startsWith(ROOT) ? path.slice(ROOT.length) : path;
}

const plugin: Deno.lint.Plugin = {
  name: "repro",
  rules: {
    "import-direction": {
      create(context) {
        const file = fromRoot(context.filename);
        const check = (node: Deno.lint.Node, source: unknown) => {
          const value = (source as { value?: unknown } | null)?.value;
          if (typeof value !== "string") return;
          const message = fault(file, value);
          if (message !== null) context.report({ node, message });
        };
        return {
          ImportDeclaration: (node) => check(node, node.source),
          ExportNamedDeclaration: (node) => check(node, node.source),
          ExportAllDeclaration: (node) => check(node, node.source),
          ImportExpression: (node) => check(node, node.source),
        };
      },
    },
    "core-has-no-host": {
      create(context) {
        if (!fromRoot(context.filename).startsWith("core/")) return {};
        return {
          MemberExpression(node) {
            const object = node.object;
            if (object.type !== "Identifier" || !HOST_GLOBALS.has(object.name)) return;
            context.report({
              node,
              message:
                `core uses ${object.name}: core runs in browsers too; use a Web API or take it as an argument`,
            });
          },
        };
      },
    },
  },
};
export default plugin;
