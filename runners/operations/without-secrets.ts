import { clickHouseSecrets } from '../../connectors/clickhouse/clickhouse-settings.js';
import { kafkaSecrets } from '../../connectors/kafka/kafka-settings.js';
import { redisSecrets } from '../../connectors/redis/redis-settings.js';
import { s3Secrets } from '../../connectors/s3/s3-settings.js';
import { registrySecrets } from '../../connectors/registry/registry-settings.js';

/** Variables whose values are never printed. */
export const secretVariables: readonly string[] = ['HEADRACE_TOKEN', ...kafkaSecrets, ...redisSecrets, ...clickHouseSecrets, ...registrySecrets, ...s3Secrets];
/** Addresses that may have a password in them. */
const addressVariables = ['REDIS_URL', 'CLICKHOUSE_URL', 'SCHEMA_REGISTRY_URL'];
/** A shorter secret would take ordinary words out of messages. */
const shortestSecret = 4;
const shownInstead = '***';

/** Takes the values of secret variables, and passwords in addresses, out of a text, also where they are quoted as JSON or in a URL. */
export function withoutSecrets(text: string, variables: Readonly<Record<string, string | undefined>> = process.env): string {
  let clean = text;
  const secrets = [...secretVariables.map((name) => variables[name]?.trim()), ...addressVariables.map((name) => passwordIn(variables[name]))];
  for (const secret of secrets) {
    if (secret === undefined || secret.length < shortestSecret) continue;
    for (const form of new Set([secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)])) clean = clean.replaceAll(form, shownInstead);
  }
  return clean;
}

function passwordIn(address: string | undefined): string | undefined {
  if (address === undefined || !URL.canParse(address)) return undefined;
  try {
    return decodeURIComponent(new URL(address).password);
  } catch {
    // not percent-encoded: it stands in the address as it is
    return new URL(address).password;
  }
}
