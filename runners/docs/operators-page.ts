import { type Docstring, docstringOf, membersOf } from './docstring.js';

/** A section of the page: a function, and the interface of its options. */
interface Section {
  readonly name: string;
  readonly call: string;
  readonly file: string;
  readonly options?: { readonly interface: string; readonly file: string };
}

const rowStep = { interface: 'RowStepOptions', file: 'operators/map.ts' } as const;

/** What the page describes, in its order. */
const sections: readonly { readonly title: string; readonly of: readonly Section[] }[] = [
  {
    title: 'Pipelines and topics',
    of: [
      { name: 'pipeline', call: 'pipeline(name, build, options?)', file: 'dataflow/pipeline.ts', options: { interface: 'PipelineOptions', file: 'dataflow/pipeline.ts' } },
      { name: 'topic', call: 'topic(name, options)', file: 'dataflow/topic.ts', options: { interface: 'TopicOptions', file: 'dataflow/topic.ts' } },
    ],
  },
  {
    title: 'Operators',
    of: [
      { name: 'filter', call: 'filter(keep, options?)', file: 'operators/filter.ts', options: rowStep },
      { name: 'map', call: 'map(change, options?)', file: 'operators/map.ts', options: rowStep },
      { name: 'flatMap', call: 'flatMap(change, options?)', file: 'operators/flat-map.ts', options: rowStep },
      { name: 'tap', call: 'tap(look, options?)', file: 'operators/tap.ts', options: rowStep },
      { name: 'sample', call: 'sample(share, options?)', file: 'operators/sample.ts', options: { interface: 'SampleOptions', file: 'operators/sample.ts' } },
      { name: 'keyBy', call: 'keyBy(column, options?) · keyBy(id, key, options?)', file: 'operators/key-by.ts', options: rowStep },
      { name: 'window', call: 'window(id, windows, aggregates, options?)', file: 'operators/window.ts', options: { interface: 'WindowOptions', file: 'operators/window.ts' } },
      { name: 'process', call: 'process(id, function, options?)', file: 'operators/process.ts', options: { interface: 'ProcessOptions', file: 'operators/process.ts' } },
      { name: 'split', call: 'split(stream, branches) · split(branches)', file: 'operators/split.ts' },
      { name: 'union', call: 'union(...streams)', file: 'operators/union.ts' },
      { name: 'join', call: 'join(id, left, right, options)', file: 'operators/join.ts', options: { interface: 'JoinOptions', file: 'operators/join.ts' } },
      { name: 'windowJoin', call: 'windowJoin(id, left, right, options)', file: 'operators/window-join.ts', options: { interface: 'WindowJoinOptions', file: 'operators/window-join.ts' } },
      { name: 'attribute', call: 'attribute(id, decisions, outcomes, options?)', file: 'operators/attribute.ts', options: { interface: 'AttributeOptions', file: 'operators/attribute.ts' } },
      { name: 'lookup', call: 'lookup(id, stream, table, options)', file: 'operators/lookup.ts', options: { interface: 'LookupOptions', file: 'operators/lookup.ts' } },
      { name: 'enrich', call: 'enrich(id, call, options?)', file: 'operators/enrich.ts', options: { interface: 'EnrichOptions', file: 'operators/enrich.ts' } },
      { name: 'reduce', call: 'reduce(id, reducer, options?)', file: 'operators/reduce.ts', options: { interface: 'AggregateOptions', file: 'operators/aggregate.ts' } },
      { name: 'dedupe', call: 'dedupe(id, options)', file: 'operators/dedupe.ts', options: { interface: 'DedupeOptions', file: 'operators/dedupe.ts' } },
      { name: 'throttle', call: 'throttle(id, options)', file: 'operators/throttle.ts', options: { interface: 'ThrottleOptions', file: 'operators/throttle.ts' } },
      { name: 'topN', call: 'topN(id, options)', file: 'operators/top-n.ts', options: { interface: 'TopNOptions', file: 'operators/top-n.ts' } },
      { name: 'latest', call: 'latest(id, options?)', file: 'operators/latest.ts', options: { interface: 'LatestOptions', file: 'operators/latest.ts' } },
      { name: 'aggregate', call: 'aggregate(id, aggregates, options?)', file: 'operators/aggregate.ts', options: { interface: 'AggregateOptions', file: 'operators/aggregate.ts' } },
      { name: 'records', call: 'records(operator)', file: 'operators/records.ts' },
      { name: 'to', call: 'to(topic, options?)', file: 'operators/to.ts', options: rowStep },
      { name: 'tiles', call: 'tiles(set)', file: 'operators/tiles.ts' },
      { name: 'toFeatureStore', call: 'toFeatureStore(set)', file: 'operators/to-feature-store.ts' },
    ],
  },
  {
    title: 'Windows and features',
    of: [
      { name: 'tumbling', call: 'tumbling(size)', file: 'dataflow/window-spec.ts' },
      { name: 'hopping', call: 'hopping(size, every)', file: 'dataflow/window-spec.ts' },
      { name: 'constant', call: 'constant(value)', file: 'dataflow/expression.ts' },
      { name: 'columnsOf', call: 'columnsOf<Row>()', file: 'dataflow/expression.ts' },
      { name: 'text', call: 'text(...parts)', file: 'dataflow/expression.ts' },
      { name: 'session', call: 'session(gap)', file: 'dataflow/window-spec.ts' },
      { name: 'sliding', call: 'sliding(size)', file: 'dataflow/window-spec.ts' },
      { name: 'features', call: 'features(name, options)', file: 'dataflow/features.ts', options: { interface: 'FeatureSetOptions', file: 'dataflow/features.ts' } },
    ],
  },
  {
    title: 'Aggregates',
    of: [
      { name: 'count', call: 'count()', file: 'dataflow/aggregates/count.ts' },
      { name: 'sum', call: 'sum(column)', file: 'dataflow/aggregates/sum.ts' },
      { name: 'min', call: 'min(column)', file: 'dataflow/aggregates/min.ts' },
      { name: 'max', call: 'max(column)', file: 'dataflow/aggregates/max.ts' },
      { name: 'mean', call: 'mean(column)', file: 'dataflow/aggregates/mean.ts' },
      { name: 'ratio', call: 'ratio(over, under)', file: 'dataflow/aggregates/ratio.ts' },
      { name: 'variance', call: 'variance(column, options?)', file: 'dataflow/aggregates/variance.ts', options: { interface: 'VarianceOptions', file: 'dataflow/aggregates/variance.ts' } },
      { name: 'first', call: 'first(column)', file: 'dataflow/aggregates/first.ts' },
      { name: 'last', call: 'last(column)', file: 'dataflow/aggregates/last.ts' },
      { name: 'countDistinct', call: 'countDistinct(column)', file: 'dataflow/aggregates/count-distinct.ts' },
      { name: 'approxDistinct', call: 'approxDistinct(column, options?)', file: 'dataflow/aggregates/approx-distinct.ts', options: { interface: 'ApproxDistinctOptions', file: 'dataflow/aggregates/approx-distinct.ts' } },
      { name: 'topK', call: 'topK(column, k)', file: 'dataflow/aggregates/top-k.ts' },
      { name: 'histogram', call: 'histogram(column, bounds)', file: 'dataflow/aggregates/histogram.ts' },
      { name: 'quantiles', call: 'quantiles(column, at, options?)', file: 'dataflow/aggregates/quantiles.ts' },
    ],
  },
];

