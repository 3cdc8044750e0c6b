import { tableNumber } from './charts/svg-text.js';
import type { Report, ReportSection, ReportTable } from './report-page.js';

/** Colours of a picture that stands alone, light and dark. */
const pictureStyle =
  'svg{--chart-text:#1c2430;--chart-grid:#d8dee6;--chart-1:#2563eb;--chart-2:#d9480f;--chart-3:#0f8a5f;--chart-4:#9333ea;--chart-5:#a16207;--chart-6:#0e7490;--chart-7:#be185d;--chart-8:#475569}' +
  '@media(prefers-color-scheme:dark){svg{--chart-text:#e3e8ef;--chart-grid:#333d4a;--chart-1:#6ea8ff;--chart-2:#ff9466;--chart-3:#4ccf9d;--chart-4:#c48bff;--chart-5:#e0b23e;--chart-6:#4fc3dc;--chart-7:#ff7fb5;--chart-8:#a3b1c2}}';

/** A report as one Markdown file: charts are pictures within it (data URIs), with all their numbers in tables where these are given. All text is escaped. */
export function reportMarkdown(report: Report): string {
  const parts = [`# ${text(report.title)}`, paragraphs(report.intro), ...(report.verdict === undefined ? [] : [paragraphs(report.verdict.text).replaceAll(/^/gm, '> ')]), ...report.sections.map(section)];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function section({ heading, text: words, svg, table }: ReportSection): string {
  const parts = [`## ${text(heading)}`];
  if (words) parts.push(paragraphs(words));
  if (svg) parts.push(`![${text(heading)}](data:image/svg+xml;base64,${Buffer.from(svg.replace('>', `><style>${pictureStyle}</style>`)).toString('base64')})`);
  if (table) parts.push(tableOf(table));
  return parts.join('\n\n');
}

function paragraphs(words: string): string {
  return words.split(/\n\s*\n/).filter((p) => p.trim() !== '').map((p) => text(p.trim())).join('\n\n');
}

function tableOf({ header, rows }: ReportTable): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const cell = (value: string | number | null): string => (typeof value === 'number' ? tableNumber(value) : text(value ?? ''));
  return [line(header.map(text)), line(header.map((_, c) => (rows.some((row) => typeof row[c] === 'number') ? '---:' : '---'))), ...rows.map((row) => line(row.map(cell)))].join('\n');
}

/** Text in which no character has a meaning; an underscore within a word has none. */
function text(of: string): string {
  return of.replaceAll(/[\\`*{}[\]<>#|!~$]|(?<!\w)_|_(?!\w)/g, (c) => `\\${c}`).replaceAll(/\s+/g, ' ');
}
