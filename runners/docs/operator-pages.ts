import { type Docstring, docstringOf, membersOf } from './docstring.js';
import { type Page, pageTable, type Section } from './page-table.js';

/** Text of a file of the repository. */
export type Read = (file: string) => string;

/** The index of the operators: a line a page. */
export function operatorsIndex(read: Read): string {
  const out = [
    '# Operators and aggregates',
    '',
    'An operator goes into `from(topic).pipe(…)`. Where it takes a column, a declared expression such as `clicks.watchMs.over(0)` runs over whole',
    'columns and makes no object; a function of the record gives the same result. Steps that keep state have an id, unique in the pipeline.',
    'The error policy of a step is `deadLetter` (the default), `skip` or `fail`. Each page has an example that is run as a test; the marbles in them are explained in [testing](guide-testing.md).',
  ];
  for (const { title, pages } of pageTable) {
    out.push('', `## ${title}`, '', '| page | what |', '|---|---|');
    for (const page of pages) {
      const names = page.family === undefined ? page.of.slice(0, 1) : page.of;
      const shown = page.family === undefined ? `[${names[0]!.name}](operators/${page.path}.md)` : `[${page.family.title}](operators/${page.path}.md)${names.length === 0 ? '' : `: ${names.map((s) => `\`${s.name}\``).join(', ')}`}`;
      out.push(`| ${shown} | ${page.family?.summary ?? docOf(names[0]!, read).paragraphs[0]!} |`);
    }
  }
  return `${out.join('\n')}\n`;
}

/**
 * The pages below docs/operators/, by path.
 *
 * @throws Error naming what has no docstring or no example
 */
export function operatorPages(read: Read): Map<string, string> {
  return new Map(pageTable.flatMap(({ pages }) => pages.map((page) => [`docs/operators/${page.path}.md`, pageText(page, read)] as const)));
}

function pageText(page: Page, read: Read): string {
  const [own, ...more] = page.of;
  const lines: string[] = [];
  if (page.family === undefined) lines.push(`# ${own!.name}`, '', ...sectionLines(own!, '##', read));
  else lines.push(`# ${page.family.title[0]!.toUpperCase()}${page.family.title.slice(1)}`, '', page.family.summary);
  for (const section of page.family === undefined ? more : page.of) lines.push('', `## ${section.name}`, '', ...sectionLines(section, '###', read));
  if (page.path === 'aggregate-custom') lines.push(...aggregateMethods(read));
  lines.push('', '## An example to run', '', '```ts', read(`docs/operators/examples/${page.path}.ts`).trimEnd(), '```');
  const see = [...new Set(page.of.flatMap((section) => docOf(section, read).see))].filter((name) => !page.of.some((s) => s.name === name));
  lines.push('', `See also: ${[...see.map((name) => `[${name}](${pathOf(name)})`), '[all operators](../reference-operators.md)'].join(', ')}.`);
  return `${lines.join('\n')}\n`;
}

/** The page of a function. */
function pathOf(name: string): string {
  const page = pageTable.flatMap(({ pages }) => pages).find(({ of }) => of.some((s) => s.name === name));
  if (page === undefined) throw new Error(`there is no page for ${name}`);
  return `${page.path}.md${page.of[0]!.name === name && page.family === undefined ? '' : `#${name.toLowerCase()}`}`;
}

function docOf(section: Section, read: Read): Docstring {
  const doc = docstringOf(read(section.file), section.name);
  if (doc === undefined) throw new Error(`${section.file}: ${section.name} has no docstring`);
  return doc;
}

function sectionLines(section: Section, level: string, read: Read): string[] {
  const doc = docOf(section, read);
  const [summary, ...rest] = doc.paragraphs;
  const lines = [`\`${section.call}\``, '', withLinks(summary!)];
  for (const paragraph of rest) lines.push(...labelled(paragraph, level));
  for (const [name, text] of doc.params) lines.push('', `\`${name}\`: ${text.replace(/^[a-z]/, (c) => c.toUpperCase()).replace(/\.?$/, '.')}`);
  if (doc.throws.length > 0) lines.push('', `Errors: ${withLinks(doc.throws.join('; ')).replace(/\.?$/, '.')}`);
  if (section.options !== undefined) lines.push('', `${level} Options`, '', ...optionsTable(section.options, read));
  if (doc.examples.length > 0) lines.push('', `${level} In ${section.file.startsWith('serving/') ? 'use' : 'a pipeline'}`);
  for (const example of doc.examples) lines.push('', '```ts', example, '```');
  return lines;
}

/** `*When to use*: … *Details*: …` with a heading each. */
function labelled(paragraph: string, level: string): string[] {
  const parts = paragraph.split(/\*([A-Z][a-z ]+)\*: /);
  const lines = parts[0]!.trim() === '' ? [] : ['', withLinks(parts[0]!.trim())];
  for (let i = 1; i < parts.length; i += 2) lines.push('', `${level} ${parts[i]!}`, '', withLinks(parts[i + 1]!.trim().replace(/^[a-z]/, (c) => c.toUpperCase())));
  return lines;
}

/** Error codes as links to what they mean. */
const withLinks = (text: string): string => text.replaceAll(/\bHR_[A-Z_]*[A-Z]\b/g, (code) => `[${code}](../reference-errors.md#${code.toLowerCase()})`);

/** A table of the members of an options interface. */
export function optionsTable({ interface: name, file }: { readonly interface: string; readonly file: string }, read: Read): string[] {
  const members = membersOf(read(file), name);
  if (members.length === 0) throw new Error(`${file}: interface ${name} has no documented members`);
  const text = (doc: Docstring) => doc.paragraphs.join(' ').replaceAll('|', '\\|');
  const fallback = (doc: Docstring, optional: boolean) => (doc.default === undefined ? (optional ? '' : 'required') : doc.default.replaceAll('|', '\\|').replace(/\.$/, ''));
  return ['| option | default | |', '|---|---|---|', ...members.map(({ name: member, optional, doc }) => `| \`${member}\` | ${fallback(doc, optional)} | ${text(doc)} |`)];
}

function aggregateMethods(read: Read): string[] {
  const source = read('dataflow/aggregates/aggregate.ts');
  const members = membersOf(source, 'Aggregate').filter(({ name }) => name === 'where' || name === 'by');
  const custom = docstringOf(source, 'CustomAggregate')!;
  return [
    ...members.flatMap(({ name, doc }) => ['', `## ${name}`, '', `\`.${name}(${name === 'where' ? 'condition' : 'column, options?'})\``, '', doc.paragraphs.join(' ')]),
    '', '## Custom', '', '`{ init, add, merge, result }`', '', custom.paragraphs.join(' '),
    '', '### State', '', 'What `init`, `add` and `merge` give, a key; it is kept as JavaScript values, and the records are made objects for it, so it is far slower than a declared one.',
  ];
}
