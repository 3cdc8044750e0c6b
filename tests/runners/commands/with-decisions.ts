import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openEmbedded } from '../../../connectors/embedded/embedded-runtime.js';
import { openTopicEncoder } from '../../../dataflow/topic-encoder.js';
import { loggedDecisions } from '../../../pipelines/logged-decisions.js';
import { decisionsOf } from '../../learning/head-training-job.js';
import { workplace } from './headrace-process.js';

/** A folder with three hours of logged decisions in its data directory, and a plan of training as `plan.ts`. */
export async function withDecisions(plan: string): Promise<string> {
  const cwd = workplace();
  const runtime = openEmbedded({ dataDir: join(cwd, '.headrace'), mode: 'write' });
  const rows = await openTopicEncoder(loggedDecisions, { ...runtime, partitions: 2 });
  for (const decision of decisionsOf(3)) rows.add(decision);
  await runtime.log.append(rows.take());
  await runtime.close();
  writeFileSync(join(cwd, 'plan.ts'), plan);
  return cwd;
}
