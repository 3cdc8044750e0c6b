import type { ClickHouseSettings } from '../connectors/clickhouse/clickhouse-settings.js';
import { HeadraceError } from '../dataflow/errors.js';
import { definition } from '../dataflow/topic.js';
import { topicValues } from '../dataflow/topic-values.js';
import { choosing, type Interaction, interactionOf, interactionsOf } from '../learning/base/interactions.js';
import { clicks } from '../pipelines/clicks.js';
import { loggedDecisions } from '../pipelines/logged-decisions.js';
import type { OpenRuntime } from './open-runtime.js';
import { openClickHouse } from './open-warehouse.js';

/** Where interactions come from: slots of logged decisions that were clicked, or events of `clicks`. */
export type InteractionSource = 'decisions' | 'clicks';

/** Which interactions are read. */
export interface ReadInteractionsOptions {
  readonly source: InteractionSource;
  /** In [from, to) (epoch ms). */
  readonly from: number;
  readonly to: number;
}

/**
 * Interactions of a topic.
 *
 * @throws HR_TOPIC_MISSING, HR_DECODE
 */
export async function readInteractions(runtime: Pick<OpenRuntime, 'log' | 'registry'>, { source, from, to }: ReadInteractionsOptions): Promise<Interaction[]> {
  const { name } = (source === 'clicks' ? clicks : loggedDecisions)[definition];
  if (!(await runtime.log.topics()).some((topic) => topic.name === name)) throw new HeadraceError('HR_TOPIC_MISSING', `There is no topic ${name}.`, { place: { topic: name }, remedy: 'See `headrace topic list`; --source chooses between decisions and clicks.' });
  const kept: Interaction[] = [];
  const keep = (interactions: readonly Interaction[]) => {
    for (const interaction of interactions) if (interaction.time >= from && interaction.time < to) kept.push(interaction);
  };
  if (source === 'clicks') for await (const event of topicValues(clicks, runtime)) keep(interactionOf(event));
  else for await (const decision of topicValues(loggedDecisions, runtime)) keep(interactionsOf(decision));
  return kept;
}

/**
 * The same interactions from the tables that `toWarehouse` and `headrace copy` fill.
 *
 * @throws HR_CLICKHOUSE_QUERY, HR_CHDB, HR_WAREHOUSE
 */
export async function queryInteractions(settings: ClickHouseSettings, dataDir: string, { source, from, to }: ReadInteractionsOptions): Promise<Interaction[]> {
  const within = (column: string) => [...(Number.isFinite(from) ? [`${column} >= fromUnixTimestamp64Milli(${from})`] : []), ...(Number.isFinite(to) ? [`${column} < fromUnixTimestamp64Milli(${to})`] : [])];
  const sql =
    source === 'clicks'
      ? `SELECT userId AS user, itemId AS item, category, creatorId AS creator, toString(toUnixTimestamp64Milli(timestamp)) AS at FROM clicks FINAL WHERE ${[`eventType IN (${choosing.map((type) => `'${type}'`).join(', ')})`, ...within('timestamp')].join(' AND ')}`
      : `SELECT userId AS user, candidates.itemId[c + 1] AS item, candidates.category[c + 1] AS category, candidates.creatorId[c + 1] AS creator, toString(toUnixTimestamp64Milli(time)) AS at FROM logged_decisions FINAL ` +
        `ARRAY JOIN slots.candidate AS c, outcomes.parts AS parts WHERE ${['overridden IS NULL', "parts['click'] > 0", ...within('time')].join(' AND ')}`;
  const session = await openClickHouse(settings, dataDir);
  try {
    return (await session.rows(sql)).map(({ user, item, category, creator, at }) => ({ user: String(user), item: String(item), category: String(category), creator: String(creator), time: Number(at) }));
  } finally {
    await session.close();
  }
}
