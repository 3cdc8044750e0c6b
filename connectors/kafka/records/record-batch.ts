/*
 * A record batch, magic 2, big-endian (KIP-98; https://kafka.apache.org/documentation/#recordbatch):
 *
 *    0 i64 base offset      8 i32 size from byte 12 on      12 i32 leader epoch      16 i8 magic
 *   17 u32 CRC-32C of everything from byte 21 on
 *   21 i16 attributes: bits 0-2 compression, 3 log append time, 4 transactional, 5 control
 *   23 i32 offset of the last record from the base
 *   27 i64 first timestamp                     35 i64 largest timestamp
 *   43 i64 producer id      51 i16 producer epoch      53 i32 first sequence number      57 i32 count
 *   61 the records, compressed as a whole; each, with numbers in zigzag varints:
 *      size, i8 attributes, timestamp and offset from the base, key size, key, value size, value, headers: count, then key size, key, value size, value
 */

/** Bytes before the records. */
export const batchHead = 61;
/** Bytes before the size counts. */
export const sizeHead = 12;

export const attribute = { compression: 7, logAppendTime: 8, transactional: 16, control: 32 } as const;

/** Where the fields of the head are. */
export const field = { baseOffset: 0, size: 8, leaderEpoch: 12, magic: 16, crc: 17, attributes: 21, lastOffset: 23, firstTimestamp: 27, largestTimestamp: 35, producerId: 43, producerEpoch: 51, sequence: 53, count: 57 } as const;
