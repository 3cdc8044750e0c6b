import type { Topology } from './topology-graph.js';

/** A topology as a Mermaid flowchart: topics are cylinders, exchanges have a double border, side outputs a dotted line. */
export function topologyMermaid({ pipeline, nodes, edges }: Topology): string {
  const names = new Map(nodes.map((n, i) => [n.node, `n${i}`]));
  return [
    '---',
    `title: ${pipeline}`,
    '---',
    'flowchart LR',
    ...nodes.map((n) => {
      const name = names.get(n.node)!;
      if (n.type === 'topic') return `  ${name}[("${quoted(n.name)}")]`;
      const lines = [`<b>${quoted(n.kind)}</b> ${quoted(n.id)}`, ...Object.entries(n.details).map(([what, value]) => `${quoted(what)}: ${quoted(value)}`)];
      return n.exchange ? `  ${name}[["${[...lines, '<i>exchange</i>'].join('<br>')}"]]` : `  ${name}["${lines.join('<br>')}"]`;
    }),
    ...edges.map((e) => `  ${names.get(e.from)} ${e.type === 'side' ? '-.->' : '-->'} ${names.get(e.to)}`),
  ].join('\n');
}

/** Mermaid reads `#name;` and HTML in a label. */
function quoted(text: string): string {
  return text.replace(/[#"<>&`]/g, (c) => `#${c.codePointAt(0)};`);
}
