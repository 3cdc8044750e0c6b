/** Names of topics that are Headrace's own; `topics()` does not list them. */
export const internalPrefix = '_headrace.';

/** One record an epoch of a task: its number, positions and journal entries. Partition p is that of task p. */
export function epochsTopic(pipeline: string): string {
  return `${internalPrefix}${encoded(pipeline)}.epochs`;
}

/** The pipeline whose epochs a topic has, or undefined for another topic. */
export function pipelineOf(topic: string): string | undefined {
  const name = new RegExp(`^${internalPrefix.replace('.', '\\.')}([A-Za-z0-9_-]+)\\.epochs$`).exec(topic)?.[1];
  return name === undefined ? undefined : Buffer.from(name.replace(/_([0-9a-f]{2})/g, (_, byte: string) => String.fromCharCode(Number.parseInt(byte, 16))), 'latin1').toString();
}

/** The changes of a task's state, and its state again, little by little. Partition p is that of task p. */
export function changelogTopic(pipeline: string): string {
  return `${internalPrefix}${encoded(pipeline)}.changelog`;
}

/** What tasks send to one another. Partition p is that of the receiving task p. */
export function parcelsTopic(pipeline: string): string {
  return `${internalPrefix}${encoded(pipeline)}.parcels`;
}

/** All that is kept of a pipeline. */
export function topicsOfPipeline(pipeline: string): readonly string[] {
  return [epochsTopic(pipeline), changelogTopic(pipeline), parcelsTopic(pipeline)];
}

/** Schemas by id and the newest of each subject, where no registry is configured. */
export const schemasTopic = `${internalPrefix}schemas`;

/** Who has claimed which transactional id last, where brokers alone cannot tell (kafkajs). */
export const claimsTopic = `${internalPrefix}claims`;

/** The artefacts of all processes, in parts. */
export const artefactsTopic = `${internalPrefix}artefacts`;

/** Letters, digits and dashes stay; anything else is `_` and two digits a byte, so that no two names become one. */
function encoded(name: string): string {
  return name.replace(/[^A-Za-z0-9-]/gu, (c) => Array.from(Buffer.from(c), (byte) => `_${byte.toString(16).padStart(2, '0')}`).join(''));
}
