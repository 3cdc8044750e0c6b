/** Schemas by id, as the Confluent wire format needs them: an id stands for one schema text, for good. */
export interface SchemaRegistry {
  /** The id of this text, given now when it has none. Under a subject the last text registered is the latest. */
  register(subject: string, schemaText: string): Promise<number>;
  /** The text of an id, or undefined when there is no such id. */
  schemaById(id: number): Promise<string | undefined>;
  /** The newest schema of a subject, or undefined when it has none. */
  latest(subject: string): Promise<RegisteredSchema | undefined>;
}

/** A schema under its id. */
export interface RegisteredSchema {
  readonly id: number;
  readonly schemaText: string;
}
