import { HeadraceError } from '../../dataflow/errors.js';
import { fileOfSetting } from '../file-of-setting.js';

/** Where Redis is and how to reach it. */
export interface RedisSettings {
  readonly host: string;
  readonly port: number;
  readonly database: number;
  readonly username?: string;
  readonly password?: string;
  /** Encrypted connections; files are PEM. */
  readonly tls?: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer; readonly rejectUnauthorized: boolean };
  /** In front of every key. */
  readonly prefix: string;
}

/** The environment variables of Redis: their one home. */
export const redisVariables = {
  REDIS_URL: 'Address of Redis, `redis://HOST:PORT/DATABASE` or `rediss://…` (encrypted). When it is set, `toFeatureStore` publishes there.',
  REDIS_USERNAME: 'ACL user.',
  REDIS_PASSWORD: 'Its password. Never printed.',
  REDIS_TLS_CA: 'PEM file of the authority that signed the server; without it those of Node.',
  REDIS_TLS_CERT: 'PEM file of the client certificate.',
  REDIS_TLS_KEY: 'PEM file of its key.',
  REDIS_TLS_INSECURE: '`1`: do not check the certificate of the server. For tests.',
  REDIS_PREFIX: 'In front of every key (default `headrace:`).',
} as const;

/** Those that are never printed. */
export const redisSecrets = ['REDIS_PASSWORD'] as const satisfies readonly (keyof typeof redisVariables)[];

/**
 * The settings that variables give; undefined without REDIS_URL.
 *
 * @throws HR_REDIS_SETTINGS
 */
export function redisSettings(variables: Readonly<Record<string, string | undefined>> = process.env): RedisSettings | undefined {
  const value = (name: keyof typeof redisVariables): string | undefined => (variables[name] === '' ? undefined : variables[name]);
  const address = value('REDIS_URL');
  if (address === undefined) return undefined;
  const wrong = (name: keyof typeof redisVariables, what: string, cause?: unknown) => new HeadraceError('HR_REDIS_SETTINGS', `${name} ${what}.`, { cause });
  let url: URL;
  try {
    url = new URL(address);
  } catch (cause) {
    throw wrong('REDIS_URL', 'is no address; give redis://HOST:PORT/DATABASE', cause);
  }
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:') throw wrong('REDIS_URL', `begins with ${url.protocol}//; give redis:// or rediss://`);
  const database = url.pathname.replace(/^\//, '');
  if (!/^\d*$/.test(database)) throw wrong('REDIS_URL', `names the database "${database}"; give its number`);
  const file = (name: keyof typeof redisVariables) => fileOfSetting(value(name), (path, cause) => wrong(name, `is ${path}, which cannot be read`, cause));
  const [ca, cert, key] = [file('REDIS_TLS_CA'), file('REDIS_TLS_CERT'), file('REDIS_TLS_KEY')];
  if ((cert === undefined) !== (key === undefined)) throw wrong(cert === undefined ? 'REDIS_TLS_CERT' : 'REDIS_TLS_KEY', 'is missing: a certificate and its key belong together');
  const encrypted = url.protocol === 'rediss:' || ca !== undefined || cert !== undefined;
  const username = value('REDIS_USERNAME') ?? (url.username === '' ? undefined : decodeURIComponent(url.username));
  const password = value('REDIS_PASSWORD') ?? (url.password === '' ? undefined : decodeURIComponent(url.password));
  return {
    host: url.hostname === '' ? '127.0.0.1' : url.hostname,
    port: url.port === '' ? 6_379 : Number(url.port),
    database: database === '' ? 0 : Number(database),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(encrypted ? { tls: { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }), rejectUnauthorized: value('REDIS_TLS_INSECURE') !== '1' } } : {}),
    prefix: value('REDIS_PREFIX') ?? 'headrace:',
  };
}