/** Files of operators that the page describes; a new operator has to be added to it. */
export const describedFiles: readonly string[] = sections.flatMap(({ of }) => of.map((s) => s.file));

/**
 * The reference of operators, from their docstrings.
 *
 * @param read text of a file of the repository
 */
export function operatorsPage(read: (file: string) => string): string {
  const out = [
    '# Operators',
    '',
    'An operator goes into `from(topic).pipe(…)`. Where it takes a column, a declared expression such as `clicks.watchMs.over(0)` runs over whole',
    'columns and makes no object; a function of the record gives the same result. Steps that keep state have an id, unique in the pipeline.',
    'The error policy of a step is `deadLetter` (the default), `skip` or `fail`.',
  ];
  for (const { title, of } of sections) {
    out.push('', `## ${title}`);
    for (const section of of) out.push('', ...sectionLines(section, read));
    if (title === 'Aggregates') out.push('', ...aggregateMethods(read));
  }
  return `${out.join('\n')}\n`;
}

function sectionLines(section: Section, read: (file: string) => string): string[] {
  const doc = docstringOf(read(section.file), section.name);
  if (doc === undefined) throw new Error(`${section.file}: ${section.name} has no docstring`);
  const [summary, ...rest] = doc.paragraphs;
  const lines = [`### ${section.name}`, '', `\`${section.call}\``, '', summary!];
  for (const paragraph of rest) lines.push('', ...labelled(paragraph));
  for (const [name, text] of doc.params) lines.push('', `\`${name}\`: ${text.replace(/^[a-z]/, (c) => c.toUpperCase()).replace(/\.?$/, '.')}`);
  if (doc.throws.length > 0) lines.push('', `Errors: ${doc.throws.join('; ').replace(/\.?$/, '.')}`);
  if (section.options !== undefined) lines.push('', ...optionsTable(section.options, read));
  for (const example of doc.examples) lines.push('', '```ts', example, '```');
  const links = doc.see.map((name) => `[${name}](#${name.toLowerCase()})`);
  if (links.length > 0) lines.push('', `See ${links.join(', ')}.`);
  return lines;
}

/** `*When to use*: … *Details*: …` as a list. */
function labelled(paragraph: string): string[] {
  const parts = paragraph.split(/\*([A-Z][a-z ]+)\*: /);
  if (parts.length < 3) return [paragraph];
  const lines = parts[0]!.trim() === '' ? [] : [parts[0]!.trim()];
  for (let i = 1; i < parts.length; i += 2) lines.push(`- **${parts[i]}**: ${parts[i + 1]!.trim()}`);
  return lines;
}

/** A table of the members of an options interface. */
export function optionsTable({ interface: name, file }: { readonly interface: string; readonly file: string }, read: (file: string) => string): string[] {
  const members = membersOf(read(file), name);
  if (members.length === 0) throw new Error(`${file}: interface ${name} has no documented members`);
  const text = (doc: Docstring) => doc.paragraphs.join(' ').replaceAll('|', '\\|');
  const fallback = (doc: Docstring, optional: boolean) => (doc.default === undefined ? (optional ? '' : 'required') : doc.default.replaceAll('|', '\\|').replace(/\.$/, ''));
  return ['| option | default | |', '|---|---|---|', ...members.map(({ name: member, optional, doc }) => `| \`${member}\` | ${fallback(doc, optional)} | ${text(doc)} |`)];
}

function aggregateMethods(read: (file: string) => string): string[] {
  const members = membersOf(read('dataflow/aggregates/aggregate.ts'), 'Aggregate').filter(({ name }) => name === 'where' || name === 'by');
  return ['### where and by', '', 'Every aggregate can be narrowed and split:', '', ...members.map(({ name, doc }) => `- \`${name}\`: ${doc.paragraphs.join(' ')}`)];
}
