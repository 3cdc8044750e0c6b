import { HeadraceError } from '../../dataflow/errors.js';
import { fileOfSetting } from '../file-of-setting.js';
import { type RegistrySettings, registrySettings } from '../registry/registry-settings.js';
import { type Compression, compressions } from './records/compression.js';

/** How to log in (SASL). */
export interface KafkaLogin {
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'OAUTHBEARER';
  readonly username?: string;
  readonly password?: string;
  /** OAUTHBEARER: a bearer token. */
  readonly token?: string;
}

/** How connections are encrypted; files are PEM. */
export interface KafkaTls {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly rejectUnauthorized: boolean;
}

/** The libraries that can speak to Kafka. */
export const kafkaClients = ['columnar', 'kafkajs'] as const;

/** Where Kafka is and how to reach it. */
export interface KafkaSettings {
  readonly client: (typeof kafkaClients)[number];
  readonly brokers: readonly { readonly host: string; readonly port: number }[];
  readonly tls?: KafkaTls;
  readonly login?: KafkaLogin;
  readonly compression: Compression;
  /** Bytes that are fetched of a partition at once: a block. */
  readonly fetchBytes: number;
  /** Bytes of a batch that is written, before compression. */
  readonly batchBytes: number;
  /** Milliseconds for which an unreachable broker is tried again. */
  readonly patienceMs: number;
  /** Where schemas are, when not in a topic. */
  readonly registry?: RegistrySettings;
  /** Milliseconds of silence after which the tasks of a process are given to others. */
  readonly sessionMs: number;
  /** How many other processes keep a copy of the state of each task. */
  readonly standby: number;
}

