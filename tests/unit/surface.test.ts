// Promises: the surface of tr(F) is what was logged (means, heights, slopes, dots), its scale has round ends, its colours are in order for
// every eye, its camera and labels are where they are by hand, and the flat map says all of it without a script.
// Leaves pixels to tests/runtime/surface.test.ts.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { labelsOf, linesOf } from "../../repro/report/surface/axes.ts";
import { eyeOf, home, matrixOf, moved, seenAt } from "../../repro/report/surface/camera.ts";
import { colourOf, firstLight, levelColours, levels, luminance } from "../../repro/report/surface/colour.ts";
import { heatMapHtml } from "../../repro/report/surface/heat-map.ts";
import { dotsOf, meshOf, vertexFloats } from "../../repro/report/surface/mesh.ts";
import { logScale, tickText, valueText } from "../../repro/report/surface/scale.ts";
import { openShare, type Surface, surfaceOf } from "../../repro/report/surface/surface.ts";
import { ridges } from "../fakes/surface.ts";

const test = suite("surface");

/** Two steps, two layers; heights 0, ½, ½, 1 of a scale from 1 to 100. */
const small: Surface = { steps: [10, 30], values: [[1, 10], [10, 100]], opened: [[0, 10], [null, 40]] };
const smallScale = logScale(small.values.flat())!;

const near = (found: ArrayLike<number>, wanted: readonly number[], words = "") => {
  assert.is(found.length, wanted.length, words);
  for (const [i, value] of wanted.entries()) {
    assert.ok(
      Math.abs(found[i] - value) < 1e-5 + 1e-6 * Math.abs(value),
      `${words}[${i}]: ${found[i]} is not ${value}`,
    );
  }
};

test("runs of one kind: the mean at the steps that all measured, and the share of them that trained a layer", () => {
  const first = {
    layers: { steps: [1, 3, 5], values: [[1, 2], [3, 4], [5, 6]] },
    schedule: [{ step: 0, layers: [1] }, { step: 3, layers: [0] }],
  };
  const second = {
    layers: { steps: [3, 5, 7], values: [[5, null], [7, 8], [9, 9]] },
    schedule: [{ step: 4, layers: [1] }],
  };
  const surface = surfaceOf([first, second])!;
  assert.equal(surface, { steps: [3, 5], values: [[4, null], [6, 7]], opened: [[3, 0], [null, 4]] });
  // Layer 0 opened at step 3, after it was measured there.
  assert.equal([0, 1].map((step) => [0, 1].map((layer) => openShare(surface, step, layer))), [[0, 0.5], [
    0.5,
    1,
  ]]);
  assert.equal(surfaceOf([first])!.values, first.layers.values);
  assert.is(surfaceOf([]), null);
  assert.is(surfaceOf([first, { layers: null, schedule: [] }]), null);
  assert.is(
    surfaceOf([first, { layers: { steps: [3], values: [[1]] }, schedule: [] }]),
    null,
    "other layers",
  );
  assert.is(surfaceOf([first, { layers: { steps: [2], values: [[1, 2]] }, schedule: [] }]), null, "no step");
});

test("the scale has round ends and ticks; what has no logarithm has no share", () => {
  const { low, high, share, ticks } = logScale([0.0034, null, 0.19, 0, -1])!;
  assert.equal([low, high], [0.002, 0.2]);
  assert.ok(Math.abs(share(0.02)! - 0.5) < 1e-12);
  assert.equal([share(0), share(-1), share(null)], [null, null, null]);
  assert.equal(ticks.map(({ value }) => value), [0.01, 0.1]);
  // Less than two decades: 1, 2 and 5 of each.
  assert.equal(logScale([3, 40])!.ticks.map(({ value }) => value), [2, 5, 10, 20, 50]);
  assert.equal([logScale([1, 1])!.low, logScale([1])!.high], [1, 10]);
  assert.equal([logScale([1e-5])!.low, logScale([1e-5])!.high], [1e-5, 1e-4]);
  assert.is(logScale([0, null]), null);
  assert.equal([0.001, 0.05, 20, 1e-5, 2e-4, 1e4].map(tickText), [
    ...["0.001", "0.05", "20", "10⁻⁵", "2·10⁻⁴", "10⁴"],
  ]);
  assert.equal([0.0123456, 1234, 1.5e-9, null].map(valueText), ["0.0123", "1230", "1.5e−9", "not finite"]);
});

