/** Writes an answer of Kafka's protocol in its flexible encoding (KIP-482). */
export interface AnswerWriter {
  int8(value: number): AnswerWriter;
  int16(value: number): AnswerWriter;
  int32(value: number): AnswerWriter;
  int64(value: number | bigint): AnswerWriter;
  boolean(value: boolean): AnswerWriter;
  /** 32 hexadecimal digits. */
  uuid(hex: string): AnswerWriter;
  text(value: string | null): AnswerWriter;
  bytes(value: Uint8Array): AnswerWriter;
  /** No tagged fields. */
  tags(): AnswerWriter;
  /** Elements, each of which writes its own tagged fields. */
  array<T>(items: readonly T[], write: (item: T) => void): AnswerWriter;
  unsigned(value: number): AnswerWriter;
  take(): Buffer;
}

export function answerWriter(): AnswerWriter {
  let bytes = Buffer.allocUnsafe(512);
  let end = 0;
  const grow = (size: number): number => {
    if (end + size > bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(end + size, bytes.length * 2));
      bytes.copy(larger, 0, 0, end);
      bytes = larger;
    }
    end += size;
    return end - size;
  };
  const writer: AnswerWriter = {
    int8(value) {
      const at = grow(1);
      bytes.writeInt8(value, at);
      return writer;
    },
    int16(value) {
      const at = grow(2);
      bytes.writeInt16BE(value, at);
      return writer;
    },
    int32(value) {
      const at = grow(4);
      bytes.writeInt32BE(value, at);
      return writer;
    },
    int64(value) {
      const at = grow(8);
      bytes.writeBigInt64BE(BigInt(value), at);
      return writer;
    },
    boolean: (value) => writer.int8(value ? 1 : 0),
    uuid(hex) {
      const at = grow(16);
      bytes.write(hex, at, 'hex');
      return writer;
    },
    text(value) {
      if (value === null) return writer.unsigned(0);
      const size = Buffer.byteLength(value);
      writer.unsigned(size + 1);
      const at = grow(size);
      bytes.write(value, at);
      return writer;
    },
    bytes(value) {
      writer.unsigned(value.length + 1);
      const at = grow(value.length);
      bytes.set(value, at);
      return writer;
    },
    tags: () => writer.unsigned(0),
    array(items, write) {
      writer.unsigned(items.length + 1);
      for (const item of items) write(item);
      return writer;
    },
    unsigned(value) {
      let rest = value;
      for (; rest > 127; rest >>>= 7) writer.int8(((rest & 127) | 128) << 24 >> 24);
      return writer.int8(rest);
    },
    take: () => bytes.subarray(0, end),
  };
  return writer;
}