/** The environment variables of Kafka: their one home. */
export const kafkaVariables = {
  KAFKA_BROKERS: 'Addresses of brokers, `host:port`, separated by commas. When it is set, topics, state and offsets are in Kafka instead of the data directory.',
  HEADRACE_KAFKA_CLIENT: 'What speaks to Kafka: `columnar` (default), or `kafkajs`, which has to be installed beside headrace.',
  KAFKA_TLS: '`1`: encrypt connections; set by itself when one of the files below is given.',
  KAFKA_TLS_CA: 'PEM file of the authority that signed the brokers; without it those of Node.',
  KAFKA_TLS_CERT: 'PEM file of the client certificate.',
  KAFKA_TLS_KEY: 'PEM file of its key.',
  KAFKA_TLS_INSECURE: '`1`: do not check the certificates of brokers. For tests.',
  KAFKA_SASL_MECHANISM: '`PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512` or `OAUTHBEARER`; without it no login.',
  KAFKA_SASL_USERNAME: 'User name for PLAIN and SCRAM.',
  KAFKA_SASL_PASSWORD: 'Its password. Never printed.',
  KAFKA_SASL_TOKEN: 'Bearer token for OAUTHBEARER. Never printed.',
  KAFKA_COMPRESSION: `How records are compressed: ${compressions.map((c) => `\`${c}\``).join(', ')} (default none).`,
  KAFKA_FETCH_BYTES: 'Bytes that are fetched of a partition at once (default 1,048,576, about ten thousand records); a batch is never cut.',
  KAFKA_BATCH_BYTES: 'Bytes of a batch that is written, before compression (default 1,000,000: brokers take 1 MiB).',
  KAFKA_PATIENCE_MS: 'Milliseconds for which an unreachable broker is tried again before a run fails (default 120,000).',
  KAFKA_SESSION_MS: 'Milliseconds of silence after which the tasks of a process go to the others of its group (default 10,000; brokers take 6,000 to 1,800,000).',
  KAFKA_STANDBY: 'How many other processes of a group keep a copy of the state of each task up to date, so that one that takes it over need not read it (default 0). The same in all processes.',
} as const;

/** Those that are never printed. */
export const kafkaSecrets = ['KAFKA_SASL_PASSWORD', 'KAFKA_SASL_TOKEN'] as const satisfies readonly (keyof typeof kafkaVariables)[];

const defaults = { KAFKA_PATIENCE_MS: 120_000, KAFKA_FETCH_BYTES: 1_048_576, KAFKA_BATCH_BYTES: 1_000_000, KAFKA_SESSION_MS: 10_000, KAFKA_STANDBY: 0 } as const;
const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const;

/** Names and values of environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The settings that the environment has, or undefined without KAFKA_BROKERS.
 *
 * @throws HR_KAFKA_SETTINGS or HR_REGISTRY_SETTINGS naming the variable that cannot be used
 */
export function kafkaSettings(env: Environment = process.env): KafkaSettings | undefined {
  const value = (name: keyof typeof kafkaVariables): string | undefined => (env[name]?.trim() === '' ? undefined : env[name]?.trim());
  const list = value('KAFKA_BROKERS');
  if (list === undefined) return undefined;
  const oneOf = <const C extends string>(name: keyof typeof kafkaVariables, choices: readonly C[]): C | undefined => {
    const text = value(name);
    const found = choices.find((c) => c === text);
    if (text !== undefined && found === undefined) throw wrong(name, `is "${text}"; give ${choices.join(', ')}`);
    return found;
  };
  const number = (name: keyof typeof defaults): number => {
    const text = value(name);
    const least = Math.min(defaults[name], 1);
    if (text !== undefined && !(/^\d{1,9}$/.test(text) && Number(text) >= least)) throw wrong(name, `is "${text}"; give a whole number ${least === 0 ? 'from 0 on' : 'over 0'}`);
    return text === undefined ? defaults[name] : Number(text);
  };
  const tls = readTls(value);
  const registry = registrySettings(env);
  const mechanism = oneOf('KAFKA_SASL_MECHANISM', mechanisms);
  return {
    client: oneOf('HEADRACE_KAFKA_CLIENT', kafkaClients) ?? 'columnar',
    brokers: list.split(',').map(readAddress),
    compression: oneOf('KAFKA_COMPRESSION', compressions) ?? 'none',
    fetchBytes: number('KAFKA_FETCH_BYTES'),
    batchBytes: number('KAFKA_BATCH_BYTES'),
    patienceMs: number('KAFKA_PATIENCE_MS'),
    ...(registry === undefined ? {} : { registry }),
    sessionMs: number('KAFKA_SESSION_MS'),
    standby: number('KAFKA_STANDBY'),
    ...(tls === undefined ? {} : { tls }),
    ...(mechanism === undefined ? {} : { login: readLogin(mechanism, value) }),
  };
}

function wrong(name: string, what: string): HeadraceError {
  return new HeadraceError('HR_KAFKA_SETTINGS', `${name} ${what}.`);
}

function readAddress(text: string): { host: string; port: number } {
  const match = /^\[?([^\s[\]]+?)\]?:(\d{1,5})$/.exec(text.trim());
  const port = Number(match?.[2]);
  if (match === null || port < 1 || port > 65_535) throw wrong('KAFKA_BROKERS', `has "${text.trim()}"; give host:port, separated by commas`);
  return { host: match[1]!, port };
}

type Value = (name: keyof typeof kafkaVariables) => string | undefined;

function readTls(value: Value): KafkaTls | undefined {
  const file = (name: keyof typeof kafkaVariables) => fileOfSetting(value(name), (path, cause) => new HeadraceError('HR_KAFKA_SETTINGS', `${name}: ${path} cannot be read.`, { cause }));
  const [ca, cert, key] = [file('KAFKA_TLS_CA'), file('KAFKA_TLS_CERT'), file('KAFKA_TLS_KEY')];
  if ((cert === undefined) !== (key === undefined)) throw wrong(cert === undefined ? 'KAFKA_TLS_CERT' : 'KAFKA_TLS_KEY', 'is missing: a certificate and its key belong together');
  if (value('KAFKA_TLS') !== '1' && ca === undefined && cert === undefined) return undefined;
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }), rejectUnauthorized: value('KAFKA_TLS_INSECURE') !== '1' };
}

function readLogin(mechanism: KafkaLogin['mechanism'], value: Value): KafkaLogin {
  const needed = (name: keyof typeof kafkaVariables): string => {
    const text = value(name);
    if (text === undefined) throw wrong(name, `is missing: KAFKA_SASL_MECHANISM=${mechanism} needs it`);
    return text;
  };
  if (mechanism === 'OAUTHBEARER') return { mechanism, token: needed('KAFKA_SASL_TOKEN') };
  return { mechanism, username: needed('KAFKA_SASL_USERNAME'), password: needed('KAFKA_SASL_PASSWORD') };
}
