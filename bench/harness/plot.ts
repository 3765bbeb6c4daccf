import { rounded } from "./statistics.ts";

export type Bar = { label: string; median: number; min: number; max: number };
export type Line = { label: string; points: { x: number; median: number; min: number; max: number }[] };

/** A picture, as data. `name` becomes the file's name. */
export type Plot = { name: string; title: string; unit: string } & (
  | { kind: "bars"; bars: Bar[]; mark?: { label: string; at: number } }
  | { kind: "lines"; x: string; lines: Line[]; log?: boolean }
);

const WIDTH = 760;
const COLOURS = ["#2f6fde", "#d9822b", "#2e9e6b", "#b0448f", "#8a8f98", "#c94f4f"];
const STYLE = `<style>
  svg { font: 13px system-ui, sans-serif; background: #fff } text { fill: #24292f } .soft { fill: #6a737d; font-size: 12px }
  .axis { stroke: #d0d7de } .spread { stroke: #24292f; stroke-width: 1.5 } .mark { stroke: #c94f4f; stroke-dasharray: 4 3 }
  @media (prefers-color-scheme: dark) {
    svg { background: #0d1117 } text { fill: #e6edf3 } .soft { fill: #9aa4af } .axis { stroke: #30363d } .spread { stroke: #e6edf3 }
  }
</style>`;

/** The picture as SVG: bars or lines of medians, with the spread from the least to the most. */
export function draw(plot: Plot): string {
  const { height, body } = plot.kind === "bars" ? drawBars(plot) : drawLines(plot);
  const title = `<text x="16" y="26" font-size="15" font-weight="600">${escaped(plot.title)}</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(plot.title)}">
${STYLE}
${title}
${body.join("\n")}
</svg>
`;
}

function drawBars({ bars, unit, mark }: Extract<Plot, { kind: "bars" }>) {
  const left = 330;
  const right = WIDTH - 110;
  const most = Math.max(...bars.map(({ max }) => max), mark?.at ?? 0);
  const x = (value: number) => left + (value / most) * (right - left);
  const isOurs = ({ label }: Bar) => label.includes("flex-crew-sync");
  const colourOf = (bar: Bar) => (isOurs(bar) || !bars.some(isOurs) ? COLOURS[0] : COLOURS[4]);
  const body = bars.flatMap((bar, index) => {
    const { label, median, min, max } = bar;
    const y = 48 + index * 28;
    return [
      `<text x="${left - 10}" y="${y + 13}" text-anchor="end">${escaped(label)}</text>`,
      `<rect x="${left}" y="${y}" width="${at(x(median) - left)}" height="18" rx="2" fill="${colourOf(bar)}" opacity="0.85"/>`,
      `<line x1="${at(x(min))}" x2="${at(x(max))}" y1="${y + 9}" y2="${y + 9}" class="spread"/>`,
      `<text x="${at(x(max) + 8)}" y="${y + 13}" class="soft">${rounded(median)} ${escaped(unit)}</text>`,
    ];
  });
  const bottom = 48 + bars.length * 28;
  if (mark) {
    body.push(`<line x1="${at(x(mark.at))}" x2="${at(x(mark.at))}" y1="42" y2="${bottom}" class="mark"/>`);
    body.push(
      `<text x="${at(x(mark.at))}" y="${bottom + 14}" text-anchor="middle" class="soft">${escaped(mark.label)}</text>`,
    );
  }
  return { height: bottom + 26, body };
}

function drawLines({ lines, unit, x: xLabel, log = true }: Extract<Plot, { kind: "lines" }>) {
  const [left, right, top, bottom] = [64, WIDTH - 190, 64, 316];
  const points = lines.flatMap((line) => line.points);
  const xs = [...new Set(points.map((point) => point.x))].sort((a, b) => a - b);
  // Every step is as wide as the next: sizes are chosen, and 0 may be one.
  const x = (value: number) => left + (xs.indexOf(value) / Math.max(1, xs.length - 1)) * (right - left);
  const most = Math.max(...points.map(({ max }) => max));
  const least = log ? Math.min(...points.map(({ min }) => min)) : 0;
  const scale = (value: number) => (log ? Math.log10(Math.max(value, 1e-6)) : value);
  const [low, high] = log
    ? [Math.floor(scale(least)), Math.max(Math.floor(scale(least)) + 1, Math.ceil(scale(most)))]
    : [0, most || 1];
  const y = (value: number) => bottom - ((scale(value) - low) / (high - low)) * (bottom - top);
  const ticks = log
    ? Array.from({ length: high - low + 1 }, (_, step) => 10 ** (low + step))
    : [0, 0.25, 0.5, 0.75, 1].map((share) => share * high);
  const body = [
    ...ticks.flatMap((tick) => [
      `<line x1="${left}" x2="${right}" y1="${at(y(tick))}" y2="${at(y(tick))}" class="axis"/>`,
      `<text x="${left - 8}" y="${at(y(tick) + 4)}" text-anchor="end" class="soft">${rounded(tick)}</text>`,
    ]),
    ...xs.map(
      (value) =>
        `<text x="${at(x(value))}" y="${bottom + 18}" text-anchor="middle" class="soft">${value.toLocaleString("en")}</text>`,
    ),
    `<text x="${(left + right) / 2}" y="${bottom + 38}" text-anchor="middle" class="soft">${escaped(xLabel)}</text>`,
    `<text x="16" y="${top - 14}" class="soft">${escaped(unit)}</text>`,
    ...lines.flatMap((line, index) =>
      drawLine(line, COLOURS[index % COLOURS.length] as string, index, { x, y, right, top }),
    ),
  ];
  return { height: bottom + 52, body };
}

type Frame = { x(value: number): number; y(value: number): number; right: number; top: number };

function drawLine(
  { label, points }: Line,
  colour: string,
  index: number,
  { x, y, right, top }: Frame,
): string[] {
  const path = points.map((point) => `${at(x(point.x))},${at(y(point.median))}`).join(" ");
  return [
    `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    ...points.map(
      (point) =>
        `<line x1="${at(x(point.x))}" x2="${at(x(point.x))}" y1="${at(y(point.min))}" y2="${at(y(point.max))}" stroke="${colour}" stroke-width="5" opacity="0.3"/>` +
        `<circle cx="${at(x(point.x))}" cy="${at(y(point.median))}" r="3.5" fill="${colour}"/>`,
    ),
    `<rect x="${right + 16}" y="${top + index * 22}" width="12" height="12" rx="2" fill="${colour}"/>`,
    `<text x="${right + 34}" y="${top + index * 22 + 11}">${escaped(label)}</text>`,
  ];
}

const at = (value: number): string => value.toFixed(1);

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
