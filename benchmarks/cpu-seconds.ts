import { readFileSync } from 'node:fs';

/** Clock ticks in a second of /proc. */
const ticksPerS = 100;

/** What a process has used of the processors so far, in seconds. Linux. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerS;
}
