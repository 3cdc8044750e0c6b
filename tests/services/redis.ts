import { execFileSync } from 'node:child_process';
import { isOnPath, isTaken, runInstaller, type Service, servicesDir } from './service.js';

/** Redis from the distribution's package, with a synced append-only file: what it has acknowledged survives kill -9. */
export const redis: Service = redisNamed('redis', ['--appendonly', 'yes', '--appendfsync', 'always']);

/** A Redis for one test file alone, with a name of its own. @param persistence what it writes down; none: only what it is told to, by SAVE */
export function redisNamed(name: string, persistence: readonly string[] = []): Service {
  return {
    name,
    needs: [],
    patience: 20,
    install() {
      if (isOnPath('redis-server')) return;
      const isRoot = process.getuid?.() === 0;
      if (!isOnPath('apt-get') || !isRoot) throw new Error('redis needs the command redis-server: install Redis 7 or newer (Debian: apt-get install redis-server).');
      runInstaller('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'redis-server'], servicesDir);
    },
    command({ dir, port }) {
      return { file: 'redis-server', args: ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '', ...persistence] };
    },
    async ready(port) {
      if (!(await isTaken(port))) return false;
      try {
        return execFileSync('redis-cli', ['-h', '127.0.0.1', '-p', String(port), 'ping'], { stdio: ['ignore', 'pipe', 'ignore'] }).toString().trim() === 'PONG';
      } catch {
        // it listens and still loads its file
        return false;
      }
    },
    variable: (port) => ({ name: 'REDIS_URL', value: `redis://127.0.0.1:${port}` }),
  };
}
