import { clickhouse } from './clickhouse.js';
import { kafka } from './kafka.js';
import { redis } from './redis.js';
import { registry } from './registry.js';
import { running, type Service, start, stop } from './service.js';

const all: readonly Service[] = [kafka, redis, clickhouse, registry];
const usage = `npm run services -- start|stop|status [${all.map((s) => s.name).join(' ')}]`;

/** Starts, stops or shows services. Standard output is lines for the shell: NAME=value. */
async function main([verb, ...names]: readonly string[]): Promise<number> {
  const unknown = names.find((name) => !all.some((s) => s.name === name));
  if (unknown !== undefined || verb === undefined || !['start', 'stop', 'status'].includes(verb)) {
    process.stderr.write(`${unknown === undefined ? '' : `There is no service "${unknown}". `}${usage}\n`);
    return 2;
  }
  let failed = false;
  for (const service of names.length === 0 ? all : all.filter((s) => names.includes(s.name))) {
    try {
      if (verb === 'stop') process.stderr.write(`${service.name}: ${(await stop(service)) ? 'stopped' : 'was not running'}\n`);
      else {
        const at = verb === 'start' ? await start(service) : await running(service);
        process.stderr.write(`${service.name}: ${at === undefined ? 'stopped' : `runs, pid ${at.pid}, port ${at.port}`}\n`);
        if (at !== undefined) {
          const { name, value } = service.variable(at.port);
          process.stdout.write(`${name}=${value}\n`);
        }
      }
    } catch (error) {
      failed = true;
      process.stderr.write(`${service.name}: ${(error as Error).message}\n`);
    }
  }
  return failed ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
