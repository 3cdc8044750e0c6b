import { HeadraceError } from '../../dataflow/errors.js';

/** Where artefacts are kept in a store with the API of S3, and how to reach it. */
export interface S3Settings {
  /** Address of the store; buckets are the first part of the path. */
  readonly endpoint: URL;
  readonly bucket: string;
  /** In front of every key, without a slash at its ends; empty: none. */
  readonly prefix: string;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** Of temporary credentials. */
  readonly sessionToken?: string;
}

/** The environment variables of S3: their one home. Those of AWS have the names that its tools know. */
export const s3Variables = {
  HEADRACE_ARTEFACTS: 'Where heads are kept, `s3://BUCKET/PREFIX`: a store with the API of S3, beside the copies in the data directory. Without it they are there, and on Kafka in a topic.',
  AWS_ENDPOINT_URL_S3: 'Address of the store, for another than AWS: `http://HOST:PORT`.',
  AWS_REGION: 'Its region (default `us-east-1`).',
  AWS_ACCESS_KEY_ID: 'Name of the key that requests are signed with.',
  AWS_SECRET_ACCESS_KEY: 'The key. Never printed.',
  AWS_SESSION_TOKEN: 'Of temporary credentials. Never printed.',
} as const;

/** Those that are never printed. */
export const s3Secrets = ['AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'] as const satisfies readonly (keyof typeof s3Variables)[];

/**
 * The settings that variables give; undefined without HEADRACE_ARTEFACTS.
 *
 * @throws HR_ARTEFACTS_SETTINGS
 */
export function s3Settings(variables: Readonly<Record<string, string | undefined>> = process.env): S3Settings | undefined {
  const value = (name: keyof typeof s3Variables): string | undefined => (variables[name] === '' ? undefined : variables[name]);
  const address = value('HEADRACE_ARTEFACTS');
  if (address === undefined) return undefined;
  const wrong = (name: keyof typeof s3Variables, what: string, cause?: unknown) => new HeadraceError('HR_ARTEFACTS_SETTINGS', `${name} ${what}.`, { cause });
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(address);
  if (match === null) throw wrong('HEADRACE_ARTEFACTS', `is "${address}"; give s3://BUCKET/PREFIX`);
  const prefix = (match[2] ?? '').replace(/^\/+|\/+$/g, '');
  if (!/^[A-Za-z0-9/._-]*$/.test(prefix)) throw wrong('HEADRACE_ARTEFACTS', `has the prefix "${prefix}"; it is made of letters, digits and / . _ -`);
  const region = value('AWS_REGION') ?? 'us-east-1';
  let endpoint: URL;
  try {
    endpoint = new URL(value('AWS_ENDPOINT_URL_S3') ?? `https://s3.${region}.amazonaws.com`);
  } catch (cause) {
    throw wrong('AWS_ENDPOINT_URL_S3', 'is no address; give http://HOST:PORT or https://HOST', cause);
  }
  if (endpoint.protocol !== 'http:' && endpoint.protocol !== 'https:') throw wrong('AWS_ENDPOINT_URL_S3', `begins with ${endpoint.protocol}//; give http:// or https://`);
  const [accessKey, secretKey, sessionToken] = [value('AWS_ACCESS_KEY_ID'), value('AWS_SECRET_ACCESS_KEY'), value('AWS_SESSION_TOKEN')];
  if (accessKey === undefined) throw wrong('AWS_ACCESS_KEY_ID', 'is missing');
  if (secretKey === undefined) throw wrong('AWS_SECRET_ACCESS_KEY', 'is missing');
  return { endpoint, bucket: match[1]!, prefix, region, accessKey, secretKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}
