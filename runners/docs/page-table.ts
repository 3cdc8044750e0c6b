/** A function on a page, and the interface of its options. */
export interface Section {
  readonly name: string;
  readonly call: string;
  readonly file: string;
  readonly options?: { readonly interface: string; readonly file: string };
}

/** A page below docs/operators/: one function, or a family of them. Its example is `docs/operators/examples/<path>.ts`. */
export interface Page {
  readonly path: string;
  /** What a family has in common; a page of one function takes its name and summary from the docstring. */
  readonly family?: { readonly title: string; readonly summary: string };
  readonly of: readonly Section[];
}

const rowStep = { interface: 'RowStepOptions', file: 'operators/map.ts' } as const;
const operator = (path: string, name: string, call: string, options?: string | Section['options']): Page => {
  const file = `operators/${path}.ts`;
  return { path, of: [{ name, call, file, ...(options === undefined ? {} : { options: typeof options === 'string' ? { interface: options, file } : options }) }] };
};
const aggregate = (path: string, name: string, call: string, options?: string): Section => {
  const file = `dataflow/aggregates/${path}.ts`;
  return { name, call, file, ...(options === undefined ? {} : { options: { interface: options, file } }) };
};

const explore = (path: string, name: string, call: string, options?: string): Section => {
  const file = `serving/explore/${path}.ts`;
  return { name, call, file, ...(options === undefined ? {} : { options: { interface: options, file } }) };
};

