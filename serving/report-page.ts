import { tableNumber, escapeText } from './charts/svg-text.js';

export interface ReportTable {
  readonly header: readonly string[];
  /** Numbers stand at the right. */
  readonly rows: readonly (readonly (string | number | null)[])[];
}

export interface ReportSection {
  readonly heading: string;
  /** Paragraphs, parted by blank lines. */
  readonly text?: string | undefined;
  /** A chart of `charts/`. It is put in as it is: never give text from outside here. */
  readonly svg?: string | undefined;
  readonly table?: ReportTable | undefined;
}

const style = `
:root{color-scheme:light dark;--page:#fff;--ink:#1c2430;--soft:#5b6675;--rule:#d8dee6;--bad:#c81e1e;--chart-text:#1c2430;--chart-grid:#d8dee6;--chart-1:#2563eb;--chart-2:#d9480f;--chart-3:#0f8a5f;--chart-4:#9333ea;--chart-5:#a16207;--chart-6:#0e7490;--chart-7:#be185d;--chart-8:#475569}
@media(prefers-color-scheme:dark){:root{--page:#12161c;--ink:#e3e8ef;--soft:#9aa6b5;--rule:#2d3642;--bad:#ff6b6b;--chart-text:#e3e8ef;--chart-grid:#333d4a;--chart-1:#6ea8ff;--chart-2:#ff9466;--chart-3:#4ccf9d;--chart-4:#c48bff;--chart-5:#e0b23e;--chart-6:#4fc3dc;--chart-7:#ff7fb5;--chart-8:#a3b1c2}}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:760px;margin:0 auto;padding:32px 20px 64px}
h1{font-size:28px;line-height:1.2;margin:0 0 12px}
h2{font-size:19px;margin:40px 0 8px;padding-top:12px;border-top:1px solid var(--rule)}
p{margin:0 0 12px;overflow-wrap:anywhere}
.intro{color:var(--soft)}
.verdict{border-left:6px solid var(--soft);padding:8px 14px;font-size:18px}
.good{border-color:var(--chart-3)}
.caution{border-color:var(--chart-5)}
.bad{border-color:var(--bad)}
figure{margin:16px 0;overflow-x:auto}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:14px;margin:12px 0}
th,td{padding:4px 14px 4px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--rule)}
td:first-child{white-space:nowrap}
th{font-weight:600;color:var(--soft);white-space:nowrap}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
@media print{main{max-width:none;padding:0}h2{break-after:avoid}figure,tr{break-inside:avoid}}`;

/** A report, as a page or as Markdown. */
export interface Report {
  readonly title: string;
  readonly intro: string;
  /** What it comes to, before all else. */
  readonly verdict?: { readonly tone: 'good' | 'caution' | 'bad'; readonly text: string } | undefined;
  readonly sections: readonly ReportSection[];
}

/** A report as one HTML page that needs nothing else: no script, no font, no network. All text is escaped. */
export function reportPage(report: Report): string {
  const title = escapeText(report.title);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${style}
</style>
</head>
<body>
<main>
<h1>${title}</h1>
${paragraphs(report.intro, 'intro')}
${report.verdict === undefined ? '' : paragraphs(report.verdict.text, `verdict ${report.verdict.tone}`)}
${report.sections.map(section).join('\n')}
</main>
</body>
</html>
`;
}

function section({ heading, text, svg, table }: ReportSection): string {
  const parts = [`<h2>${escapeText(heading)}</h2>`];
  if (text) parts.push(paragraphs(text));
  if (svg) parts.push(`<figure>${svg}</figure>`);
  if (table) parts.push(tableOf(table));
  return `<section>\n${parts.join('\n')}\n</section>`;
}

function paragraphs(text: string, name = ''): string {
  const opening = name === '' ? '<p>' : `<p class="${name}">`;
  return text.split(/\n\s*\n/).filter((p) => p.trim() !== '').map((p) => `${opening}${escapeText(p.trim())}</p>`).join('\n');
}

function tableOf({ header, rows }: ReportTable): string {
  const numeric = header.map((_, c) => rows.some((r) => typeof r[c] === 'number') && rows.every((r) => typeof r[c] !== 'string'));
  const cell = (tag: string, value: string, c: number): string => `<${tag}${numeric[c] ? ' class="n"' : ''}>${escapeText(value)}</${tag}>`;
  const head = `<tr>${header.map((h, c) => cell('th', h, c)).join('')}</tr>`;
  const body = rows.map((row) => `<tr>${row.map((v, c) => cell('td', typeof v === 'number' ? tableNumber(v) : (v ?? ''), c)).join('')}</tr>`).join('\n');
  return `<div class="wide"><table>\n<thead>${head}</thead>\n<tbody>\n${body}\n</tbody>\n</table></div>`;
}
