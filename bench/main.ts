// Promises `npm run bench`, and the processes of the engines that it starts.
// Leaves the bench to bench.ts and the engines to engines/.
import { arguments_, exit } from "../repro/launch/process.ts";

const [first, ...rest] = arguments_();
if (first === "engine") {
  const { serveEngine } = await import("./engines/open.ts");
  await serveEngine(rest);
}
const { bench } = await import("./bench.ts");
exit(await bench(arguments_()));