/** All pages, in the order of the index. */
export const pageTable: readonly { readonly title: string; readonly pages: readonly Page[] }[] = [
  {
    title: 'Pipelines and topics',
    pages: [
      { path: 'pipeline', of: [{ name: 'pipeline', call: 'pipeline(name, build, options?)', file: 'dataflow/pipeline.ts', options: { interface: 'PipelineOptions', file: 'dataflow/pipeline.ts' } }] },
      { path: 'topic', of: [{ name: 'topic', call: 'topic(name, options)', file: 'dataflow/topic.ts', options: { interface: 'TopicOptions', file: 'dataflow/topic.ts' } }] },
      {
        path: 'expressions',
        family: { title: 'expressions', summary: 'Values computed from columns, declared instead of programmed: they run over whole columns and make no object a record.' },
        of: [
          { name: 'columnsOf', call: 'columnsOf<Row>()', file: 'dataflow/expression.ts' },
          { name: 'constant', call: 'constant(value)', file: 'dataflow/expression.ts' },
          { name: 'text', call: 'text(...parts)', file: 'dataflow/expression.ts' },
        ],
      },
    ],
  },
  {
    title: 'Record by record',
    pages: [
      operator('filter', 'filter', 'filter(keep, options?)', rowStep),
      operator('map', 'map', 'map(change, options?)', rowStep),
      operator('flat-map', 'flatMap', 'flatMap(change, options?)', rowStep),
      operator('tap', 'tap', 'tap(look, options?)', rowStep),
      operator('sample', 'sample', 'sample(share, options?)', 'SampleOptions'),
      operator('split', 'split', 'split(stream, branches) · split(branches)'),
      operator('records', 'records', 'records(operator)'),
      operator('to', 'to', 'to(topic, options?)', rowStep),
      operator('to-warehouse', 'toWarehouse', 'toWarehouse(topic, options?)', 'ToWarehouseOptions'),
    ],
  },
  {
    title: 'By key',
    pages: [
      operator('key-by', 'keyBy', 'keyBy(column, options?) · keyBy(id, key, options?)', rowStep),
      {
        ...operator('window', 'window', 'window(id, windows, aggregates, options?)', 'WindowOptions'),
        of: [
          ...operator('window', 'window', 'window(id, windows, aggregates, options?)', 'WindowOptions').of,
          { name: 'tumbling', call: 'tumbling(size)', file: 'dataflow/windows/window-spec.ts' },
          { name: 'hopping', call: 'hopping(size, every)', file: 'dataflow/windows/window-spec.ts' },
          { name: 'sliding', call: 'sliding(size)', file: 'dataflow/windows/window-spec.ts' },
          { name: 'session', call: 'session(gap)', file: 'dataflow/windows/window-spec.ts' },
        ],
      },
      operator('aggregate', 'aggregate', 'aggregate(id, aggregates, options?)', 'AggregateOptions'),
      operator('reduce', 'reduce', 'reduce(id, reducer, options?)', { interface: 'AggregateOptions', file: 'operators/aggregate.ts' }),
      operator('top-n', 'topN', 'topN(id, options)', 'TopNOptions'),
      operator('latest', 'latest', 'latest(id, options?)', 'LatestOptions'),
      operator('dedupe', 'dedupe', 'dedupe(id, options)', 'DedupeOptions'),
      operator('throttle', 'throttle', 'throttle(id, options)', 'ThrottleOptions'),
      operator('process', 'process', 'process(id, function, options?)', 'ProcessOptions'),
      operator('enrich', 'enrich', 'enrich(id, call, options?)', { interface: 'EnrichOptions', file: 'dataflow/calls/enrich-options.ts' }),
    ],
  },
  {
    title: 'Several streams',
    pages: [
      operator('union', 'union', 'union(...streams)'),
      operator('join', 'join', 'join(id, left, right, options)', 'JoinOptions'),
      operator('window-join', 'windowJoin', 'windowJoin(id, left, right, options)', 'WindowJoinOptions'),
      operator('lookup', 'lookup', 'lookup(id, stream, table, options)', 'LookupOptions'),
      operator('attribute', 'attribute', 'attribute(id, decisions, outcomes, options?)', 'AttributeOptions'),
    ],
  },
  {
    title: 'Features',
    pages: [
      {
        path: 'tiles',
        family: { title: 'features and tiles', summary: 'Rolling features of users, items and other entities: declared once, kept up to date by the stream, read as of any past time.' },
        of: [
          { name: 'features', call: 'features(name, options)', file: 'dataflow/features/features.ts', options: { interface: 'FeatureSetOptions', file: 'dataflow/features/features.ts' } },
          ...operator('tiles', 'tiles', 'tiles(set)').of,
          ...operator('to-feature-store', 'toFeatureStore', 'toFeatureStore(set)').of,
        ],
      },
    ],
  },
  {
    title: 'Decisions',
    pages: [
      {
        path: 'policies',
        family: { title: 'policies', summary: 'Policies of `headrace/serving` that know their own probabilities: `choose` draws from exactly the distribution that it tells.' },
        of: [
          { ...explore('policy', 'createPolicy', 'createPolicy(scheme, options)'), options: { interface: 'PolicyOptions', file: 'serving/explore/policy.ts' } },
          explore('epsilon-greedy', 'epsilonGreedy', 'epsilonGreedy(options)', 'EpsilonGreedyOptions'),
          explore('adaptive', 'adaptive', 'adaptive(options?)', 'AdaptiveOptions'),
          explore('softmax', 'softmax', 'softmax(options?)', 'SoftmaxOptions'),
          explore('square-cb', 'squareCb', 'squareCb(options)', 'SquareCbOptions'),
          explore('ucb', 'ucb', 'ucb(options)', 'UcbOptions'),
          explore('thompson-votes', 'thompsonVotes', 'thompsonVotes(options)', 'ThompsonVotesOptions'),
          explore('thompson-exact', 'thompsonExact', 'thompsonExact(options)', 'ThompsonExactOptions'),
          explore('diversity', 'diversity', 'diversity(options?)', 'DiversityOptions'),
          explore('overridden', 'overridden', 'overridden(choice, reason)'),
        ],
      },
      {
        path: 'order-probabilities',
        family: { title: 'order probabilities', summary: 'Exact chances of posteriors to be the largest, at a rank, or in an order, and what a policy shows in each slot; of `headrace/serving`.' },
        of: [
          explore('order-probabilities', 'topProbabilities', 'topProbabilities(posterior, items)'),
          explore('order-probabilities', 'rankProbabilities', 'rankProbabilities(posterior, items)'),
          explore('order-probabilities', 'slateProbability', 'slateProbability(posterior, items, slate)'),
          explore('slot-marginals', 'slotMarginals', 'slotMarginals(policy, items, options)'),
        ],
      },
      {
        path: 'decision-log',
        family: { title: 'the log of decisions', summary: 'Writing decisions before the answer leaves, and reading their probabilities again; of `headrace/serving`.' },
        of: [
          { name: 'openDecisionLog', call: 'openDecisionLog(options)', file: 'serving/decision-log.ts', options: { interface: 'DecisionLogOptions', file: 'serving/decision-log.ts' } },
          { name: 'decisionOf', call: 'decisionOf(facts, pmf?)', file: 'serving/decision-of.ts', options: { interface: 'DecisionFacts', file: 'serving/decision-of.ts' } },
          explore('distributions-of', 'distributionsOf', 'distributionsOf(decision)'),
          explore('distributions-of', 'redraw', 'redraw(decision)'),
          explore('schemes-by-name', 'policyByName', 'policyByName(scheme, parameters, slots)'),
        ],
      },
      {
        path: 'rewards',
        family: { title: 'rewards', summary: 'What the outcomes of a slot are worth: a name and a function, for `attribute`.' },
        of: [
          { name: 'firstOf', call: 'firstOf(part)', file: 'dataflow/rewards.ts' },
          { name: 'sumOf', call: 'sumOf(part)', file: 'dataflow/rewards.ts' },
          { name: 'maxOf', call: 'maxOf(part)', file: 'dataflow/rewards.ts' },
          { name: 'watchTime', call: 'watchTime(options?)', file: 'dataflow/rewards.ts', options: { interface: 'WatchTimeOptions', file: 'dataflow/rewards.ts' } },
        ],
      },
    ],
  },
  {
    title: 'Aggregates',
    pages: [
      {
        path: 'aggregate-counts',
        family: { title: 'counts', summary: 'How many records, and how many different values.' },
        of: [aggregate('count', 'count', 'count()'), aggregate('count-distinct', 'countDistinct', 'countDistinct(column)'), aggregate('approx-distinct', 'approxDistinct', 'approxDistinct(column, options?)', 'ApproxDistinctOptions')],
      },
      {
        path: 'aggregate-sums',
        family: { title: 'sums and means', summary: 'Sums, and what is made of them.' },
        of: [aggregate('sum', 'sum', 'sum(column)'), aggregate('mean', 'mean', 'mean(column)'), aggregate('ratio', 'ratio', 'ratio(over, under)'), aggregate('variance', 'variance', 'variance(column, options?)', 'VarianceOptions')],
      },
      {
        path: 'aggregate-extremes',
        family: { title: 'extremes, first and last', summary: 'One value of many: the smallest, the largest, the earliest, the latest.' },
        of: [aggregate('min', 'min', 'min(column)'), aggregate('max', 'max', 'max(column)'), aggregate('first', 'first', 'first(column)'), aggregate('last', 'last', 'last(column)')],
      },
      {
        path: 'aggregate-distributions',
        family: { title: 'distributions', summary: 'How values are spread, and which occur most.' },
        of: [aggregate('quantiles', 'quantiles', 'quantiles(column, at, options?)'), aggregate('histogram', 'histogram', 'histogram(column, bounds)'), aggregate('top-k', 'topK', 'topK(column, k)')],
      },
      {
        path: 'aggregate-custom',
        family: { title: 'where, by and custom aggregates', summary: 'Every declared aggregate can be narrowed and split; what none of them says is written as four functions.' },
        of: [],
      },
    ],
  },
];

/** Files of operators that have a page; a new operator has to be added to the table. */
export const describedFiles: readonly string[] = pageTable.flatMap(({ pages }) => pages.flatMap(({ of }) => of.map((s) => s.file)));
