import { fstatSync, writeFileSync } from 'node:fs'
import type { Terminal } from './command.ts'

type Stream = NodeJS.WriteStream & { readonly fd: number }

/**
 * Writes to standard output. `onFailure` is called with the code of whatever keeps it from being written. Node.js takes what a full disk
 * took only in part for written, and only the next write would fail. So files are written until they have all, or fail.
 */
export function createOutput(
  stream: Stream,
  onFailure: (code: string) => void,
): Pick<Terminal, 'print' | 'printed'> {
  let hasFailed = false
  const fail = ({ code = 'unknown reason' }: NodeJS.ErrnoException): void => {
    hasFailed = true
    onFailure(code)
  }
  stream.on('error', fail)
  if (!isFile(stream))
    return {
      print: (line) => void stream.write(`${line}\n`),
      printed: () => new Promise((resolve) => void stream.write('', (error) => resolve(!error))),
    }
  return {
    print(line) {
      // What fits behind a hole would make it look whole, and one reason is enough.
      if (hasFailed) return
      try {
        writeFileSync(stream.fd, `${line}\n`)
      } catch (error) {
        fail(error as NodeJS.ErrnoException)
      }
    },
    printed: async () => !hasFailed,
  }
}

/** False also if there is none. */
function isFile({ fd }: Stream): boolean {
  try {
    return fstatSync(fd).isFile()
  } catch {
    return false
  }
}
