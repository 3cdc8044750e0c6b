import { accessSync, constants, existsSync, mkdtempSync, rmdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { spaceLeft } from '../../connectors/embedded/disk-space.js';
import { HeadraceError } from '../../dataflow/errors.js';
import { openRuntime, runtimePlace } from '../open-runtime.js';
import { withoutSecrets } from '../operations/without-secrets.js';
import { formatBytes, formatDuration, formatNumber } from '../terminal/number-format.js';
import { type Call, type Command, exitCodes } from './command.js';
import { clickhouse } from './clickhouse-check.js';
import { configFiles } from './config-file.js';
import { redis } from './redis-check.js';
import { registry } from './registry-check.js';

/** What a check found. */
export interface Finding {
  readonly check: string;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  /** What to do about it. */
  readonly remedy?: string;
}

/** `headrace doctor`: what would stop a run, before it does. */
export const doctor: Command = {
  name: 'doctor',
  usage: ['doctor'],
  about:
    'Checks the machine and a data directory: Node, LMDB, disk, who holds the lock, topics, and how far each pipeline is. Where KAFKA_BROKERS\n' +
    '(with SCHEMA_REGISTRY_URL), REDIS_URL or CLICKHOUSE_URL name servers, also whether they answer and let this user in, and dead letters in Kafka. Changes nothing but a key in Redis that\n' +
    'lives for a second.',
  options: {},
  operands: [0, 0],
  async run(call) {
    let failed = false;
    for (const check of [node, config, lmdb, directory, disk, data, kafka, registry, redis, clickhouse]) {
      for (const finding of await attempt(check, call)) {
        failed ||= finding.status === 'fail';
        const detail = withoutSecrets(finding.detail);
        const remedy = finding.remedy === undefined ? '' : `\n      ${finding.remedy}`;
        await call.output.print({ ...finding, detail }, () => `${finding.status.padEnd(4)}  ${finding.check}: ${detail}${remedy}`);
      }
    }
    return failed ? exitCodes.failed : exitCodes.done;
  },
};

type Check = (call: Call) => Finding[] | Promise<Finding[]>;

async function attempt(check: Check, call: Call): Promise<Finding[]> {
  try {
    return await check(call);
  } catch (error) {
    if (error instanceof HeadraceError) return [{ check: check.name, status: 'fail', detail: `${error.code} ${error.message}`, remedy: error.remedy }];
    return [{ check: check.name, status: 'fail', detail: error instanceof Error ? error.message : String(error) }];
  }
}

function node(): Finding[] {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return [{ check: 'node', status: 'ok', detail: `${process.version} on ${process.platform} ${process.arch}` }];
  return [{ check: 'node', status: 'fail', detail: `${process.version} is too old`, remedy: 'Install Node 20.19 or newer.' }];
}

function config({ options }: Call): Finding[] {
  const file = options.get('config') ?? configFiles.find((name) => existsSync(name));
  return file === undefined ? [] : [{ check: 'config', status: 'ok', detail: `settings that the environment does not have are those of ${file}` }];
}

async function lmdb(): Promise<Finding[]> {
  try {
    await import('lmdb');
    return [{ check: 'lmdb', status: 'ok', detail: 'loads' }];
  } catch (error) {
    return [{ check: 'lmdb', status: 'fail', detail: (error as Error).message, remedy: 'Run npm ci again on this machine: the binary of lmdb belongs to one platform.' }];
  }
}

function directory({ dataDir }: Call): Finding[] {
  const existing = nearestExisting(dataDir);
  const remedy = 'Give another directory with --data-dir, or mend its permissions.';
  try {
    if (!statSync(existing).isDirectory()) return [{ check: 'data directory', status: 'fail', detail: `${existing} is a file`, remedy }];
    accessSync(existing, constants.W_OK);
    rmdirSync(mkdtempSync(join(existing, '.headrace-check-')));
  } catch (error) {
    return [{ check: 'data directory', status: 'fail', detail: `${dataDir} cannot be written: ${(error as Error).message}`, remedy }];
  }
  return [{ check: 'data directory', status: 'ok', detail: existsSync(dataDir) ? `${dataDir} can be written` : `${dataDir} is not there yet and can be made` }];
}

function disk({ dataDir }: Call): Finding[] {
  const left = spaceLeft(nearestExisting(dataDir));
  const finding = { check: 'disk space', detail: left === Infinity ? 'not limited' : `${formatBytes(left)} free` };
  if (left < 16 * 2 ** 20) return [{ ...finding, status: 'fail', remedy: 'Free some space: commits are refused on a full disk.' }];
  if (left < 2 ** 30) return [{ ...finding, status: 'warn', remedy: 'Free some space before a long run.' }];
  return [{ ...finding, status: 'ok' }];
}

async function data({ dataDir }: Call): Promise<Finding[]> {
  if (!existsSync(join(dataDir, 'data.mdb'))) {
    return [{ check: 'topics', status: 'ok', detail: 'none yet', remedy: 'Start with `headrace simulate` or `headrace import`.' }];
  }
  const { openEnvironment, lockHolderOf } = await import('../../connectors/embedded/environment.js');
  const { describeHolder, isAlive } = await import('../../connectors/embedded/lock-holder.js');
  const { embeddedLog } = await import('../../connectors/embedded/embedded-log.js');
  const { namesOf } = await import('../../connectors/embedded/numbering.js');
  const env = openEnvironment({ dataDir, mode: 'read' });
  try {
    const log = embeddedLog(env);
    const findings: Finding[] = [];
    const holder = lockHolderOf(env);
    if (holder === undefined) findings.push({ check: 'lock', status: 'ok', detail: 'nobody writes' });
    else if (isAlive(holder)) findings.push({ check: 'lock', status: 'warn', detail: describeHolder(holder, dataDir), remedy: 'Reading works; a second writer is refused until it ends.' });
    else findings.push({ check: 'lock', status: 'ok', detail: `the last writer (pid ${holder.pid}) ended without closing; its lock is void` });

    const ends = new Map<string, number>();
    const topics = await log.topics();
    for (const { name, partitions } of topics) {
      let records = 0;
      for (let p = 0; p < partitions; p++) {
        const { start, end } = await log.bounds(name, p);
        ends.set(`${name}/${p}`, end);
        records += end - start;
      }
      const detail = `${formatNumber(records)} records in ${partitions} partitions`;
      if (name.endsWith('.dlq') && records > 0) findings.push({ check: `topic ${name}`, status: 'warn', detail, remedy: `Look why: headrace topic read ${name} --limit 10` });
      else findings.push({ check: `topic ${name}`, status: 'ok', detail });
    }
    findings.push({ check: 'size', status: 'ok', detail: `${formatBytes(statSync(join(dataDir, 'data.mdb')).size)} in ${topics.length} topics and the state` });
    for (const pipeline of namesOf(env, 'pipeline', '')) {
      const { epoch, positions } = (await log.committed(pipeline)) ?? { epoch: 0, positions: [] };
      let lag = 0;
      for (const { topic, partition, offset } of positions) lag += Math.max(0, (ends.get(`${topic}/${partition}`) ?? offset) - offset);
      const at = positions.map((p) => `${p.topic}/${p.partition}@${p.offset}`).join(', ');
      findings.push({ check: `pipeline ${pipeline}`, status: 'ok', detail: `epoch ${epoch}, ${lag === 0 ? 'up to date' : `${formatNumber(lag)} records behind`} (${at})` });
    }
    return findings;
  } finally {
    await env.close();
  }
}

async function kafka(call: Call): Promise<Finding[]> {
  if (call.kafka === undefined) return [];
  const started = performance.now();
  const runtime = await openRuntime({ dataDir: call.dataDir, kafka: call.kafka, mode: 'read' });
  try {
    const topics = await runtime.log.topics();
    const findings: Finding[] = [{ check: 'kafka', status: 'ok', detail: `${runtimePlace(call)} has answered in ${formatDuration(performance.now() - started)}; ${formatNumber(topics.length)} topics` }];
    for (const { name, partitions } of topics.filter((t) => t.name.endsWith('.dlq'))) {
      const bounds = await Promise.all(Array.from({ length: partitions }, (_, p) => runtime.log.bounds(name, p)));
      if (bounds.some(({ start, end }) => end > start)) findings.push({ check: `kafka topic ${name}`, status: 'warn', detail: 'has dead letters', remedy: `Look why: headrace topic read ${name} --limit 10` });
    }
    return findings;
  } finally {
    await runtime.close();
  }
}

function nearestExisting(path: string): string {
  let at = resolve(path);
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  return at;
}
