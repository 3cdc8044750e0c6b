import { HeadraceError } from '../../dataflow/errors.js';
import { fileOfSetting } from '../file-of-setting.js';

/** Where the schema registry is and how to reach it. */
export interface RegistrySettings {
  /** Without user and password. */
  readonly urls: readonly string[];
  readonly username?: string;
  readonly password?: string;
  /** PEM of the authority that signed it. */
  readonly ca?: Buffer;
  /** Milliseconds for which an unreachable registry is tried again. */
  readonly patienceMs: number;
}

/** The environment variables of the schema registry: their one home. */
export const registryVariables = {
  SCHEMA_REGISTRY_URL: 'Address of a registry with Confluent’s API, `http(s)://HOST:PORT/PATH`; several separated by commas. When it is set, schemas of topics on Kafka are there, and not in the topic `_headrace.schemas`. Needs the package `@confluentinc/schemaregistry`.',
  SCHEMA_REGISTRY_USERNAME: 'User of basic authentication.',
  SCHEMA_REGISTRY_PASSWORD: 'Its password. Never printed.',
  SCHEMA_REGISTRY_TLS_CA: 'PEM file of the authority that signed the registry; without it those of Node.',
  SCHEMA_REGISTRY_PATIENCE_MS: 'Milliseconds for which a registry that does not answer is tried again before a run fails (default 120,000).',
} as const;

/** Those that are never printed. */
export const registrySecrets = ['SCHEMA_REGISTRY_PASSWORD'] as const satisfies readonly (keyof typeof registryVariables)[];

const defaultPatienceMs = 120_000;

/**
 * The settings that the environment has, or undefined without SCHEMA_REGISTRY_URL.
 *
 * @throws HR_REGISTRY_SETTINGS naming the variable that cannot be used
 */
export function registrySettings(env: Readonly<Record<string, string | undefined>> = process.env): RegistrySettings | undefined {
  const value = (name: keyof typeof registryVariables): string | undefined => (env[name]?.trim() === '' ? undefined : env[name]?.trim());
  const wrong = (name: keyof typeof registryVariables, what: string, cause?: unknown) => new HeadraceError('HR_REGISTRY_SETTINGS', `${name} ${what}.`, { cause });
  const list = value('SCHEMA_REGISTRY_URL');
  if (list === undefined) return undefined;
  const addresses = list.split(',').map((text) => {
    if (!URL.canParse(text.trim()) || !/^https?:$/.test(new URL(text.trim()).protocol)) throw wrong('SCHEMA_REGISTRY_URL', 'has no address that begins with http:// or https://');
    return new URL(text.trim());
  });
  const username = value('SCHEMA_REGISTRY_USERNAME') ?? decoded(addresses[0]!.username);
  const password = value('SCHEMA_REGISTRY_PASSWORD') ?? decoded(addresses[0]!.password);
  if (password !== undefined && username === undefined) throw wrong('SCHEMA_REGISTRY_USERNAME', 'is missing: there is a password');
  const patience = value('SCHEMA_REGISTRY_PATIENCE_MS');
  if (patience !== undefined && !/^[1-9]\d{0,8}$/.test(patience)) throw wrong('SCHEMA_REGISTRY_PATIENCE_MS', `is "${patience}"; give a whole number over 0`);
  const ca = fileOfSetting(value('SCHEMA_REGISTRY_TLS_CA'), (path, cause) => wrong('SCHEMA_REGISTRY_TLS_CA', `is ${path}, which cannot be read`, cause));
  return {
    urls: addresses.map((url) => {
      url.username = '';
      url.password = '';
      return url.href.replace(/\/$/, '');
    }),
    ...(username === undefined ? {} : { username, password: password ?? '' }),
    ...(ca === undefined ? {} : { ca }),
    patienceMs: patience === undefined ? defaultPatienceMs : Number(patience),
  };
}

function decoded(part: string): string | undefined {
  return part === '' ? undefined : decodeURIComponent(part);
}
