// Promises a chain of boxes as SVG, the first at the bottom, with what passes boxes by drawn beside them.
// Leaves what the boxes are to the pictures.
import type { DiagramPanel } from "../picture.ts";
import { escaped, faint, fontSize, ink, px, widthOf } from "./styles.ts";

const gap = 20;
const line = 14;
const lane = 15;
const sumSize = 18;

interface Placed {
  top: number;
  bottom: number;
}

type Skip = DiagramPanel["skips"][number];

/** Connections whose heights overlap get lanes of their own, short ones nearest to the boxes. */
export function lanesOf(skips: readonly Skip[]): number[] {
  const lanes: number[] = skips.map(() => 0);
  const order = skips.map((_, i) => i).sort((a, b) => length(skips[a]) - length(skips[b]) || a - b);
  order.forEach((skip, position) => {
    const taken = order.slice(0, position).filter((other) => overlap(skips[skip], skips[other])).map((
      other,
    ) => lanes[other]);
    let free = 0;
    while (taken.includes(free)) free++;
    lanes[skip] = free;
  });
  return lanes;
}

const length = ({ from, to }: Skip) => to - from;
const overlap = (a: Skip, b: Skip) => a.from < b.to && b.from < a.to;

export function diagramPanel(
  { boxes, skips }: DiagramPanel,
  width: number,
): { svg: string; height: number } {
  const lanes = lanesOf(skips);
  const boxWidth = Math.max(...boxes.flatMap(({ lines }) => lines.map((text) => widthOf(text)))) + 20;
  const side = 26 + lane * (1 + Math.max(-1, ...lanes));
  const left = (width - boxWidth) / 2;
  const right = left + boxWidth;
  const middle = width / 2;
  const heights = boxes.map(({ lines, style }) => style === "sum" ? sumSize : 8 + line * lines.length);
  const height = heights.reduce((sum, each) => sum + each + gap, 0) + 3 * gap;
  let bottom = height - 2 * gap;
  const placed: Placed[] = heights.map((each) => {
    const place = { bottom, top: bottom - each };
    bottom = place.top - gap;
    return place;
  });
  const parts: string[] = [];
  const path = (d: string, more = "") =>
    parts.push(`<path d="${d}" fill="none" stroke="${ink}" stroke-width="1.2"${more}/>`);
  const head = (x: number, y: number, dx: number, dy: number) =>
    parts.push(
      dy === 0
        ? `<path d="M${px(x)},${px(y)}l${-6 * dx},-3.5v7z" fill="${ink}"/>`
        : `<path d="M${px(x)},${px(y)}l-3.5,${-6 * dy}h7z" fill="${ink}"/>`,
    );
  // Frames first: everything else lies on them.
  for (const frame of new Set(boxes.flatMap(({ frame }) => frame ?? []))) {
    const inside = placed.filter((_, i) => boxes[i].frame === frame);
    const [top, low] = [
      Math.min(...inside.map((p) => p.top)) - 10,
      Math.max(...inside.map((p) => p.bottom)) + 10,
    ];
    parts.push(
      `<rect x="${px(left - 14)}" y="${px(top)}" width="${px(boxWidth + 14 + side)}" height="${
        px(low - top)
      }" rx="6" fill="#f6f8fa" stroke="${faint}" stroke-dasharray="5 3"/>`,
      `<text transform="translate(${px(left - 22)},${
        px((top + low) / 2)
      }) rotate(-90)" text-anchor="middle">${escaped(frame)}</text>`,
    );
  }
  boxes.forEach(({ lines, style }, i) => {
    const { top, bottom } = placed[i];
    const below = i === 0 ? bottom + gap : placed[i - 1].top;
    path(`M${px(middle)},${px(below)}V${px(bottom)}`);
    head(middle, bottom, 0, -1);
    if (style === "sum") {
      const y = (top + bottom) / 2;
      parts.push(
        `<circle cx="${px(middle)}" cy="${px(y)}" r="${
          sumSize / 2
        }" fill="#ffffff" stroke="${ink}" stroke-width="1.2"/>`,
      );
      path(`M${px(middle - 5)},${px(y)}h10M${px(middle)},${px(y - 5)}v10`);
      return;
    }
    const trained = style === "trained";
    parts.push(
      `<rect x="${px(left)}" y="${px(top)}" width="${px(boxWidth)}" height="${
        px(bottom - top)
      }" rx="4" fill="${trained ? "#cfe5f5" : "#ffffff"}" stroke="${
        trained ? "#0072b2" : ink
      }" stroke-width="${trained ? 2.6 : 1}"/>`,
      ...lines.map((text, n) =>
        `<text x="${px(middle)}" y="${px(top + 4 + line * n + fontSize - 0.5)}" text-anchor="middle"${
          n === 0 ? ' font-weight="bold"' : ""
        }>${escaped(text)}</text>`
      ),
    );
  });
  const [last, first] = [placed.at(-1)!, placed[0]];
  path(`M${px(middle)},${px(last.top)}V${px(last.top - gap)}`);
  head(middle, last.top - gap, 0, -1);
  parts.push(
    `<text x="${px(middle)}" y="${
      px(first.bottom + gap + 12)
    }" text-anchor="middle" fill="${faint}">input tokens</text>`,
  );
  // Several arrows end at the height of one box: each a little higher than the one before.
  const arrivals = new Map<number, number>();
  skips.forEach(({ from, to }, i) => {
    // What passes by leaves the chain above the box that made it.
    const y1 = from < 0 ? first.bottom + gap / 2 : placed[from].top - 5;
    const nth = arrivals.get(to) ?? 0;
    arrivals.set(to, nth + 1);
    const isSum = boxes[to].style === "sum";
    const y2 = (placed[to].top + placed[to].bottom) / 2 + nth * 6;
    const x = right + 14 + lane * lanes[i];
    const end = isSum ? middle + sumSize / 2 : right;
    path(`M${px(middle)},${px(y1)}H${px(x - 5)}q5,0 5,-5V${px(y2 + 5)}q0,-5 -5,-5H${px(end)}`);
    head(end, y2, -1, 0);
    parts.push(`<circle cx="${px(middle)}" cy="${px(y1)}" r="2.2" fill="${ink}"/>`);
  });
  return { svg: parts.join(""), height };
}