test("colours: lightness rises from level to level, also for the colour-blind; each mark is seen on them", () => {
  // Simulated by the matrices of Viénot, Brettel and Mollon (1999), on linear light.
  const linear = (value: number) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const eyes: Record<string, (colour: readonly number[]) => number> = {
    all: luminance,
    "without red": (colour) => {
      const [r, g, b] = colour.map(linear);
      return 0.2126 * (0.11238 * r + 0.88762 * g) + 0.7152 * (0.11238 * r + 0.88762 * g) +
        0.0722 * (0.00401 * r - 0.00401 * g + b);
    },
    "without green": (colour) => {
      const [r, g, b] = colour.map(linear);
      return 0.2126 * (0.29275 * r + 0.70725 * g) + 0.7152 * (0.29275 * r + 0.70725 * g) +
        0.0722 * (-0.02234 * r + 0.02234 * g + b);
    },
  };
  for (const [eye, see] of Object.entries(eyes)) {
    for (let i = 1; i <= 100; i++) {
      const [before, after] = [see(colourOf((i - 1) / 100)), see(colourOf(i / 100))];
      assert.ok(after > before, `${eye}: ${i} %`);
    }
  }
  assert.is(new Set(levelColours).size, levels);
  for (const [level, colour] of levelColours.entries()) {
    const seen = luminance([1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255));
    const contrast = level >= firstLight ? (seen + 0.05) / 0.05 : 1.05 / (seen + 0.05);
    assert.ok(contrast >= 4.5, `${colour}: ${contrast.toFixed(2)}`);
  }
});

test("the mesh of four values by hand: corners, middle, slopes, walls, counter-clockwise triangles", () => {
  const { vertices, indices } = meshOf(small, smallScale);
  const vertex = (number: number) => [
    ...vertices.subarray(number * vertexFloats, (number + 1) * vertexFloats),
  ];
  assert.is(vertices.length, (5 + 4 * 4) * vertexFloats);
  // Heights are shares of 0.7; slopes 0.35 / 2 along steps, 0.35 / −1.6 along layers.
  const [x, z] = [-0.175, 0.21875];
  const length = Math.hypot(x, 1, z);
  const normal = [x / length, 1 / length, z / length];
  near(vertex(0), [-1, 0, 0.8, ...normal, 0, 0], "step 10, layer 0");
  near(vertex(1), [-1, 0.35, -0.8, ...normal, 0, 1], "step 10, layer 1");
  near(vertex(2), [1, 0.35, 0.8, ...normal, 1, 0], "step 30, layer 0");
  near(vertex(3), [1, 0.7, -0.8, ...normal, 1, 1], "step 30, layer 1");
  near(vertex(4), [0, 0.35, 0, ...normal, 0.5, 0.5], "middle");
  assert.equal([...indices.subarray(0, 12)], [0, 2, 4, 2, 3, 4, 3, 1, 4, 1, 0, 4]);
  // Walls: in front, right, behind, left; each from the floor to both its corners, facing outwards.
  const corners: [number, number, number][][] = [
    [[-1, 0, 0.8], [1, 0.35, 0.8]],
    [[1, 0.35, 0.8], [1, 0.7, -0.8]],
    [[1, 0.7, -0.8], [-1, 0.35, -0.8]],
    [[-1, 0.35, -0.8], [-1, 0, 0.8]],
  ];
  const outwards = [[0, 0, 1], [1, 0, 0], [0, 0, -1], [-1, 0, 0]];
  for (const [wall, [a, b]] of corners.entries()) {
    const first = 5 + 4 * wall;
    for (const [i, [x, y, z]] of [[a[0], 0, a[2]], [b[0], 0, b[2]], b, a].entries()) {
      near(vertex(first + i).slice(0, 6), [x, y, z, ...outwards[wall]], `wall ${wall}, corner ${i}`);
    }
    assert.equal([...indices.subarray(12 + 6 * wall, 18 + 6 * wall)], [
      ...[0, 1, 2, 0, 2, 3].map((each) => first + each),
    ]);
  }
  assert.is(indices.length, 12 + 4 * 6);
  // Every triangle faces where its normals point.
  for (let at = 0; at < indices.length; at += 3) {
    const [p, q, r] = [0, 1, 2].map((i) => vertex(indices[at + i]));
    const [u, v] = [q, r].map((each) => [0, 1, 2].map((axis) => each[axis] - p[axis]));
    const face = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
    // A wall that is low at one end has a triangle of no size there.
    const size = Math.hypot(...face);
    assert.ok(size < 1e-9 || face[0] * p[3] + face[1] * p[4] + face[2] * p[5] > 0, `triangle ${at / 3}`);
  }
  // Dots: layer 0 of one run of two before 10 and 30, layer 1 of one before 30.
  near(dotsOf(small, smallScale), [-1, 0, 0.8, 0.5, 1, 0.35, 0.8, 0.5, 1, 0.7, -0.8, 0.5], "dots");
});

