import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** Who holds the writer lock of a data directory. */
export interface LockHolder {
  readonly pid: number;
  /** Start time of the process in clock ticks since boot, where /proc tells it; a pid is used again, this pair is not. */
  readonly ticks: string | undefined;
  readonly host: string;
  /** ISO time at which the lock was taken. */
  readonly started: string;
  readonly owner: string | undefined;
}

/** The part of a lock holder that names this process. */
export function thisProcess(): Pick<LockHolder, 'pid' | 'ticks' | 'host'> {
  return { pid: process.pid, ticks: startTicks(process.pid), host: hostname() };
}

/** Whether the process that took the lock still runs. False for another host, which cannot be looked at from here. */
export function isAlive(holder: LockHolder): boolean {
  if (holder.host !== hostname()) return false;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    // EPERM: it is there and another user's
    if ((error as { code?: unknown }).code === 'ESRCH') return false;
  }
  const ticks = startTicks(holder.pid);
  // where /proc does not tell, the pid has to do
  return ticks === undefined || holder.ticks === undefined || ticks === holder.ticks;
}

/** One sentence for the person whose command was refused. */
export function describeHolder(holder: LockHolder, dataDir: string): string {
  const started = new Date(holder.started);
  const clock = [started.getHours(), started.getMinutes()].map((n) => String(n).padStart(2, '0')).join(':');
  const owner = holder.owner === undefined ? '' : `, pipeline ${holder.owner}`;
  const who = holder.pid === process.pid ? 'Another part of this process' : 'Another process';
  return `${who} is using ${dataDir} (pid ${holder.pid}, started ${clock}${owner}).`;
}

/** Field 22 of /proc/<pid>/stat (proc_pid_stat(5)), 'dead' for a process that only waits to be reaped, undefined where it cannot be read. */
function startTicks(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // the name in parentheses may hold blanks
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? 'dead' : fields[19];
}
