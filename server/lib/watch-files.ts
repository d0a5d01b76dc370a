import { unwatchFile, watchFile } from 'node:fs'

const CHECK_INTERVAL_MS = 2_000

/** Calls back whenever one of these files has changed; also where they are links that are exchanged. Returns a function that stops it. */
export function watchFiles(paths: readonly string[], onChange: () => void): () => void {
  for (const path of paths) watchFile(path, { interval: CHECK_INTERVAL_MS, persistent: false }, onChange)
  return () => {
    for (const path of paths) unwatchFile(path, onChange)
  }
}
