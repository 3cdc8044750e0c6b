import { HeadraceError } from '../../dataflow/errors.js';
import { fileOfSetting } from '../file-of-setting.js';

/** Where a ClickHouse server is and how to reach it. */
export interface ClickHouseSettings {
  /** `http://…`, `https://…` or `chdb:`. */
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** PEM of the authority that signed the server. */
  readonly ca?: Buffer;
}

/** The address of ClickHouse in the process. */
export const inProcess = 'chdb:';

/** The environment variables of ClickHouse: their one home. */
export const clickHouseVariables = {
  CLICKHOUSE_URL: 'Address of the HTTP interface: `http://HOST:8123`, `https://HOST:8443`; or `chdb:`, ClickHouse in the process (package `chdb`) with its tables in the data directory. When it is set, `toWarehouse` copies there.',
  CLICKHOUSE_USER: 'User (default `default`).',
  CLICKHOUSE_PASSWORD: 'Its password. Never printed.',
  CLICKHOUSE_DATABASE: 'Database of the tables (default `default`).',
  CLICKHOUSE_TLS_CA: 'PEM file of the authority that signed the server; without it those of Node.',
} as const;

/** Those that are never printed. */
export const clickHouseSecrets = ['CLICKHOUSE_PASSWORD'] as const satisfies readonly (keyof typeof clickHouseVariables)[];

/**
 * The settings that variables give; undefined without CLICKHOUSE_URL.
 *
 * @throws HR_CLICKHOUSE_SETTINGS
 */
export function clickHouseSettings(variables: Readonly<Record<string, string | undefined>> = process.env): ClickHouseSettings | undefined {
  const value = (name: keyof typeof clickHouseVariables): string | undefined => (variables[name] === '' ? undefined : variables[name]);
  const url = value('CLICKHOUSE_URL');
  if (url === undefined) return undefined;
  if (url !== inProcess && (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))) throw new HeadraceError('HR_CLICKHOUSE_SETTINGS', 'CLICKHOUSE_URL is no address; give http://HOST:8123, https://HOST:8443 or chdb:.');
  const ca = fileOfSetting(value('CLICKHOUSE_TLS_CA'), (path, cause) => new HeadraceError('HR_CLICKHOUSE_SETTINGS', `CLICKHOUSE_TLS_CA is ${path}, which cannot be read.`, { cause }));
  return { url, user: value('CLICKHOUSE_USER') ?? 'default', password: value('CLICKHOUSE_PASSWORD') ?? '', database: value('CLICKHOUSE_DATABASE') ?? 'default', ...(ca === undefined ? {} : { ca }) };
}