test("steps stand where they were; a value that is missing leaves a hole and changes no slope", () => {
  const values = [[1, 10, 1], [1, null, 1], [100, 1, 1], [1, 1, 1]];
  const surface: Surface = { steps: [0, 10, 30, 40], values, opened: [[0, 0, 0]] };
  const { vertices, indices } = meshOf(surface, logScale(values.flat())!);
  const xs = [0, 1, 2, 3].map((step) => vertices[step * 3 * vertexFloats]);
  near(xs, [-1, -0.5, 0.5, 1], "x");
  // Only the two squares between steps 30 and 40 have all their corners; the outer edges have theirs: 2 · 3 along steps, 2 · 2 across.
  assert.is(indices.length, 2 * 12 + 10 * 6);
  assert.ok(indices.subarray(0, 2 * 12).every((index) => index >= 6));
  // Step 10, layer 0: its neighbours in time are 1 and 100, in layers nothing.
  near(vertices.subarray(3 * vertexFloats + 3, 3 * vertexFloats + 6), [
    ...[-0.7 / 1.5 / Math.hypot(0.7 / 1.5, 1), 1 / Math.hypot(0.7 / 1.5, 1), 0],
  ]);
  // An edge that lacks an end has no wall.
  const torn = [[1, 10, 1], [null, 1, 1], [1, 1, 1], [1, 1, 1]];
  assert.is(meshOf({ ...surface, values: torn }, logScale([1, 10])!).indices.length, 4 * 12 + 8 * 6);
});

test("the camera by hand: from the front and from the right, nearer, and where the picture ends", () => {
  // From the side a whole unit above the target is the picture's upper edge; twice as near, half a unit.
  const front = { yaw: 0, pitch: 0, zoom: 1 };
  const target = 0.21;
  const seen = (camera: typeof front, point: [number, number, number]) =>
    seenAt(matrixOf(camera, 2), point, 800, 400);
  near(eyeOf(front, 2), [0, target, 1 / Math.tan(10 * Math.PI / 180)], "eye");
  near(seen(front, [0, target, 0]), [400, 200], "middle");
  near(seen(front, [0, target + 1, 0]), [400, 0], "top");
  near(seen(front, [1, target, 0]), [600, 200], "to the right");
  near(seen({ ...front, zoom: 2 }, [0, target + 0.5, 0]), [400, 0], "nearer");
  // From the right, high layers are on the right.
  near(seen({ ...front, yaw: Math.PI / 2 }, [0, target, -0.5]), [500, 200], "from the right");
  // Narrow: what is across decides, 1.75 on either side.
  near(seenAt(matrixOf(front, 1), [1.75, target, 0], 400, 400), [400, 200], "narrow");
  const matrix = matrixOf(front, 2);
  const distance = eyeOf(front, 2)[2];
  // Depth (WebGPU): 0 half a unit before the camera, 1 forty units away.
  for (const [away, depth] of [[0.5, 0], [40, 1]]) {
    const z = distance - away;
    near([(matrix[6] * target + matrix[10] * z + matrix[14]) / away], [depth], `depth ${away}`);
  }
});

test("a moved camera stays above the floor, within reach, and comes round", () => {
  const over = moved(home, { pitch: 9, zoom: 100 });
  assert.ok(over.pitch < Math.PI / 2 && over.zoom === 4);
  assert.ok(moved(home, { pitch: -9 }).pitch > 0);
  assert.is(moved(home, { zoom: 0 }).zoom, 0.6);
  let camera = home;
  for (let i = 0; i < 48; i++) camera = moved(camera, { yaw: Math.PI / 24 });
  near([camera.yaw], [home.yaw], "once round");
  assert.ok(Math.abs(moved(home, { yaw: 100 }).yaw) <= Math.PI);
});

