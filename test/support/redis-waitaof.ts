import { createClient } from 'redis'

/** Says that a write is on disk before it is, with `appendfsync everysec`. */
const EARLY = [/^redis_version:7\.4\.[0-2]\s/m, /^valkey_version:8\.[01]\./m]

/**
 * Returns whether a server can wait for its append-only file: `unknown` if it does not know the command, `early` if it answers too
 * early with `appendfsync everysec`.
 */
export async function waitaofOf(url: string): Promise<'known' | 'early' | 'unknown'> {
  const admin = await createClient({ url, RESP: 2 }).connect()
  try {
    const [command] = (await admin.sendCommand(['COMMAND', 'INFO', 'waitaof'])) as unknown as unknown[]
    if (!command) return 'unknown'
    const info = (await admin.sendCommand(['INFO', 'server'])) as unknown as string
    return EARLY.some((version) => version.test(info)) ? 'early' : 'known'
  } finally {
    admin.destroy()
  }
}
