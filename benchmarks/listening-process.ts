import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** State of a socket that listens, in /proc/net/tcp. */
const listening = '0A';

/** The process of this machine that listens on a port; undefined: none that may be looked at. Linux. Cost: one look at each open file of each process. */
export function listeningProcess(port: number): number | undefined {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const sockets = new Set(
    ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => unlessGone(() => readFileSync(file, 'utf8'), '').split('\n')).flatMap((line) => {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      return local?.endsWith(suffix) && state === listening ? [`socket:[${inode}]`] : [];
    }),
  );
  if (sockets.size === 0) return undefined;
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const found = pids.find((pid) => filesOf(`/proc/${pid}/fd`).some((file) => sockets.has(file)));
  return found === undefined ? undefined : Number(found);
}

function filesOf(directory: string): string[] {
  return unlessGone(() => readdirSync(directory), []).map((name) => unlessGone(() => readlinkSync(`${directory}/${name}`), ''));
}

/** What is another user's, has been closed meanwhile, or is not there (IPv6) cannot be read. */
function unlessGone<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
