import { HeadraceError } from '../../dataflow/errors.js';
import type { SchemaRegistry } from '../../dataflow/ports/schema-registry.js';
import { patience, type PatienceOptions } from '../patience.js';
import { isTlsFailure } from '../tls-failure.js';
import { loadRegistryClient, type RegistryClient, type SchemaInfo } from './load-registry-client.js';
import type { RegistrySettings } from './registry-settings.js';

/** A registry on a server. */
export interface ConfluentRegistry extends SchemaRegistry {
  /** The level of compatibility that subjects have by default. */
  compatibility(): Promise<string>;
}

/** "There is none": of a subject, a version, a schema; and Confluent's and Apicurio's 404 for a subject without a level of its own. */
const missing = new Set([40401, 40402, 40403, 40408]);
const tooMany = 429;
const timedOut = 408;

/**
 * Schemas in a registry with Confluent's API (Confluent's own, Apicurio), through `@confluentinc/schemaregistry`, which is loaded with the first call.
 *
 * *Details*: schemas evolve under the compatibility that the registry has for their subject; where it has none, a subject that is new gets BACKWARD. A schema that was there before is not made the latest by registering it again.
 * A registry that does not answer is waited for.
 *
 * Errors: HR_SCHEMA_INCOMPATIBLE the registry refuses a schema; HR_REGISTRY_DENIED, HR_REGISTRY_UNREACHABLE, HR_REGISTRY; HR_REGISTRY_SETTINGS the package is not installed.
 */
export function confluentRegistry(settings: RegistrySettings, options: Pick<PatienceOptions, 'warn' | 'clock'> = {}): ConfluentRegistry {
  const where = `The schema registry at ${settings.urls.join(', ')}`;
  const texts = new Map<number, string>();
  let loading: Promise<RegistryClient> | undefined;
  const patiently = patience({
    ...options,
    who: 'the schema registry',
    isPassing,
    patienceMs: () => settings.patienceMs,
    reasonOf,
    asError: (error) => asRegistryError(where, error),
    unreachable: (tried, cause) => new HeadraceError('HR_REGISTRY_UNREACHABLE', `${where} ${tried}`, { cause: plain(cause) }),
  });
  const ask = async <R>(what: string, call: (client: RegistryClient) => Promise<R>): Promise<R> => {
    loading ??= loadRegistryClient(settings);
    const client = await loading;
    return patiently(what, () => call(client));
  };
  /** Undefined when there is no such thing. */
  const find = <R>(what: string, call: (client: RegistryClient) => Promise<R>): Promise<R | undefined> =>
    ask(what, (client) =>
      call(client).catch((error: unknown) => {
        if (missing.has(restError(error)?.errorCode ?? 0)) return undefined;
        throw error;
      }),
    );
  const latest = (subject: string) =>
    find(`the schema of ${subject}`, (client) => {
      client.clearLatestCaches();
      return client.getLatestSchemaMetadata(subject);
    });
  return {
    async register(subject, schemaText) {
      if ((await latest(subject)) === undefined && (await isUnchecked(subject))) await ask(`the compatibility of ${subject}`, (client) => client.updateCompatibility(subject, 'BACKWARD'));
      return ask(`the schema of ${subject}`, (client) =>
        client.register(subject, { schemaType: 'AVRO', schema: schemaText }).catch((error: unknown) => {
          if (restError(error)?.status !== 409) throw error;
          throw new HeadraceError('HR_SCHEMA_INCOMPATIBLE', `${where} refuses the schema of ${subject}: ${reasonOf(error)}.`, { place: { topic: subject.replace(/-value$/, '') } });
        }),
      );
    },
    async schemaById(id) {
      const known = texts.get(id);
      if (known !== undefined) return known;
      const found = await find(`the schema ${id}`, (client) => client.getBySubjectAndId('', id));
      if (found !== undefined) texts.set(id, avro(found, `The schema ${id}`));
      return texts.get(id);
    },
    async latest(subject) {
      const found = await latest(subject);
      return found?.id === undefined ? undefined : { id: found.id, schemaText: avro(found, `The schema of ${subject}`) };
    },
    compatibility: () => ask('its compatibility', (client) => client.getDefaultCompatibility()),
  };

  /** Nothing would be compared: neither the subject nor the registry has a level. Apicurio gives NONE for a subject without one, Confluent 404. */
  async function isUnchecked(subject: string): Promise<boolean> {
    const own = await find(`the compatibility of ${subject}`, (client) => client.getCompatibility(subject));
    return (own ?? 'NONE') === 'NONE' && (await ask('its compatibility', (client) => client.getDefaultCompatibility())) === 'NONE';
  }

  function avro({ schema, schemaType = 'AVRO' }: SchemaInfo, what: string): string {
    if (schemaType !== 'AVRO') throw new HeadraceError('HR_SCHEMA', `${what} is not Avro but ${schemaType}.`);
    return schema;
  }
}

/** An answer of the registry that is an error. */
function restError(error: unknown): { readonly status: number; readonly errorCode: number } | undefined {
  const { status, errorCode } = error as { readonly status?: unknown; readonly errorCode?: unknown };
  return typeof status === 'number' && typeof errorCode === 'number' ? { status, errorCode } : undefined;
}

function isPassing(error: unknown): boolean {
  if (error instanceof HeadraceError || isTlsFailure(error)) return false;
  const answer = restError(error);
  // an answer that never came has no status
  if (answer === undefined) return (error as { readonly isAxiosError?: boolean }).isAxiosError === true;
  return answer.status >= 500 || answer.status === tooMany || answer.status === timedOut;
}

/** In the registry's words. */
function reasonOf(error: unknown): string {
  const { message, code, errors } = error as { readonly message: string; readonly code?: string; readonly errors?: readonly unknown[] };
  const words = message === '' && errors !== undefined && errors.length > 0 ? reasonOf(errors[0]) : message;
  return words === '' ? (code ?? 'no answer') : words.replace(/; Error code: -?\d+$/, '').replace(/\.$/, '');
}

function asRegistryError(where: string, error: unknown): HeadraceError {
  if (error instanceof HeadraceError) return error;
  const status = restError(error)?.status;
  if (status === 401 || status === 403) return new HeadraceError('HR_REGISTRY_DENIED', `${where} answers ${status}: ${reasonOf(error)}.`);
  const remedy = status === 404 ? { remedy: 'Check the path in SCHEMA_REGISTRY_URL: that of Apicurio ends in /apis/ccompat/v7.' } : {};
  return new HeadraceError('HR_REGISTRY', `${where}${status === undefined ? '' : ` answers ${status}`}: ${reasonOf(error)}.`, { cause: plain(error), ...remedy });
}

/** Without the request that it carries, and the password in that. */
function plain(error: unknown): Error {
  return new Error(reasonOf(error));
}
