import { cutText, escapeText, estimateWidth } from '../../serving/charts/svg-text.js';
import type { StepNode, Topology, TopicNode } from './topology-graph.js';

type Node = StepNode | TopicNode;

interface Box {
  readonly node: Node;
  readonly title: string;
  readonly lines: readonly string[];
  readonly width: number;
  readonly height: number;
  x: number;
  y: number;
}

const margin = 24;
const between = { layers: 56, boxes: 20 };
const lineHeight = 16;
const widest = 240;

const style = `
text{font:12px system-ui,sans-serif;fill:#1c2430}
.title{font-weight:600}.soft{fill:#5b6675}.badge{font-size:11px;fill:#9a3412}
.step{fill:#fff;stroke:#64748b}.exchange{fill:#fff7ed;stroke:#c2410c;stroke-dasharray:5 3}.topic{fill:#e8f0fe;stroke:#2563eb}
.records{fill:none;stroke:#64748b;stroke-width:1.5}.side{fill:none;stroke:#64748b;stroke-width:1.5;stroke-dasharray:3 3}
.head{fill:#64748b}`;

/** A topology as an SVG picture, from left to right: topics are cylinders, exchanges dashed boxes, side outputs dotted lines. */
export function topologySvg(topology: Topology): string {
  const layers = layersOf(topology);
  const boxes = new Map(topology.nodes.map((node) => [node.node, boxOf(node)]));
  const columns = orderLayers(layers, topology).map((layer) => layer.map((name) => boxes.get(name)!));
  const heights = columns.map((column) => column.reduce((sum, b) => sum + b.height + between.boxes, -between.boxes));
  const height = Math.max(...heights);
  let x = margin;
  columns.forEach((column, i) => {
    const width = Math.max(...column.map((b) => b.width));
    let y = margin + 28 + (height - heights[i]!) / 2;
    for (const box of column) {
      box.x = x + (width - box.width) / 2;
      box.y = y;
      y += box.height + between.boxes;
    }
    x += width + between.layers;
  });
  const width = x - between.layers + margin;
  const edges = topology.edges.map(({ from, to, type }) => edge(boxes.get(from)!, boxes.get(to)!, type));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height + 2 * margin + 28}" width="${width}" height="${height + 2 * margin + 28}" role="img" aria-label="Topology of ${escapeText(topology.pipeline)}">
<style>${style}
</style>
<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path class="head" d="M0 0 8 4 0 8z"/></marker></defs>
<rect width="100%" height="100%" fill="#fff"/>
<text class="title" x="${margin}" y="${margin + 4}">${escapeText(topology.pipeline)}</text>
${edges.join('\n')}
${[...boxes.values()].map(drawn).join('\n')}
</svg>`;
}

/** Each node one layer behind the last of those that feed it. */
function layersOf({ nodes, edges }: Topology): string[][] {
  const layer = new Map(nodes.map((n) => [n.node, 0]));
  // a topic that is read stands at the left, also when the pipeline writes it as well
  const read = new Set(edges.filter((e) => e.from.startsWith('topic:')).map((e) => e.from));
  const forward = edges.filter((e) => !read.has(e.to));
  for (let moved = true; moved; ) {
    moved = false;
    for (const { from, to } of forward) {
      if (layer.get(to)! > layer.get(from)!) continue;
      layer.set(to, layer.get(from)! + 1);
      moved = true;
    }
  }
  const used = [...new Set(layer.values())].sort((a, b) => a - b);
  return used.map((depth) => nodes.filter((n) => layer.get(n.node) === depth).map((n) => n.node));
}

/** Puts each node near the middle of those that it is joined to, to and fro a few times. */
function orderLayers(layers: readonly (readonly string[])[], { edges }: Topology): string[][] {
  const ordered = layers.map((layer) => [...layer]);
  const place = new Map<string, number>();
  const settle = (layer: readonly string[]) => layer.forEach((name, i) => place.set(name, (i + 0.5) / layer.length));
  ordered.forEach(settle);
  const sort = (layer: string[], joined: (name: string) => readonly string[]) => {
    const middle = new Map(
      layer.map((name) => {
        const at = joined(name).map((other) => place.get(other)!);
        return [name, at.length === 0 ? place.get(name)! : at.reduce((a, b) => a + b) / at.length];
      }),
    );
    layer.sort((a, b) => middle.get(a)! - middle.get(b)!);
    settle(layer);
  };
  for (let round = 0; round < 4; round++) {
    for (const layer of ordered.slice(1)) sort(layer, (name) => edges.filter((e) => e.to === name).map((e) => e.from));
    for (const layer of ordered.slice(0, -1).reverse()) sort(layer, (name) => edges.filter((e) => e.from === name).map((e) => e.to));
  }
  return ordered;
}

function boxOf(node: Node): Box {
  const isTopic = node.type === 'topic';
  // ids that were made from kind and position say nothing
  const title = cutText(isTopic ? node.name : /^-\d+$/.test(node.id.slice(node.kind.length)) ? node.kind : `${node.kind} ${node.id}`, widest);
  const details = isTopic ? (node.key === null ? [] : [`key ${node.key}`]) : Object.entries(node.details).map(([what, value]) => `${what}: ${value}`);
  const lines = details.map((line) => cutText(line, widest));
  const badge = !isTopic && node.exchange ? ['exchange'] : [];
  const width = Math.ceil(Math.max(80, ...[title, ...lines, ...badge].map((line) => estimateWidth(line) * 1.06)) + 24);
  const height = (1 + lines.length + badge.length) * lineHeight + (isTopic ? 28 : 16);
  return { node, title, lines, width, height, x: 0, y: 0 };
}

function drawn({ node, title, lines, width, height, x, y }: Box): string {
  const isTopic = node.type === 'topic';
  const shape = isTopic
    ? `<path class="topic" d="M${x} ${y + 7}a${width / 2} 7 0 0 1 ${width} 0v${height - 14}a${width / 2} 7 0 0 1 ${-width} 0zM${x} ${y + 7}a${width / 2} 7 0 0 0 ${width} 0"/>`
    : `<rect class="${node.exchange ? 'exchange' : 'step'}" x="${x}" y="${y}" width="${width}" height="${height}" rx="5"/>`;
  const written = [{ text: title, css: 'title' }, ...lines.map((text) => ({ text, css: 'soft' })), ...(!isTopic && node.exchange ? [{ text: 'exchange', css: 'badge' }] : [])];
  const first = y + (isTopic ? 28 : 20);
  const texts = written.map(({ text, css }, i) => `<text class="${css}" x="${x + width / 2}" y="${first + i * lineHeight}" text-anchor="middle">${escapeText(text)}</text>`);
  return `<g>${shape}${texts.join('')}</g>`;
}

function edge(from: Box, to: Box, type: 'records' | 'side'): string {
  const start = { x: from.x + from.width, y: from.y + from.height / 2 };
  const end = { x: to.x, y: to.y + to.height / 2 };
  const bend = Math.max(28, (end.x - start.x) / 2);
  return `<path class="${type}" d="M${start.x} ${start.y}C${start.x + bend} ${start.y} ${end.x - bend} ${end.y} ${end.x} ${end.y}" marker-end="url(#head)"/>`;
}