test("labels stand beside their edges, by hand from the front, and never cover each other", () => {
  const surface = ridges();
  const scale = logScale(surface.values.flat())!;
  const size = { width: 800, height: 450 };
  const front = { yaw: 0.0001, pitch: 0.4, zoom: 1 };
  const labels = labelsOf(surface, scale, front, size);
  const matrix = matrixOf(front, size.width / size.height);
  const first = labels.find(({ text }) => text === String(surface.steps[0]))!;
  const [x, y] = seenAt(matrix, [-1, 0, 0.8], size.width, size.height);
  // Below the front edge, which is level.
  assert.ok(Math.abs(first.x - x) < 0.1 && Math.abs(first.y - y - 15) < 0.1, `${first.x} ${first.y}`);
  assert.is(first.anchor, "middle");
  for (let yaw = -3.1; yaw < 3.1; yaw += 0.2) {
    for (const pitch of [0.1, 0.4, 0.9, 1.5]) {
      const camera = { yaw, pitch, zoom: 1 };
      const all = labelsOf(surface, scale, camera, size);
      const words = all.map(({ text }) => text);
      for (const title of ["before update", "layer", "tr(F)"]) {
        assert.ok(words.includes(title), `${title} at ${yaw} ${pitch}`);
      }
      assert.ok(all.length >= 10, `${all.length} at ${yaw} ${pitch}`);
      // Six pixels a letter, ten high.
      const boxes = all.filter(({ title }) => !title).map(({ text, x, y, anchor }) => {
        const wide = 6 * [...text].length;
        return { text, y, x: anchor === "start" ? x + wide / 2 : anchor === "end" ? x - wide / 2 : x, wide };
      });
      for (const [i, a] of boxes.entries()) {
        for (const b of boxes.slice(i + 1)) {
          assert.ok(
            Math.abs(a.y - b.y) >= 10 || Math.abs(a.x - b.x) >= (a.wide + b.wide) / 2,
            `${a.text} and ${b.text} at ${yaw} ${pitch}`,
          );
        }
      }
    }
  }
});

test("walls stand behind, whichever side the camera is on, and take as many lines", () => {
  const counts = new Set<number>();
  for (const [yaw, x, z] of [[-0.6, 1, -0.8], [0.6, -1, -0.8], [2.5, -1, 0.8], [-2.5, 1, 0.8]]) {
    const lines = linesOf(small, smallScale, { yaw, pitch: 0.5, zoom: 1 });
    counts.add(lines.length);
    for (let at = 0; at < lines.length; at += 3) {
      const high = lines[at + 1] > 0;
      assert.ok(!high || Math.abs(lines[at] - x) < 1e-6 || Math.abs(lines[at + 2] - z) < 1e-6, `${yaw}`);
    }
  }
  assert.is(counts.size, 1);
});

test("the flat map: every value as a title and in the table, marks, round legend, nothing of it a script", () => {
  const html = heatMapHtml(small, `<b>"runs"</b>`);
  assert.match(html, "<figcaption>&lt;b&gt;&quot;runs&quot;&lt;/b&gt;</figcaption>");
  assert.match(html, 'role="img" aria-label="tr(F) of 2 layers at 2 steps"');
  assert.match(html, "<title>before update 10, layer: tr(F)\n1: 10\n0: 1</title>");
  assert.match(html, "<title>before update 30, layer: tr(F)\n1: 100\n0: 10</title>");
  assert.match(html, '<th scope="row">1</th><td>10<td>100•<tr><th scope="row">0</th><td>1•<td>10•</tbody>');
  assert.match(html, "<span>1</span><i></i><span>100</span> logarithmic");
  // Levels 0, 12 (twice) and 23; two rows, the higher layer above.
  assert.match(html, '<path class="h0" d="M34 19.5h48"/>');
  assert.match(html, '<path class="h12" d="M82 19.5h48M34 8.5h48"/>');
  assert.match(html, '<path class="h23" d="M82 8.5h48"/>');
  // One run of two: dots of half the area; white on the dark cell, black on light ones.
  assert.match(html, '<path stroke="white" stroke-width="2.8" d="M58 19.5h0"/>');
  assert.match(html, '<path stroke="black" stroke-width="2.8" d="M106 19.5h0M106 8.5h0"/>');
  assert.not.match(html, /<script|\son\w+=/);
  // Steps of any length are named without covering each other, the first and the last among them.
  const steps = Array.from({ length: 60 }, (_, i) => 100_000 + 1000 * i);
  const long = heatMapHtml({ steps, values: steps.map(() => [1, 2]), opened: [[0, 0]] }, "");
  const named = [...long.matchAll(/<text x="([\d.]+)" y="37">(\d{6})</g)].map(([, x, step]) => [+x, +step]);
  assert.equal([named[0][1], named.at(-1)![1]], [100_000, 159_000]);
  for (let i = 1; i < named.length; i++) assert.ok(named[i][0] - named[i - 1][0] >= 36, `${named[i]}`);
  const missing = heatMapHtml({ ...small, values: [[null, 0], [1, 2]] }, "");
  assert.match(missing, "\n1: 0\n0: not finite");
  assert.is(missing.match(/class="h\d+"/g)!.length, 2);
  const nothing = heatMapHtml({ ...small, values: [[null, 0], [null, null]] }, "");
  assert.match(nothing, "No value above zero was logged.");
  assert.not.match(nothing, "<svg");
  assert.ok(heatMapHtml(ridges(), "twelve layers").length < 9000, `${heatMapHtml(ridges(), "").length}`);
});

test.run();
