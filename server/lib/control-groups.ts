import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Returns how much memory the control groups of this process allow, in bytes; Infinity if none limits it. Those above its own bind as
 * well: a systemd slice, or the pod of a container without a limit of its own. Node looks at its own only.
 */
export function controlGroupLimit({ root = '/' } = {}): number {
  const groups = (read(join(root, 'proc/self/cgroup')) ?? '').split('\n')
  const mount = join(root, 'sys/fs/cgroup')
  const limits = groups.flatMap((line) => {
    // Names of units can hold colons.
    const [, controllers, path = '/'] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
    if (controllers === '') return upwards(path).map((group) => limitOf(join(mount, group)))
    // What a container sees of the first version may begin at its own group, whatever its path is.
    if (controllers?.split(',').includes('memory'))
      return [path, '/'].map((group) => effectiveLimitOf(join(mount, 'memory', group)))
    return []
  })
  return Math.min(...limits)
}

/** A path and all above it. */
const upwards = (path: string): string[] =>
  path.split('/').map((_, i, names) => names.slice(0, names.length - i).join('/'))

const limitOf = (group: string): number =>
  Math.min(...['memory.max', 'memory.high'].map((name) => toBytes(read(join(group, name))?.trim())))

/** The first version says itself what those above a group allow. */
const effectiveLimitOf = (group: string): number =>
  toBytes(/^hierarchical_memory_limit (\d+)$/m.exec(read(join(group, 'memory.stat')) ?? '')?.[1])

const toBytes = (text = ''): number => (/^\d+$/.test(text) ? Number(text) : Infinity)

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return undefined
  }
}
