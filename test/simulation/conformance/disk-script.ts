import { join } from 'node:path'
import { systemDisk } from '../../../server/lib/disk.ts'
import type { OpenFile } from '../../../server/lib/disk.ts'

export type DiskOperation =
  | { readonly does: 'create' | 'sync' | 'close' | 'remove'; readonly name: string }
  | { readonly does: 'write'; readonly name: string; readonly offset: number; readonly size: number }
  | { readonly does: 'replace'; readonly name: string; readonly size: number }
  | { readonly does: 'rename'; readonly name: string; readonly other: string }
  | {
      readonly does: 'read'
      readonly name: string
      readonly offset: number | undefined
      readonly length: number | undefined
    }
  | { readonly does: 'sync folder' }

/** Runs operations on files in a folder, one after the other, and returns what each returned, and what was there after it. */
export async function runDiskScript(
  folder: string,
  operations: readonly DiskOperation[],
): Promise<unknown[]> {
  const told: unknown[] = []
  const open = new Map<string, OpenFile>()
  const fileOf = (name: string): string => join(folder, name)

  async function perform(operation: DiskOperation, content: Buffer): Promise<unknown> {
    switch (operation.does) {
      case 'create':
        return void open.set(operation.name, await systemDisk.create(fileOf(operation.name)))
      case 'write':
        return open.get(operation.name)?.write(content, operation.offset)
      case 'sync':
        return open.get(operation.name)?.sync()
      case 'close': {
        // Of a file that was closed, the system may take another for it.
        const file = open.get(operation.name)
        open.delete(operation.name)
        return file?.close()
      }
      case 'remove':
        return systemDisk.remove(fileOf(operation.name))
      case 'replace':
        return systemDisk.replace(fileOf(operation.name), content)
      case 'rename':
        return systemDisk.rename(fileOf(operation.name), fileOf(operation.other))
      case 'read':
        return systemDisk.read(fileOf(operation.name), operation.offset, operation.length).toString('hex')
      case 'sync folder':
        return systemDisk.syncFolder(folder)
    }
  }

  told.push(systemDisk.list(folder), systemDisk.read(fileOf('a')).length)
  systemDisk.makeFolder(folder)
  for (const [i, operation] of operations.entries()) {
    // Another in each step, so that it shows which one is there.
    const content = Buffer.alloc('size' in operation ? operation.size : 0, i + 1)
    const outcome = await perform(operation, content).then(
      (result) => result ?? 'done',
      (error: NodeJS.ErrnoException) => error.code,
    )
    const names = systemDisk.list(folder).toSorted()
    told.push([i, outcome, names.map((name) => [name, systemDisk.size(fileOf(name))])])
  }
  return told
}
