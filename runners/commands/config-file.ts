import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { HeadraceError } from '../../dataflow/errors.js';
import { documentedVariables, type SettingName } from '../docs/documented-limits.js';
import { loadUserModule } from '../load-pipeline.js';
import { didYouMean } from './nearest-name.js';

/** Names that are looked for in the working directory, in this order. */
export const configFiles = ['headrace.config.ts', 'headrace.config.mts', 'headrace.config.js', 'headrace.config.mjs'] as const;

/**
 * What a configuration file says: settings by the names of the environment variables.
 *
 * *When to use*: `headrace.config.ts` beside your pipelines, for what all of them share; secrets stay in the environment.
 *
 * @example
 * export default { KAFKA_BROKERS: 'broker-1:9092', KAFKA_COMPRESSION: 'zstd' } satisfies HeadraceConfig;
 */
export type HeadraceConfig = { readonly [Name in SettingName]?: string | number | boolean | undefined };

/**
 * Puts what a configuration file says into the environment, where it says nothing itself: options win over the environment, and that over the file. The file exports an object by default, whose names are those
 * of the environment variables; `true` is `1`, and `false` or `undefined` is not set.
 *
 * @param given the file that was asked for. @default the first of `configFiles` that is there
 * @returns the file, or undefined when there is none
 * @throws HR_CONFIG the file is not there, fails, or says what no variable is called
 */
export async function applyConfigFile(given: string | undefined, environment: Record<string, string | undefined> = process.env, folder = '.'): Promise<string | undefined> {
  const file = given ?? configFiles.map((name) => resolve(folder, name)).find((path) => existsSync(path));
  if (file === undefined) return undefined;
  if (!existsSync(file)) throw new HeadraceError('HR_CONFIG', `There is no configuration file ${file}.`);
  const { default: said } = await loadUserModule(file, 'HR_CONFIG');
  if (typeof said !== 'object' || said === null || Array.isArray(said)) throw new HeadraceError('HR_CONFIG', `${file} does not export an object by default.`);
  const known = documentedVariables.map((v) => v.name);
  for (const [name, value] of Object.entries(said as HeadraceConfig)) {
    if (!known.includes(name)) throw new HeadraceError('HR_CONFIG', `${file} has "${name}", which is no setting.${didYouMean(name, known)}`);
    if (value !== undefined && !['string', 'number', 'boolean'].includes(typeof value)) throw new HeadraceError('HR_CONFIG', `${name} in ${file} is neither text, a number, true nor false.`);
    if (value === undefined || value === false || (environment[name] ?? '') !== '') continue;
    environment[name] = value === true ? '1' : String(value);
  }
  return file;
}
